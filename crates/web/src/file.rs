//! Lists as files: CSV or JSON lines, sent page by page while they are read, so that no list is too long for memory.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use model::{Error, Result};
use uuid::Uuid;

/// As what a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    JsonLines,
}

impl Format {
    /// `csv` or `jsonl`; CSV if nothing is said.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        match name {
            "" | "csv" => Ok(Self::Csv),
            "jsonl" => Ok(Self::JsonLines),
            _ => Err(Error::invalid_field("format", "export.format", "Say csv or jsonl.")),
        }
    }

    fn media(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/jsonl",
        })
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

/// Who opens a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person, with a spreadsheet. Excel takes a file for one in the system's old encoding unless it begins with a byte
    /// order mark.
    Spreadsheet,
    /// A program, which would take the mark for a part of the first column's name.
    Program,
}

impl Reader {
    /// What the file begins with.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Spreadsheet => "\u{feff}",
            Self::Program => "",
        }
    }
}

/// Where the reading stands.
enum Step {
    Head,
    Page(Option<Uuid>),
    End,
}

/// A file named `name`, of the columns (for CSV) and of pages, each asked for with where the one before ended. A page that
/// can't be read breaks the transfer off: what has come is then seen to be incomplete.
pub(crate) fn stream<P, F>(
    format: Format,
    reader: Reader,
    columns: &'static [&'static str],
    name: &str,
    pages: P,
) -> Response
where
    P: Fn(Option<Uuid>) -> F + Send + 'static,
    F: Future<Output = Result<(String, Option<Uuid>)>> + Send + 'static,
{
    let next = move |(step, pages): (Step, P)| async move {
        match step {
            Step::Head => {
                let head = if format == Format::Csv {
                    format!("{}{}", reader.mark(), model::csv::line(columns.iter().copied()))
                } else {
                    String::new()
                };
                Some((Ok(Bytes::from(head)), (Step::Page(None), pages)))
            }
            Step::Page(before) => match pages(before).await {
                Ok((lines, older)) => {
                    let step = older.map_or(Step::End, |older| Step::Page(Some(older)));
                    Some((Ok(Bytes::from(lines)), (step, pages)))
                }
                Err(error) => Some((Err(error), (Step::End, pages))),
            },
            Step::End => None,
        }
    };
    let body = Body::from_stream(stream::unfold((Step::Head, pages), next));
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, format.media());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let disposition = format!("attachment; filename=\"{name}.{}\"", format.ending());
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}
