//! Finds out how a file writes its characters, by looking at all of it once.
//!
//! The whole file is looked at because the first accented letter may come late, and a wrong guess spoils every name. So
//! only what is plain is taken: UTF-8, UTF-16, and Windows-1252 where nothing speaks against it.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::io::{self, Read, Seek, SeekFrom};

/// What was found out.
pub(super) struct Found {
    pub(super) encoding: &'static Encoding,
    /// Bytes of the byte order mark, to be left out.
    pub(super) mark: u64,
    /// A ZIP container or an old binary workbook.
    pub(super) is_spreadsheet: bool,
    /// What it seems to be written in instead, if that can't be told safely.
    pub(super) doubt: Option<&'static str>,
}

/// Looks at the file from its start to its end; the caller sets the position afterwards.
pub(super) fn detect(source: &mut (impl Read + Seek)) -> io::Result<Found> {
    source.seek(SeekFrom::Start(0))?;
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut held = fill(source, &mut buffer)?;
    let start = &buffer[..held];
    let is_spreadsheet = start.starts_with(b"PK\x03\x04") || start.starts_with(b"\xd0\xcf\x11\xe0");
    if let Some((encoding, mark)) = Encoding::for_bom(start) {
        return Ok(Found { encoding, mark: mark as u64, is_spreadsheet, doubt: None });
    }
    if let Some(encoding) = without_mark(start) {
        return Ok(Found { encoding, mark: 0, is_spreadsheet, doubt: None });
    }
    let mut single = SingleByte::new();
    let (mut characters, mut broken, mut fresh) = (0_u64, 0_u64, 0);
    loop {
        let at_end = held < buffer.len();
        single.look(&buffer[fresh..held], at_end);
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
        fresh = left;
        held = left + fill(source, &mut buffer[left..])?;
    }
    // A UTF-8 file with a broken row stays UTF-8: text in another encoding hardly ever looks like UTF-8 by chance.
    if broken == 0 || characters > broken {
        return Ok(Found { encoding: UTF_8, mark: 0, is_spreadsheet, doubt: None });
    }
    Ok(Found { encoding: WINDOWS_1252, mark: 0, is_spreadsheet, doubt: single.doubt() })
}

/// What the bytes of a file that is not Unicode say about how it was written.
struct SingleByte {
    detector: EncodingDetector,
    /// Bytes that are letters in Windows-1252 and nothing much in other encodings: À to ÿ.
    letters: u64,
    /// Š, Œ, Ž, ƒ, Ÿ and their like, rare in Windows-1252; most letters with accents in those of old Macs and DOS.
    rare: u64,
    /// Bytes that Windows-1252 does not have, and its quotation marks between two letters.
    impossible: u64,
    /// The byte before, and the one before that.
    before: [u8; 2],
}

impl SingleByte {
    fn new() -> Self {
        let detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        Self { detector, letters: 0, rare: 0, impossible: 0, before: [0; 2] }
    }

    fn look(&mut self, bytes: &[u8], last: bool) {
        self.detector.feed(bytes, last);
        for byte in bytes {
            match byte {
                0xc0..=0xff => self.letters += 1,
                0x83 | 0x8a | 0x8c | 0x8e | 0x9a | 0x9c | 0x9e | 0x9f => self.rare += 1,
                0x81 | 0x8d | 0x8f | 0x90 | 0x9d => self.impossible += 1,
                _ => {}
            }
            let [first, mark] = self.before;
            let is_inside = first.is_ascii_alphabetic() && byte.is_ascii_alphabetic();
            self.impossible +=
                u64::from(is_inside && matches!(mark, 0x82 | 0x84 | 0x91 | 0x93..=0x95 | 0x98 | 0xa0..=0xa9));
            self.before = [mark, *byte];
        }
    }

    /// Why it is not plainly Windows-1252.
    fn doubt(&self) -> Option<&'static str> {
        let guess = self.detector.guess(None, Utf8Detection::Deny);
        if guess != WINDOWS_1252 {
            return Some(guess.name());
        }
        (self.impossible > 0 || self.rare > self.letters).then_some("an encoding of old Macs or of DOS")
    }
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
