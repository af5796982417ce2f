//! Reads people out of a CSV file: which column is which, and one row after the other with its line number.
//!
//! Owns the file's form only; whether an address is valid or a name taken is decided by the operation. A row that can't
//! be read is reported and the rest goes on: `records.rs` splits rows itself because readers that are lenient about
//! quotes let one stray quote swallow the rows below it, in silence.

mod column;
mod encoding;
mod records;

pub use column::Column;

use column::Header;
use model::{Error, Kind, Result};
use records::{Fault, Records};
use std::{
    fmt,
    io::{Read, Seek},
};

/// The largest row, in bytes of UTF-8; a longer one is reported and skipped.
pub const LARGEST_ROW: usize = 64 * 1024;

/// The columns are named within so many lines, or not at all.
const HEADER_WITHIN: usize = 10;

/// One readable row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    line: u64,
    cells: [String; Column::ALL.len()],
}

/// A row that can't be read, or (made by the importer) can't be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Line of the file on which the row begins; the header is usually line 1.
    pub line: u64,
    /// The column's name, where one column is to blame.
    pub column: Option<String>,
    /// What is wrong, for people.
    pub reason: String,
}

/// Reads the rows of one file, in constant memory.
#[derive(Debug)]
pub struct Reader<R> {
    records: Records<R>,
    header: Header,
    cells: Vec<String>,
    ended: bool,
}

impl<R: Read + Seek> Reader<R> {
    /// Finds out encoding and separator and reads the header.
    ///
    /// Refuses a file that is no CSV file, has no header that Muster knows, or names a column twice.
    pub fn new(mut source: R) -> Result<Self> {
        let unreadable = |error: std::io::Error| {
            Error::new(Kind::Invalid, "csv.unreadable", format!("The file can't be read: {error}."))
        };
        let encoding = encoding::detect(&mut source).map_err(unreadable)?;
        if encoding.is_spreadsheet {
            let message = "This is a spreadsheet, not a CSV file. Save it as CSV (UTF-8) first.";
            return Err(Error::new(Kind::Invalid, "csv.spreadsheet", message));
        }
        if let Some(seems) = encoding.doubt {
            let message = format!(
                "The file is not written in UTF-8, UTF-16 or plainly Windows-1252, so its names can't be read safely (it looks \
                 like {seems}). Save it as “CSV UTF-8” and import it again."
            );
            return Err(Error::new(Kind::Invalid, "csv.encoding", message));
        }
        source.seek(std::io::SeekFrom::Start(encoding.mark)).map_err(unreadable)?;
        let mut records = Records::new(source, encoding.encoding);
        let lines = records.peek_lines(HEADER_WITHIN).map_err(unreadable)?;
        // Exports begin with a title, `#TYPE …`, `version:v1.0`, `sep=;` or nothing before they name their columns.
        let separator = lines.first().and_then(|line| column::named_separator(line));
        let reads = |line: &str| separator.unwrap_or_else(|| column::separator(line));
        let is_header = |line: &String| Header::is_header(&records::cells(line, reads(line)));
        let before = lines.iter().position(is_header).unwrap_or_else(|| usize::from(separator.is_some()));
        records.separator = lines.get(before).map_or(b',', |line| reads(line));
        for _ in 0..before {
            records.skip_line().map_err(unreadable)?;
        }
        let mut cells = Vec::new();
        match records.next(&mut cells) {
            Some(Ok(_)) => {}
            Some(Err(fault)) => {
                let message = format!("The header, line {}: {}", fault.line, fault.reason);
                return Err(Error::new(Kind::Invalid, "csv.header", message));
            }
            None => return Err(Error::new(Kind::Invalid, "csv.empty", "The file is empty.")),
        }
        let mut header = Header::read(&cells)?;
        let skipped = lines.iter().take(before).filter(|line| column::named_separator(line).is_none());
        if skipped.clone().any(|line| !line.trim().is_empty()) {
            let message =
                format!("The columns are named on line {}. What stands before is left out.", before + 1);
            header.warnings.insert(0, message);
        }
        Ok(Self { records, header, cells, ended: false })
    }
}

impl<R> Reader<R> {
    /// The known columns, in the file's order.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.header.columns()
    }

    /// What was noticed about the header and is worth telling once: columns that are not taken.
    pub fn warnings(&self) -> &[String] {
        &self.header.warnings
    }

    /// The encoding that was found (`UTF-8`, `windows-1252`…).
    pub fn encoding(&self) -> &'static str {
        self.records.encoding()
    }

    /// The separator that was found.
    pub fn separator(&self) -> char {
        char::from(self.records.separator)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.ended {
                return None;
            }
            let record = match self.records.next(&mut self.cells)? {
                Ok(record) => record,
                Err(fault) => {
                    self.ended = fault.is_final;
                    return Some(Err(fault.into()));
                }
            };
            // Spreadsheet programs leave rows of empty cells below the last one.
            if self.cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            let expected = self.header.width();
            let extra_are_empty = self.cells.iter().skip(expected).all(|cell| cell.trim().is_empty());
            // Programs leave out empty cells at the end of a row. Over several lines that is a stray quote.
            let is_short = self.cells.len() < expected && self.records.is_of_several_lines(&record);
            if is_short || !extra_are_empty {
                // A row over several lines that doesn't fit the header has most likely a quote too many on its first
                // line, and what it took are rows of their own.
                self.records.keep_first_line_only(&record);
                let reason = format!(
                    "The row has {} cells, the header has {expected}. Quote a cell that contains the separator.",
                    self.cells.len()
                );
                return Some(Err(RowError { line: record.line, column: None, reason }));
            }
            return Some(self.row(record.line));
        }
    }
}

impl<R> Reader<R> {
    fn row(&self, line: u64) -> Result<Row, RowError> {
        let mut cells = std::array::from_fn(|_| String::new());
        for (cell, column) in self.cells.iter().zip(self.header.all()) {
            if cell.contains(char::REPLACEMENT_CHARACTER) {
                let reason = format!("The cell holds bytes that are not {}.", self.encoding());
                let column = column.map(|column| column.name().to_owned());
                return Err(RowError { line, column, reason });
            }
            if let Some(column) = column {
                if let Some(reason) = column.changed_by_a_spreadsheet(cell.trim()) {
                    return Err(RowError { line, column: Some(column.name().to_owned()), reason });
                }
                cell.trim().clone_into(&mut cells[column.position()]);
            }
        }
        Ok(Row { line, cells })
    }
}

impl Row {
    /// Line of the file on which the row begins.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The cell without the spaces around it; empty where the cell is empty or the file has no such column.
    pub fn get(&self, column: Column) -> &str {
        &self.cells[column.position()]
    }

    /// The names in a cell that lists things (`Support;Managers`); see [`model::csv::names`].
    pub fn list(&self, column: Column) -> Vec<String> {
        model::csv::names(self.get(column))
    }

    /// An error of this row.
    pub fn error(&self, column: Option<Column>, reason: impl Into<String>) -> RowError {
        RowError {
            line: self.line,
            column: column.map(|column| column.name().to_owned()),
            reason: reason.into(),
        }
    }
}

impl From<Fault> for RowError {
    fn from(fault: Fault) -> Self {
        Self { line: fault.line, column: None, reason: fault.reason }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, {column}: {}", self.line, self.reason),
            None => write!(f, "line {}: {}", self.line, self.reason),
        }
    }
}

#[cfg(test)]
mod tests;
