//! Decodes a file piece by piece and splits it into records (RFC 4180), going on at the next line after a bad one.

use super::{LARGEST_ROW, encoding::fill};
use encoding_rs::{CoderResult, Decoder, Encoding};
use std::io::{self, Read};

/// Where a record was.
#[derive(Debug)]
pub(super) struct Record {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// Where its text begins in the buffer; gone after the next call.
    start: usize,
}

/// A record that can't be read.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) reason: String,
    /// The file itself can't be read further.
    pub(super) is_final: bool,
}

/// The records of a file.
#[derive(Debug)]
pub(super) struct Records<R> {
    source: R,
    decoder: DebugDecoder,
    /// Decoded text; what is before `start` has been given out.
    text: String,
    start: usize,
    /// The line that begins at `start`.
    line: u64,
    bytes: Vec<u8>,
    source_ended: bool,
    pub(super) separator: u8,
}

/// What `split` found at the start of a text.
enum Split {
    /// A record of that many bytes, its end of line included.
    Record(usize),
    /// The text ends before the record does.
    Incomplete,
    /// A quoted cell is followed by something else than a separator.
    BadQuoting,
}

impl<R: Read> Records<R> {
    pub(super) fn new(source: R, encoding: &'static Encoding) -> Self {
        Self {
            source,
            decoder: DebugDecoder(encoding.new_decoder_without_bom_handling()),
            text: String::new(),
            start: 0,
            line: 1,
            bytes: vec![0; 32 * 1024],
            source_ended: false,
            separator: b',',
        }
    }

    /// The next record's cells, or what is wrong with it; nothing at the end of the file.
    pub(super) fn next(&mut self, cells: &mut Vec<String>) -> Option<Result<Record, Fault>> {
        let line = self.line;
        loop {
            if self.source_ended && self.start == self.text.len() {
                return None;
            }
            match split(&self.text[self.start..], self.separator, self.source_ended, cells) {
                Split::Record(length) if length > LARGEST_ROW => {
                    return Some(Err(self.give_up_line(line, too_long())));
                }
                Split::Record(length) => {
                    let start = self.start;
                    self.advance(length);
                    return Some(Ok(Record { line, start }));
                }
                Split::Incomplete if !self.source_ended && self.text.len() - self.start < LARGEST_ROW => {
                    if let Err(error) = self.more() {
                        return Some(Err(unreadable(line, &error)));
                    }
                }
                Split::Incomplete if self.first_line_is_too_long() => {
                    return Some(Err(self.give_up_line(line, too_long())));
                }
                Split::Incomplete => {
                    let reason =
                        "A quote is opened and never closed. Double a quote that belongs to the text.";
                    return Some(Err(self.give_up_line(line, reason.to_owned())));
                }
                Split::BadQuoting => {
                    let reason =
                        "A closing quote is followed by text. Double a quote that belongs to the text.";
                    return Some(Err(self.give_up_line(line, reason.to_owned())));
                }
            }
        }
    }

    /// Goes back so that the next record begins on the line after the first of `record`.
    pub(super) fn keep_first_line_only(&mut self, record: &Record) {
        self.start = record.start;
        self.line = record.line;
        let length = end_of_line(&self.text[self.start..]).unwrap_or(self.text.len() - self.start);
        self.advance(length);
    }

    /// The first lines, at most `count`, which stay to be read.
    pub(super) fn peek_lines(&mut self, count: usize) -> io::Result<Vec<String>> {
        while !self.source_ended && self.text.len() < LARGEST_ROW {
            self.more()?;
        }
        let (mut lines, mut rest) = (Vec::new(), self.text.as_str());
        while lines.len() < count && !rest.is_empty() {
            let length = end_of_line(rest).unwrap_or(rest.len());
            lines.push(rest[..length].to_owned());
            rest = &rest[length..];
        }
        Ok(lines)
    }

    /// Whether the text of a record has line ends within. Only right before the next one is asked for.
    pub(super) fn is_of_several_lines(&self, record: &Record) -> bool {
        self.line > record.line + 1
            || self.text[record.start..self.start].trim_end_matches(['\r', '\n']).contains(['\r', '\n'])
    }

