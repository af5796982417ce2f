//! The operator's file of breached passwords: whether a password is in it, without reading the file into memory.
//!
//! Two sorts of files are told apart by their first line. SHA-1 hashes in order, as "Have I Been Pwned" offers them
//! (`HASH:COUNT`, 40 GB), are searched where they lie, by halves. A plain list of passwords, at most 64 MB, is kept in
//! memory as hashes; there upper and lower case are the same.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use model::{Error, Kind, Password, Result};
use sha1::{Digest as _, Sha1};
use unicode_normalization::UnicodeNormalization as _;

/// Letters of a SHA-1 in hexadecimal.
const HASH: usize = 40;
/// No line of hashes is longer: the hash, a colon, a count, the line's end.
const LINE: u64 = 128;
/// What is read at once when only so much is left to search.
const BLOCK: u64 = 4096;
/// Largest plain list, in bytes.
const LARGEST_LIST: u64 = 64 * 1024 * 1024;
/// Places at which a file of hashes is looked at when it is opened: enough that another order is noticed.
const SAMPLES: u64 = 256;

/// See the module. Without a file nothing is breached.
#[derive(Debug, Default)]
pub struct BreachedPasswords(Source);

#[derive(Debug, Default)]
enum Source {
    #[default]
    Nothing,
    /// Hashes in order, of so many bytes.
    Hashes(File, u64),
    /// The first 64 bits of each password's hash, in order: of ten million passwords none is mistaken for another.
    List(Vec<u64>),
}

impl BreachedPasswords {
    /// Opens a file, and looks whether it can be searched.
    pub fn open(path: &Path) -> Result<Self> {
        let refused = |message: String| Error::new(Kind::Invalid, "config.breach_file", message);
        let shown = path.display();
        let unreadable = |error: io::Error| {
            refused(format!(
                "The file of breached passwords {shown} can't be read: {error}. Correct the setting \
                 passwords.breach_file, or leave it out."
            ))
        };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut start = vec![0; HASH + 1];
        let read = file.read_at(&mut start, 0).map_err(unreadable)?;
        start.truncate(read);
        if read == 0 {
            return Err(refused(format!(
                "The file of breached passwords {shown} is empty. Correct the setting passwords.breach_file, or \
                 leave it out."
            )));
        }
        if hash_of(&start).is_some() {
            let disorder = |at: u64| {
                refused(format!(
                    "The file of breached passwords {shown} is not in the order of its hashes (near byte {at}). \
                     Get the one that is ordered by hash, or sort it with LC_ALL=C sort."
                ))
            };
            return match first_disorder(&file, length).map_err(unreadable)? {
                Some(at) => Err(disorder(at)),
                None => Ok(Self(Source::Hashes(file, length))),
            };
        }
        if length > LARGEST_LIST {
            return Err(refused(format!(
                "The file of breached passwords {shown} is a list of more than 64 MB. Use SHA-1 hashes in order \
                 for as many, such as \"Have I Been Pwned\" offers."
            )));
        }
        list(file).map(|hashes| Self(Source::List(hashes))).map_err(unreadable)
    }

    /// Whether a password is in the file. Reads from a disk: not where others wait.
    pub fn contain(&self, password: &Password) -> Result<bool> {
        let found = match &self.0 {
            Source::Nothing => Ok(false),
            Source::Hashes(file, length) => {
                search(file, *length, &hex::encode_upper(Sha1::digest(password.as_bytes())))
            }
            Source::List(hashes) => Ok(hashes.binary_search(&short_hash(password.reveal())).is_ok()),
        };
        found.map_err(|error| {
            Error::unavailable("passwords.breach_file", format!("the file of breached passwords: {error}"))
        })
    }
}

/// The hash at the start of a line, if there is one.
fn hash_of(line: &[u8]) -> Option<&[u8]> {
    let (hash, rest) = line.split_at_checked(HASH)?;
    let ends = rest.first().is_none_or(|byte| b":\r\n".contains(byte));
    (ends && hash.iter().all(u8::is_ascii_hexdigit)).then_some(hash)
}

fn malformed(at: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no SHA-1 hash at the start of a line near byte {at}"))
}

/// What stands at `at`, as far as there is something.
fn block(file: &File, at: u64, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The first line that starts after `at`: where it starts, and its hash. `None` if there is none.
fn line_after(file: &File, at: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
    let bytes = block(file, at, 2 * LINE)?;
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        let is_last = bytes.len() as u64 <= LINE;
        return if is_last { Ok(None) } else { Err(malformed(at)) };
    };
    let rest = &bytes[end + 1..];
    let start = at + end as u64 + 1;
    match hash_of(rest) {
        Some(hash) => Ok(Some((start, hash.to_ascii_uppercase()))),
        None if rest.iter().all(u8::is_ascii_whitespace) => Ok(None),
        None => Err(malformed(start)),
    }
}

/// Looks for a hash between lines that are in order: halves what is left until it fits into one read.
fn search(file: &File, length: u64, wanted: &str) -> io::Result<bool> {
    // Always at the start of a line; lines from `end` on are too large.
    let (mut start, mut end) = (0, length);
    while end - start > BLOCK {
        let middle = start + (end - start) / 2;
        match line_after(file, middle)? {
            Some((at, hash)) if at < end => match wanted.as_bytes().cmp(&hash) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => end = at,
                std::cmp::Ordering::Greater => start = at,
            },
            // The line around the middle is the last one of these.
            _ => end = middle + 1,
        }
    }
    let bytes = block(file, start, end - start + LINE)?;
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(hash_of);
    Ok(lines.into_iter().any(|hash| hash.eq_ignore_ascii_case(wanted.as_bytes())))
}

/// Where the hashes are found out of order, looking at places spread over the file; all lines of a small one.
fn first_disorder(file: &File, length: u64) -> io::Result<Option<u64>> {
    let step = (length / SAMPLES).max(1);
    let mut before = block(file, 0, HASH as u64)?.to_ascii_uppercase();
    let mut at = 0;
    while let Some((start, hash)) = line_after(file, at)? {
        if hash < before {
            return Ok(Some(start));
        }
        before = hash;
        at = start.max(at + step - 1);
    }
    Ok(None)
}

/// A plain list, one password per line.
fn list(mut file: File) -> io::Result<Vec<u64>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    // What is no UTF-8 can't be typed here.
    let passwords = lines.filter(|line| !line.is_empty()).filter_map(|line| std::str::from_utf8(line).ok());
    let mut hashes: Vec<u64> = passwords.map(short_hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    Ok(hashes)
}

fn short_hash(password: &str) -> u64 {
    let text: String = password.nfc().flat_map(char::to_lowercase).collect();
    let digest: [u8; 20] = Sha1::digest(text).into();
    digest.first_chunk().map_or(0, |first: &[u8; 8]| u64::from_be_bytes(*first))
}

#[cfg(test)]
#[path = "breached_tests.rs"]
mod tests;
