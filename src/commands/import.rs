//! `muster import`: people from a CSV file, good rows taken, bad rows told with line, column and reason.
//!
//! Owns the way from the file to chunks and back to what is printed; what makes a row good is the operation's to say.
//! A file that was imported half can be imported again: who is there already is left unchanged.

mod duplicates;
mod report;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{IsTerminal, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use app::import::{CHUNK, Imported, Listed, Row as Wanted, Taking, Verdict};
use clap::Args;
use connect::csv::{Column, Reader, Row, RowError};
use duplicates::Duplicates;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use model::{Error, FieldError, Kind, Result, UserFields};
use report::Report;

use super::{Session, unexpected};
use crate::{
    cli::{DryRun, InOrg},
    command::{Command, Deed, Outcome},
    output,
    problem::failed,
    runner::Runner,
};

/// What to import.
#[derive(Debug, Args)]
#[command(after_help = "\
The first line names the columns: email, and any of username, given_name, family_name, display_name, title, \
department, division, cost_centre, employee_number, locale, timezone, phone, mobile, personal_email, personal_phone, \
groups, roles, tags, notes. Encoding and separator are found out. People come in staged, or with --invite invited; who is there already is left \
unchanged. The exit code is 4 if rows were refused; the good ones are taken all the same.

Separate groups, roles and tags by ; or |. A cell that is the name of a group or role as a whole is that one. In a list, \
write a separator that belongs to a name as \\; or \\|, or put the name in double quotes.

Examples:
  muster import people.csv --dry-run
  muster import people.csv --report refused.csv
  muster import people.csv --create-groups
  muster import people.csv --invite")]
pub(crate) struct Options {
    /// The CSV file
    file: PathBuf,
    #[command(flatten)]
    org: InOrg,
    /// Write the refused rows with their reasons to this file, to correct and import again
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Invite who is new: each gets a mail. Otherwise people come in staged
    #[arg(long)]
    invite: bool,
    /// Create the groups that don't exist
    #[arg(long)]
    create_groups: bool,
    /// Ask nothing before anything is changed. Imports ask nothing at present
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    dry: DryRun,
}

/// Refused rows that are printed; the rest is counted.
const PRINTED: u64 = 20;
/// How often a chunk is tried while the server is busy.
const TRIES: u32 = 6;

/// Does it.
pub(crate) async fn run(options: Options, session: &Session) -> Result<ExitCode> {
    let mut import = Import::open(&options, session).await?;
    let result = import.all().await;
    import.bar.finish_and_clear();
    import.runner.close().await;
    let tally = &import.tally;
    if let Err(error) = result {
        let message = format!(
            "{} {} rows were done before. Import the same file again: who is there already is left unchanged.",
            error.message(),
            HumanCount(tally.created + tally.unchanged + tally.refused)
        );
        let error = Error::new(error.kind(), "import.stopped", message);
        return Err(error);
    }
    import.report.finish()?;
    tally.print(options.dry.dry_run, session.json, import.report.rows())?;
    Ok(if tally.refused > 0 { ExitCode::from(4) } else { ExitCode::SUCCESS })
}

/// What came of the rows.
#[derive(Default)]
struct Tally {
    created: u64,
    unchanged: u64,
    refused: u64,
    warnings: Vec<String>,
    /// The groups that don't exist, each with the number of rows that name it.
    missing_groups: BTreeMap<String, u64>,
    created_groups: BTreeSet<String>,
    /// The refused rows that are told one by one.
    told: u64,
}

struct Import {
    reader: Reader<Counted>,
    read: Arc<AtomicU64>,
    runner: Runner,
    org: Option<String>,
    dry_run: bool,
    taking: Taking,
    duplicates: Option<Duplicates>,
    report: Report,
    tally: Tally,
    bar: ProgressBar,
}

impl Import {
    async fn open(options: &Options, session: &Session) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::new(
                if error.kind() == std::io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Invalid },
                "import.unreadable",
                format!("{} can't be read: {error}.", options.file.display()),
            )
        };
        let file = File::open(&options.file).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let read = Arc::new(AtomicU64::new(0));
        let reader = Reader::new(Counted { file, read: read.clone() })?;
        let mut warnings = reader.warnings().to_vec();
        for (column, why) in NOT_TAKEN {
            if reader.columns().any(|known| known == *column) {
                warnings.push(format!("The column “{}” is left out: {why}.", column.name()));
            }
        }
        if !session.json {
            for warning in &warnings {
                output::note(format!("Note: {warning}"));
            }
        }
        let columns: Vec<Column> = reader.columns().collect();
        let report = Report::new(options.report.as_deref(), columns, !session.json)?;
        let dry_run = options.dry.dry_run;
        Ok(Self {
            reader,
            read,
            runner: Runner::open(&session.config).await?,
            org: options.org.org.clone(),
            dry_run,
            taking: Taking { invite: options.invite, create_groups: options.create_groups },
            duplicates: dry_run.then(Duplicates::default),
            report,
            tally: Tally { warnings, ..Tally::default() },
            bar: if session.json { ProgressBar::hidden() } else { bar(length, &options.file) },
        })
    }

    /// Every row of the file, chunk by chunk.
    async fn all(&mut self) -> Result<()> {
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            let next = self.reader.next();
            let ended = next.is_none();
            chunk.extend(next);
            if chunk.len() == CHUNK || (ended && !chunk.is_empty()) {
                self.take(&std::mem::take(&mut chunk)).await?;
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// One chunk, with the rows in it that could not be read.
    async fn take(&mut self, chunk: &[Result<Row, RowError>]) -> Result<()> {
        let wanted: Vec<Wanted> = chunk.iter().flatten().map(wanted).collect();
        let mut imported =
            if wanted.is_empty() { Imported::default() } else { self.send(wanted.clone()).await? };
        self.tally.created_groups.extend(std::mem::take(&mut imported.created_groups));
        for (name, rows) in std::mem::take(&mut imported.missing_groups) {
            *self.tally.missing_groups.entry(name).or_default() += rows;
        }
        let mut verdicts = imported.verdicts;
        if let Some(duplicates) = &mut self.duplicates {
            duplicates.judge(&wanted, &mut verdicts);
        }
        let mut verdicts = verdicts.into_iter();
        for row in chunk {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    self.refuse(None, error, false)?;
                    continue;
                }
            };
            match verdicts.next().ok_or_else(|| Error::internal("a row without a verdict"))? {
                Verdict::Created => self.tally.created += 1,
                Verdict::Unchanged { notes } => {
                    self.tally.unchanged += 1;
                    for note in &notes {
                        self.tell(&refusal(row, std::slice::from_ref(note)));
                    }
                }
                Verdict::Refused { fields } => {
                    // The groups that don't exist are named once for the whole file.
                    let is_said_once = fields.iter().all(|field| field.code == "group.unknown");
                    self.refuse(Some(row), &refusal(row, &fields), is_said_once)?;
                }
            }
        }
        let done = self.tally.created + self.tally.unchanged + self.tally.refused;
        self.bar.set_position(self.read.load(Ordering::Relaxed));
        self.bar.set_message(rate(done, self.bar.elapsed()));
        Ok(())
    }

    /// Notes a refused row. What is said once for the whole file is not printed for the row.
    fn refuse(&mut self, row: Option<&Row>, error: &RowError, is_said_once: bool) -> Result<()> {
        self.tally.refused += 1;
        if !is_said_once {
            self.tell(error);
        }
        self.report.add(row, error)
    }

    /// Prints what is to be said of a row, unless that was said of many.
    fn tell(&mut self, error: &RowError) {
        self.tally.told += 1;
        if self.tally.told <= PRINTED && self.report.is_loud() {
            self.bar.suspend(|| output::note(error.to_string()));
        }
    }

    /// What comes of a chunk, also where the server is busy for a while.
    async fn send(&mut self, rows: Vec<Wanted>) -> Result<Imported> {
        let command = Command {
            org: self.org.clone(),
            dry_run: self.dry_run,
            end_secrets: 0,
            deed: Deed::Import { rows, taking: self.taking },
        };
        for attempt in 1.. {
            match self.runner.run(command.clone()).await {
                Ok(Outcome::Imported(imported)) => return Ok(imported),
                Ok(other) => return unexpected(&other),
                Err(error) if error.retry_after().is_some() && attempt < TRIES => {
                    let seconds = error.retry_after().unwrap_or(1).min(10);
                    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::internal("unreachable: the last attempt answers"))
    }
}

/// Columns that are known, but not yet taken by an import.
const NOT_TAKEN: &[(Column, &str)] = &[(Column::Status, "everybody comes in staged")];

/// A row as the operation wants it.
fn wanted(row: &Row) -> Wanted {
    let text = |column| Some(row.get(column).to_owned()).filter(|text| !text.is_empty());
    let listed = |column| Listed::Cell(row.get(column).to_owned());
    let fields = UserFields {
        username: text(Column::Username),
        email: text(Column::Email),
        given_name: text(Column::GivenName),
        family_name: text(Column::FamilyName),
        display_name: text(Column::DisplayName),
        title: text(Column::Title),
        department: text(Column::Department),
        division: text(Column::Division),
        cost_centre: text(Column::CostCentre),
        employee_number: text(Column::EmployeeNumber),
        locale: text(Column::Locale),
        time_zone: text(Column::Timezone),
        phone: text(Column::Phone),
        mobile: text(Column::Mobile),
        personal_email: text(Column::PersonalEmail),
        personal_phone: text(Column::PersonalPhone),
        notes: text(Column::Notes),
        tags: row.list(Column::Tags),
        ..UserFields::default()
    };
    Wanted { line: row.line(), fields, roles: listed(Column::Roles), groups: listed(Column::Groups) }
}

/// Why a row was refused: its columns, and the sentences about them.
fn refusal(row: &Row, fields: &[FieldError]) -> RowError {
    let columns: Vec<&str> =
        fields.iter().map(|field| column_of(&field.field)).filter(|column| !column.is_empty()).collect();
    let reasons: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
    let column = Some(columns.join(", ")).filter(|columns| !columns.is_empty());
    RowError { line: row.line(), column, reason: reasons.join(" ") }
}

/// The column that a refused field stands in.
fn column_of(field: &str) -> &str {
    if field == "time_zone" { Column::Timezone.name() } else { field }
}

fn bar(length: u64, file: &Path) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {percent:>3} %  {msg}");
    let bar = ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.with_prefix(file.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

fn rate(rows: u64, elapsed: Duration) -> String {
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).max(1);
    let rate = rows.saturating_mul(1_000_000) / micros;
    format!("{} rows, {}/s", HumanCount(rows), HumanCount(rate))
}

impl Tally {
    fn print(&self, dry_run: bool, as_json: bool, errors: &[serde_json::Value]) -> Result<()> {
        let Self { created, unchanged, refused, warnings, missing_groups, created_groups, told } = self;
        if as_json {
            return output::json(&serde_json::json!({
                "created": created, "unchanged": unchanged, "refused": refused, "dry_run": dry_run,
                "warnings": warnings, "errors": errors,
                "missing_groups": missing_groups, "created_groups": created_groups,
            }));
        }
        if *told > PRINTED {
            let more = HumanCount(told - PRINTED);
            output::note(format!("… and {more} more; --report FILE writes them all."));
        }
        if !missing_groups.is_empty() {
            let rows = |(name, rows): (&String, &u64)| format!("  {name} ({} rows)", HumanCount(*rows));
            let listed: Vec<String> = missing_groups.iter().map(rows).collect();
            output::note(format!(
                "These groups don't exist:\n{}\nTheir rows were refused. Create the groups with --create-groups, or correct the names.",
                listed.join("\n")
            ));
        }
        if !created_groups.is_empty() {
            let names: Vec<&str> = created_groups.iter().map(String::as_str).collect();
            let verb = if dry_run { "Would create" } else { "Created" };
            output::line(format!("{verb} {} groups: {}.", HumanCount(names.len() as u64), names.join(", ")))?;
        }
        let (created, unchanged, refused) =
            (HumanCount(*created), HumanCount(*unchanged), HumanCount(*refused));
        output::line(if dry_run {
            format!(
                "Would create {created}, leave {unchanged} unchanged, refuse {refused}. Nothing was changed."
            )
        } else {
            format!("Created {created}, unchanged {unchanged}, refused {refused}.")
        })
    }
}

/// The file, which tells how far it has been read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let position = self.file.seek(to)?;
        self.read.store(position, Ordering::Relaxed);
        Ok(position)
    }
}

/// Something about the report's file did not work.
fn unwritable(path: &Path, error: impl std::fmt::Display) -> Error {
    failed(format_args!("The report {} can't be written", path.display()), error)
}