    /// Leaves out the rest of the line, however long it is.
    pub(super) fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let rest = &self.text[self.start..];
            match end_of_line(rest) {
                // The line feed of this carriage return may not have been read yet.
                Some(length) if length == rest.len() && rest.ends_with('\r') && !self.source_ended => {
                    self.start += length - 1;
                    self.more()?;
                    continue;
                }
                Some(length) => {
                    self.advance(length);
                    return Ok(());
                }
                None => self.start = self.text.len(),
            }
            if self.source_ended {
                return Ok(());
            }
            self.more()?;
        }
    }

    fn first_line_is_too_long(&self) -> bool {
        end_of_line(&self.text[self.start..]).is_none_or(|length| length > LARGEST_ROW) && !self.source_ended
    }

    fn give_up_line(&mut self, line: u64, reason: String) -> Fault {
        match self.skip_line() {
            Ok(()) => Fault { line, reason, is_final: false },
            Err(error) => unreadable(line, &error),
        }
    }

    fn advance(&mut self, length: usize) {
        let mut passed = &self.text[self.start..self.start + length];
        while let Some(length) = end_of_line(passed) {
            self.line += 1;
            passed = &passed[length..];
        }
        self.start += length;
    }

    /// Decodes another piece of the file behind the text held.
    fn more(&mut self) -> io::Result<()> {
        self.text.drain(..self.start);
        self.start = 0;
        let held = fill(&mut self.source, &mut self.bytes)?;
        self.source_ended = held < self.bytes.len();
        let mut rest = &self.bytes[..held];
        loop {
            let room = self.decoder.0.max_utf8_buffer_length(rest.len()).unwrap_or(rest.len() * 3 + 16);
            self.text.reserve(room);
            let (result, read, _) = self.decoder.0.decode_to_string(rest, &mut self.text, self.source_ended);
            rest = &rest[read..];
            if result == CoderResult::InputEmpty {
                return Ok(());
            }
        }
    }
}

impl<R> Records<R> {
    pub(super) fn encoding(&self) -> &'static str {
        self.decoder.0.encoding().name()
    }
}

fn too_long() -> String {
    format!("The row is longer than {} KiB.", LARGEST_ROW / 1024)
}

fn unreadable(line: u64, error: &io::Error) -> Fault {
    Fault { line, reason: format!("The file can't be read further: {error}."), is_final: true }
}

/// The cells of one line, as far as it can be split.
pub(super) fn cells(line: &str, separator: u8) -> Vec<String> {
    let mut cells = Vec::new();
    match split(line, separator, true, &mut cells) {
        Split::Record(_) => cells,
        Split::Incomplete | Split::BadQuoting => Vec::new(),
    }
}

/// Splits the record at the start of `text` into `cells`; `ended` says that nothing follows the text.
fn split(text: &str, separator: u8, ended: bool, cells: &mut Vec<String>) -> Split {
    let bytes = text.as_bytes();
    let mut used = 0;
    let mut at = 0;
    loop {
        if used == cells.len() {
            cells.push(String::new());
        }
        let cell = &mut cells[used];
        cell.clear();
        used += 1;
        let blank = bytes[at..].iter().take_while(|byte| **byte == b' ').count();
        if bytes.get(at + blank) == Some(&b'"') {
            match quoted(text, at + blank + 1, cell) {
                Some(end) => at = end,
                None => return Split::Incomplete,
            }
        } else {
            let ends = |byte: &u8| *byte == separator || *byte == b'\n' || *byte == b'\r';
            let length = bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at);
            cell.push_str(&text[at..at + length]);
            at += length;
        }
        let whole = match bytes.get(at) {
            Some(byte) if *byte == separator => {
                at += 1;
                continue;
            }
            Some(b'\n') => at + 1,
            // Whether a line feed follows is known only when more has been read.
            Some(b'\r') if at + 1 < bytes.len() => at + 1 + usize::from(bytes[at + 1] == b'\n'),
            Some(b'\r') if ended => at + 1,
            None if ended => at,
            Some(b'\r') | None => return Split::Incomplete,
            Some(_) => return Split::BadQuoting,
        };
        cells.truncate(used);
        return Split::Record(whole);
    }
}

/// Reads a quoted cell that begins at `from`; answers where what follows the closing quote begins.
fn quoted(text: &str, from: usize, cell: &mut String) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        let length = bytes[at..].iter().position(|byte| *byte == b'"')?;
        cell.push_str(&text[at..at + length]);
        at += length + 1;
        if bytes.get(at) != Some(&b'"') {
            let blank = bytes[at..].iter().take_while(|byte| **byte == b' ').count();
            return Some(at + blank);
        }
        cell.push('"');
        at += 1;
    }
}

/// Length of the first line with its end (LF, CR LF or CR); nothing when the line has none yet.
fn end_of_line(text: &str) -> Option<usize> {
    let at = text.bytes().position(|byte| byte == b'\n' || byte == b'\r')?;
    Some(at + if text[at..].starts_with("\r\n") { 2 } else { 1 })
}

/// `encoding_rs`' decoder says nothing about itself.
struct DebugDecoder(Decoder);

impl std::fmt::Debug for DebugDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.encoding().name())
    }
}
