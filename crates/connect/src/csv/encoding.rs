//! Finds out how a file writes its characters, by looking at all of it once.
//!
//! The whole file is looked at because the first accented letter may come late, and a wrong guess spoils every name.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::io::{self, Read, Seek, SeekFrom};

/// What was found out.
pub(super) struct Found {
    pub(super) encoding: &'static Encoding,
    /// Bytes of the byte order mark, to be left out.
    pub(super) mark: u64,
    /// A ZIP container or an old binary workbook.
    pub(super) is_spreadsheet: bool,
}

/// Looks at the file from its start to its end; the caller sets the position afterwards.
pub(super) fn detect(source: &mut (impl Read + Seek)) -> io::Result<Found> {
    source.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut held = fill(source, &mut buffer)?;
    let start = &buffer[..held];
    let is_spreadsheet = start.starts_with(b"PK\x03\x04") || start.starts_with(b"\xd0\xcf\x11\xe0");
    if let Some((encoding, mark)) = Encoding::for_bom(start) {
        return Ok(Found { encoding, mark: mark as u64, is_spreadsheet });
    }
    if let Some(encoding) = without_mark(start) {
        return Ok(Found { encoding, mark: 0, is_spreadsheet });
    }
    let (mut characters, mut broken) = (0_u64, 0_u64);
    loop {
        let at_end = held < buffer.len();
        let mut left = 0;
        for chunk in buffer[..held].utf8_chunks() {
            characters += chunk.valid().bytes().filter(|byte| *byte >= 0xc0).count() as u64;
            left = chunk.invalid().len();
            broken += u64::from(left > 0);
        }
        if at_end {
            break;
        }
        if left > 0 {
            // A character cut by the end of the buffer; judged with the bytes that follow.
            broken -= 1;
        }
        buffer.copy_within(held - left..held, 0);
        held = left + fill(source, &mut buffer[left..])?;
    }
    // A UTF-8 file with a broken row stays UTF-8: text in another encoding hardly ever looks like UTF-8 by chance.
    let encoding = if broken == 0 || characters > broken { UTF_8 } else { WINDOWS_1252 };
    Ok(Found { encoding, mark: 0, is_spreadsheet })
}

/// UTF-16 without a mark shows as every other byte being zero.
fn without_mark(start: &[u8]) -> Option<&'static Encoding> {
    let zeros =
        |offset: usize| start.iter().skip(offset).step_by(2).take(2048).filter(|byte| **byte == 0).count();
    let pairs = (start.len() / 2).min(2048);
    match (zeros(0), zeros(1)) {
        (0, many) if pairs > 0 && many * 3 >= pairs => Some(UTF_16LE),
        (many, 0) if pairs > 0 && many * 3 >= pairs => Some(UTF_16BE),
        _ => None,
    }
}

/// Reads until the buffer is full or the file ends.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut held = 0;
    while held < buffer.len() {
        match source.read(&mut buffer[held..]) {
            Ok(0) => break,
            Ok(many) => held += many,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(held)
}
