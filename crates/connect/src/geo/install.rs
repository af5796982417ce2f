//! Putting a file of places where it is looked for, and saying what is there. A file is read through before it is
//! taken: one that can't be used is refused with what it lacks, and the one in use stays.

use std::{
    fs,
    path::{Path, PathBuf},
};

use maxminddb::{Reader, WithinOptions};
use model::{Error, Kind, Result, Timestamp};

use super::{Credit, Record, credit, files_in};

/// How a file writes places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// `GeoIP2`'s: nested, with names by language.
    Nested,
    /// One level: `city`, `country_code`, `state1`, `latitude`, `longitude`.
    Flat,
}

impl Schema {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nested => "GeoIP2 (nested)",
            Self::Flat => "flat",
        }
    }
}

/// A file of places, as `status` describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// Where it is.
    pub path: PathBuf,
    /// What it calls itself.
    pub database: String,
    /// How it writes places.
    pub schema: Schema,
    /// 4, or 6 for files that hold IPv6 (and mostly IPv4 too).
    pub ip_version: u16,
    /// When its data were put together.
    pub built_at: Timestamp,
    /// How many networks it knows places of; counted only when it is installed.
    pub networks: Option<u64>,
    /// Bytes, all of which are held in memory.
    pub length: u64,
    /// Whose data it is, where the licence asks to say so.
    pub credit: Option<Credit>,
}

/// Copies a file into the directory, if it can be used: there it replaces the one of its name.
pub fn install(file: &Path, directory: &Path) -> Result<Installed> {
    let about = read(file, true)?;
    let name = file.file_name().ok_or_else(|| refused(file, "has no name"))?;
    let target = directory.join(name).with_extension("mmdb");
    fs::create_dir_all(directory).map_err(|error| unwritable(directory, &error))?;
    // Under another name first: a server that looks meanwhile finds the old file or the new one, never half of it.
    let half = target.with_extension("part");
    fs::copy(file, &half).map_err(|error| unwritable(&half, &error))?;
    let synced = fs::File::open(&half).and_then(|file| file.sync_all());
    synced.and_then(|()| fs::rename(&half, &target)).map_err(|error| unwritable(&target, &error))?;
    Ok(Installed { path: target, ..about })
}

/// What is in the directory; a file that can't be used as its refusal.
pub fn status(directory: &Path) -> Vec<Result<Installed>> {
    files_in(directory).iter().map(|seen| read(&seen.path, false)).collect()
}

fn read(file: &Path, whole: bool) -> Result<Installed> {
    let length = fs::metadata(file).map_err(|error| refused(file, &format!("can't be read: {error}")))?.len();
    let opened = Reader::open_readfile(file);
    let reader = opened.map_err(|error| refused(file, &format!("is no MaxMind DB file: {error}")))?;
    let (schema, networks) = survey(&reader, file, whole)?;
    let about = reader.metadata();
    let built = i64::try_from(about.build_epoch).unwrap_or(0).saturating_mul(1_000_000);
    Ok(Installed {
        path: file.to_owned(),
        database: about.database_type.clone(),
        schema,
        ip_version: about.ip_version,
        built_at: Timestamp::from_micros(built),
        networks: whole.then_some(networks),
        length,
        credit: credit(&reader, file),
    })
}

/// Networks whose records are read to see how a file writes places.
const SAMPLE: u64 = 200;

/// How the file writes places, and how many networks it knows; only some of them unless `whole`.
fn survey(reader: &Reader<Vec<u8>>, file: &Path, whole: bool) -> Result<(Schema, u64)> {
    let broken = |error: maxminddb::MaxMindDbError| refused(file, &format!("is damaged: {error}"));
    let (mut networks, mut schema) = (0, None);
    for network in reader.networks(WithinOptions::default()).map_err(broken)? {
        let network = network.map_err(broken)?;
        networks += 1;
        if schema.is_none() {
            let record: Option<Record> = network.decode().map_err(broken)?;
            schema = record.as_ref().and_then(schema_of);
        }
        if networks > SAMPLE && (!whole || schema.is_none()) {
            break;
        }
    }
    let lacks = "holds no places: neither `country` nor `country_code` is in its records";
    Ok((schema.ok_or_else(|| refused(file, lacks))?, networks))
}

fn schema_of(record: &Record) -> Option<Schema> {
    if record.country.as_ref().is_some_and(|country| !country.iso_code.is_empty()) {
        return Some(Schema::Nested);
    }
    record.country_code.as_ref().is_some_and(|code| !code.is_empty()).then_some(Schema::Flat)
}

fn refused(file: &Path, why: &str) -> Error {
    let message =
        format!("{} {why}. Use a city or country database in the MaxMind DB format.", file.display());
    Error::new(Kind::Invalid, "geo.unusable", message)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let message =
        format!("{} can't be written: {error}. Check the directory and who owns it.", path.display());
    Error::new(Kind::Unavailable, "geo.unwritable", message)
}
