//! What the command line prints: tables that line up in every script, JSON, and errors that say what to do.
//!
//! Results go to the standard output, everything else to the standard error.

use std::io::{ErrorKind, IsTerminal, Write};

use model::{Error, Kind, Result};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::problem::{Problem, failed};

/// The code of the error that only says that nobody reads on (`muster user list | head`).
pub(crate) const CLOSED: &str = "output.closed";

/// Writes to the standard output.
pub(crate) fn write(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Error::new(Kind::Internal, CLOSED, "Nobody reads the output any more."),
        _ => failed("The output can't be written", error),
    })
}

/// Writes a line to the standard output.
pub(crate) fn line(text: impl AsRef<str>) -> Result<()> {
    write(&format!("{}\n", model::bidi::isolated(text.as_ref())))
}

/// Writes a value as JSON, for people where there is a terminal.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    let pretty = std::io::stdout().is_terminal();
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    // As it is: a program reads it.
    write(&(text.map_err(Error::internal)? + "\n"))
}

/// Says something beside the result.
pub(crate) fn note(text: impl AsRef<str>) {
    // Where even this fails, there is nowhere left to say so.
    writeln!(std::io::stderr(), "{}", text.as_ref()).ok();
}

/// Says what went wrong.
pub(crate) fn error(error: &Error, as_json: bool) {
    if as_json {
        note(serde_json::to_string(&Problem::from(error)).unwrap_or_default());
        return;
    }
    note(format!("muster: {}", error.message()));
    if let Some(count) = error.confirm() {
        note(format!("  Repeat the command with --end-secrets {count} to confirm."));
        return;
    }
    for field in error.fields().iter().filter(|field| field.message != error.message()) {
        note(format!("  {}: {}", field.field, field.message));
    }
    if let [field] = error.fields()
        && field.message == error.message()
    {
        note(format!("  (about {})", field.field));
    }
    if let Some(detail) = error.detail() {
        note(format!("  ({detail})"));
    }
}

/// Rows under a heading, each column as wide as its widest cell.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this heading.
    pub(crate) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self { rows: vec![heading.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row; cells are kept to one line.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let plain = |cell: String| {
            let line = cell.replace(|letter: char| letter.is_control(), " ");
            model::bidi::isolated(&line).into_owned()
        };
        self.rows.push(cells.into_iter().map(plain).collect());
    }

    /// Whether there is nothing but the heading.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_every_script() {
        let mut table = Table::new(["Name", "Status"]);
        table.row(["王伟".to_owned(), "active".to_owned()]);
        table.row(["Bárbara\n".to_owned(), "invited".to_owned()]);
        assert_eq!(table.to_string(), "Name      Status\n王伟      active\nBárbara   invited\n");
    }
}
