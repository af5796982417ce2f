//! The refused rows with their reasons: as a CSV file that can be corrected and imported again, and for `--json`.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use connect::csv::{Column, Row, RowError};
use model::Result;
use serde_json::{Value, json};

use super::unwritable;

/// See the module.
pub(super) struct Report {
    file: Option<(PathBuf, BufWriter<File>)>,
    columns: Vec<Column>,
    loud: bool,
    rows: Vec<Value>,
}

impl Report {
    /// A report into that file, if one is wanted; `loud`: rows are printed rather than kept for the JSON answer.
    pub(super) fn new(path: Option<&Path>, columns: Vec<Column>, loud: bool) -> Result<Self> {
        let Some(path) = path else { return Ok(Self { file: None, columns, loud, rows: Vec::new() }) };
        let file = File::create(path).map_err(|error| unwritable(path, error))?;
        let mut report =
            Self { file: Some((path.to_owned(), BufWriter::new(file))), columns, loud, rows: Vec::new() };
        let names: Vec<&str> = report.columns.iter().map(|column| column.name()).collect();
        let heading: Vec<String> =
            names.iter().chain(&["line", "error"]).map(|&name| name.to_owned()).collect();
        report.write(&heading)?;
        Ok(report)
    }

    /// Whether refused rows are to be printed.
    pub(super) fn is_loud(&self) -> bool {
        self.loud
    }

    /// The refused rows, for the JSON answer.
    pub(super) fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// A refused row; one that could not even be read has no cells.
    pub(super) fn add(&mut self, row: Option<&Row>, error: &RowError) -> Result<()> {
        if !self.loud {
            self.rows.push(json!({ "line": error.line, "column": error.column, "reason": error.reason }));
        }
        let cell = |column: &Column| row.map_or("", |row| row.get(*column)).to_owned();
        let mut cells: Vec<String> = self.columns.iter().map(cell).collect();
        let column = error.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
        cells.extend([error.line.to_string(), format!("{column}{}", error.reason)]);
        self.write(&cells)
    }

    fn write(&mut self, cells: &[String]) -> Result<()> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        writeln!(file, "{}", cells.join(",")).map_err(|error| unwritable(path, error))
    }

    /// Everything is in the file.
    pub(super) fn finish(&mut self) -> Result<()> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        file.flush().map_err(|error| unwritable(path, error))
    }
}

/// A cell as RFC 4180 writes it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
