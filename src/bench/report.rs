//! Prints what was found: a line for each row as it is done, or one JSON document at the end.

use super::{
    Options,
    figure::{Figure, Unit},
    process::load_average,
    rows::Row,
};
use model::{Error, Result};
use serde_json::{Value, json};
use std::{fmt::Write as _, io::Write as _, time::Duration};

/// One round of a row.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) before: Option<Figure>,
    pub(crate) ours: Option<Figure>,
    pub(crate) after: Option<Figure>,
}

/// A row with all its rounds.
pub(crate) struct Measured {
    pub(crate) row: Row,
    pub(crate) rounds: Vec<Round>,
}

/// Where it is printed to.
pub(crate) struct Report {
    json: bool,
    rows: Vec<Value>,
}

impl Round {
    /// Ours divided by the mean of the limit before and after.
    fn ratio(&self, unit: Unit) -> Option<f64> {
        let (before, after) = (self.before.as_ref()?.in_unit(unit), self.after.as_ref()?.in_unit(unit));
        Some(self.ours.as_ref()?.in_unit(unit) / f64::midpoint(before, after))
    }
}

impl Measured {
    /// Medians over the rounds, and everything that was counted added up.
    fn summary(&self) -> Summary {
        let unit = self.row.unit;
        let values = |pick: fn(&Round) -> Option<&Figure>| -> Option<f64> {
            median(self.rounds.iter().filter_map(pick).map(|figure| figure.in_unit(unit)).collect())
        };
        let ratios: Vec<f64> = self.rounds.iter().filter_map(|round| round.ratio(unit)).collect();
        let mut total = Figure::default();
        for round in &self.rounds {
            if let Some(figure) = round.ours.as_ref().or(round.before.as_ref()) {
                total.merge(figure);
            }
        }
        Summary {
            before: values(|round| round.before.as_ref()),
            ours: values(|round| round.ours.as_ref()),
            after: values(|round| round.after.as_ref()),
            median_ratio: median(ratios.clone()),
            ratios,
            total,
        }
    }
}

struct Summary {
    before: Option<f64>,
    ours: Option<f64>,
    after: Option<f64>,
    ratios: Vec<f64>,
    median_ratio: Option<f64>,
    total: Figure,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, rows: Vec::new() }
    }

    /// Says how it is measured, and the table's head.
    pub(crate) fn start(&self, options: &Options) -> Result<()> {
        if self.json {
            return Ok(());
        }
        let Options { rounds, seconds, users, connections, .. } = options;
        print(&format!(
            "{rounds} rounds of limit (P), Muster, P, {seconds:?} each; {users} users, {connections} callers at once.\n\
             Load of the machine before: {load}.\n\
             p50, p99, statuses and operations per CPU second of the server are Muster's, or P's where it stands alone.\n\n\
             {:>2}  {:<40}{:>11}{:>11}{:>11}  {:<3}{:>8}{:>10}{:>10}{:>10}  {:<26} {:<20} {}\n",
            "#",
            "work",
            "P before",
            "Muster",
            "P after",
            "",
            "ratio",
            "p50",
            "p99",
            "per CPU s",
            "goal",
            "ratio in rounds",
            "statuses",
            load = load_average(),
        ))
    }

    /// A row is done.
    pub(crate) fn row(&mut self, measured: &Measured) -> Result<()> {
        let summary = measured.summary();
        if self.json {
            self.rows.push(as_json(&measured.row, &summary));
            return Ok(());
        }
        print(&as_line(&measured.row, &summary))
    }

    /// All rows are done.
    pub(crate) fn finish(self) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&json!({ "rows": self.rows })).map_err(Error::internal)?;
        print(&(text + "\n"))
    }
}

fn as_line(row: &Row, summary: &Summary) -> String {
    let cell = |value: Option<f64>| value.map_or_else(String::new, number);
    let total = &summary.total;
    let latency = |per_mille| match total.latency.total() {
        0 => String::new(),
        _ => duration(total.latency.percentile(per_mille)),
    };
    let ratios: Vec<String> = summary.ratios.iter().copied().map(number).collect();
    let statuses: Vec<String> =
        total.statuses.iter().map(|(status, many)| format!("{status}: {many}")).collect();
    let mut line = format!(
        "{:>2}  {:<40}{:>11}{:>11}{:>11}  {:<3}{:>8}{:>10}{:>10}{:>10}  {:<26} {:<20} {}",
        row.number,
        row.work,
        cell(summary.before),
        cell(summary.ours),
        cell(summary.after),
        row.unit.name(),
        cell(summary.median_ratio),
        latency(500),
        latency(990),
        cell(total.per_cpu_second()),
        row.goal,
        ratios.join(" "),
        statuses.join(", "),
    );
    line.truncate(line.trim_end().len());
    let note = if measured_nothing(summary) { Some(LEFT_OUT) } else { total.note.as_deref() };
    if let Some(note) = note {
        // Writing to a String can't fail.
        write!(line, "\n      {note}").ok();
    }
    line + "\n"
}

/// Said of rows that could not be measured.
const LEFT_OUT: &str = "left out: give an empty PostgreSQL database with --postgres URL";

fn measured_nothing(summary: &Summary) -> bool {
    summary.before.is_none() && summary.ours.is_none()
}

fn as_json(row: &Row, summary: &Summary) -> Value {
    let total = &summary.total;
    let micros = |per_mille| total.latency.percentile(per_mille).as_secs_f64() * 1e6;
    let latency = (total.latency.total() > 0).then(|| {
        json!({
            "p50_us": micros(500), "p99_us": micros(990), "max_us": total.latency.longest().as_secs_f64() * 1e6,
        })
    });
    json!({
        "number": row.number,
        "work": row.work,
        "unit": row.unit.name(),
        "goal": row.goal,
        "limit_before": summary.before,
        "ours": summary.ours,
        "limit_after": summary.after,
        "ratios": summary.ratios,
        "median_ratio": summary.median_ratio,
        "latency": latency,
        "statuses": total.statuses,
        "operations": total.operations,
        "server_cpu_seconds": total.server_cpu.map(|cpu| cpu.as_secs_f64()),
        "operations_per_server_cpu_second": total.per_cpu_second(),
        "note": total.note,
    })
}

fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(Error::internal)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}

/// Three digits or so, with thousands marked.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 | 100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let plain = format!("{value:.decimals$}");
    let digits = plain.find('.').unwrap_or(plain.len());
    let mut marked = String::new();
    for (position, letter) in plain.chars().enumerate() {
        if position > 0 && position < digits && (digits - position).is_multiple_of(3) {
            marked.push(',');
        }
        marked.push(letter);
    }
    marked
}

fn duration(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    if micros < 1000.0 {
        format!("{} µs", number(micros))
    } else {
        format!("{} ms", number(micros / 1000.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_marked() {
        for (value, expected) in [
            (0.0, "0"),
            (0.756, "0.76"),
            (13.42, "13.4"),
            (999.6, "1000"),
            (13_412.4, "13,412"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), expected.replace("1000", "1,000"));
        }
        assert_eq!(duration(Duration::from_nanos(71_300)), "71.3 µs");
        assert_eq!(duration(Duration::from_millis(25)), "25.0 ms");
    }

    #[test]
    fn a_ratio_is_ours_against_the_mean_of_both_limits() {
        let figure = |value| Some(Figure::of(value));
        let round = Round { before: figure(90.0), ours: figure(80.0), after: figure(110.0) };
        assert_eq!(round.ratio(Unit::PerSecond), Some(0.8));
        assert_eq!(Round { before: figure(1.0), ..Round::default() }.ratio(Unit::PerSecond), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
