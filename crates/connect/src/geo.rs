//! Where an address is, roughly: from local files in the `MaxMind` DB format, never from the network.
//!
//! Two ways of writing a place are read: `GeoIP2`'s (nested, with names by language) and the flat one (`city`,
//! `country_code`, `state1`, `latitude`, `longitude`). A directory holds one file or several, such as one for IPv4 and
//! one for IPv6; it is looked at again for each page, so that a file that was exchanged counts at once. Private and
//! reserved addresses are nowhere, whatever a file says. `install.rs` puts files there.

mod countries;
mod install;

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use maxminddb::Reader;
use parking_lot::Mutex;
use serde::Deserialize;

pub use install::{Installed, Schema, install, status};

/// Where an address is.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// In a private or reserved range: nowhere in the world.
    Private,
    /// No file knows.
    Unknown,
    /// There, roughly.
    Known(Spot),
}

/// A place in the world, roughly.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// The city; empty if only the country is known.
    pub city: String,
    /// State or province; may be empty.
    pub region: String,
    /// Two letters (ISO 3166-1); may be empty.
    pub country_code: String,
    /// The country's name, or its letters.
    pub country: String,
    /// Degrees of latitude and longitude, if known.
    pub position: Option<(f64, f64)>,
}

impl Place {
    /// In words: `Berlin, Germany`. Empty if it is not known.
    pub fn label(&self) -> String {
        match self {
            Self::Private => "Private network".to_owned(),
            Self::Unknown => String::new(),
            Self::Known(spot) => spot.label(),
        }
    }

    /// The country's two letters; empty if it is not known.
    pub fn country_code(&self) -> &str {
        if let Self::Known(spot) = self { &spot.country_code } else { "" }
    }
}

impl Spot {
    fn label(&self) -> String {
        let city = if self.city.is_empty() { &self.region } else { &self.city };
        let parts = [city.as_str(), self.country.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    /// Kilometres to another place, along the earth's surface (haversine); `None` if either is not known.
    pub fn kilometres_to(&self, other: &Self) -> Option<f64> {
        const EARTH: f64 = 6371.0;
        let ((lat_a, lon_a), (lat_b, lon_b)) = (self.position?, other.position?);
        let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
        let cosines = lat_a.to_radians().cos() * lat_b.to_radians().cos();
        let chord = half(lat_a, lat_b) + cosines * half(lon_a, lon_b);
        Some(2.0 * EARTH * chord.clamp(0.0, 1.0).sqrt().asin())
    }
}

/// Whose data a page shows, where their licence asks to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// The words.
    pub text: &'static str,
    /// Where they lead.
    pub href: &'static str,
}

/// DB-IP's free data are under CC BY 4.0, which they want observed by this link.
const DB_IP: Credit = Credit { text: "IP geolocation by DB-IP", href: "https://db-ip.com" };
/// `MaxMind`'s free data are under a licence that asks for these words.
const MAXMIND: Credit =
    Credit { text: "Includes GeoLite data created by MaxMind", href: "https://www.maxmind.com" };

/// The files of a directory, read when first needed and again when they change. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: Option<PathBuf>,
    loaded: Mutex<Loaded>,
}

/// What is known of a file without opening it: when one of these differs, all are read again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    path: PathBuf,
    changed: Option<SystemTime>,
    length: u64,
}

#[derive(Debug, Default)]
struct Loaded {
    seen: Vec<Seen>,
    atlas: Atlas,
}

/// The files as they were at one moment: what one page is drawn from.
#[derive(Debug, Clone, Default)]
pub struct Atlas {
    files: Arc<Vec<File>>,
}

#[derive(Debug)]
struct File {
    reader: Reader<Vec<u8>>,
    credit: Option<Credit>,
}

impl Places {
    /// The files in a directory, which need not be there yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { directory: Some(directory.into()), loaded: Mutex::default() }))
    }

    /// No files, ever.
    pub fn nowhere() -> Self {
        Self(Arc::new(Inner { directory: None, loaded: Mutex::default() }))
    }

    /// The files as they are now. Reads them when they have changed; else it costs a look into the directory.
    pub fn look(&self) -> Atlas {
        let Some(directory) = &self.0.directory else { return Atlas::default() };
        let seen = files_in(directory);
        let mut loaded = self.0.loaded.lock();
        if loaded.seen != seen {
            let files = seen.iter().filter_map(|seen| open(&seen.path)).collect();
            *loaded = Loaded { seen, atlas: Atlas { files: Arc::new(files) } };
        }
        loaded.atlas.clone()
    }
}

/// The database files of a directory, by name.
fn files_in(directory: &Path) -> Vec<Seen> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_database = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "mmdb");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_database).collect();
    paths.sort();
    let look = |path: PathBuf| {
        let about = fs::metadata(&path).ok()?;
        Some(Seen { path, changed: about.modified().ok(), length: about.len() })
    };
    paths.into_iter().filter_map(look).collect()
}

/// A file that can't be read is as none: `install` refuses such, and `status` says so.
fn open(path: &Path) -> Option<File> {
    let reader = Reader::open_readfile(path).ok()?;
    let credit = credit(&reader, path);
    Some(File { reader, credit })
}

/// Whose data it is: some files say it of themselves, of others the name is all that tells.
fn credit(reader: &Reader<Vec<u8>>, path: &Path) -> Option<Credit> {
    let about = reader.metadata();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let words = about.description.values().chain([&about.database_type]).map(String::as_str);
    let said: Vec<String> = words.chain([name.as_ref()]).map(str::to_lowercase).collect();
    let says = |word: &str| said.iter().any(|said| said.contains(word));
    if says("dbip") || says("db-ip") {
        return Some(DB_IP);
    }
    says("geolite").then_some(MAXMIND)
}

impl Atlas {
    /// Whether there is nothing to look places up in.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whose data these are, where their licence asks to say so.
    pub fn credits(&self) -> Vec<Credit> {
        let mut credits: Vec<Credit> = Vec::new();
        for credit in self.files.iter().filter_map(|file| file.credit) {
            if !credits.contains(&credit) {
                credits.push(credit);
            }
        }
        credits
    }

    /// Where an address is.
    pub fn place(&self, address: &str) -> Place {
        let Ok(address) = address.parse::<IpAddr>() else { return Place::Unknown };
        let address = address.to_canonical();
        if is_private(address) {
            return Place::Private;
        }
        let found = self.files.iter().find_map(|file| look_up(&file.reader, address));
        found.map_or(Place::Unknown, Place::Known)
    }
}

/// Whether an address is in nobody's place: private, of this host or link, documentation, shared by carriers, reserved
/// (RFC 6890 and its successors).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
                || (a == 192 && b == 0 && c == 0)
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || (first == 0x2001 && second == 0x0db8)
        }
    }
}

/// A record of either way of writing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    city: Option<Named>,
    country: Option<Country>,
    country_code: Option<String>,
    state1: Option<String>,
    subdivisions: Vec<Nested>,
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
    location: Location,
}

/// A number in whatever width a file writes it; a plain `f64` is read from eight bytes only.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Degrees {
    Number(f64),
}

/// A name by itself, or by language.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Plain(String),
    Nested(Nested),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Nested {
    names: Names,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    en: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Country {
    iso_code: String,
    names: Names,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<Degrees>,
    longitude: Option<Degrees>,
}

fn look_up(reader: &Reader<Vec<u8>>, address: IpAddr) -> Option<Spot> {
    // A file of IPv4 refuses addresses of IPv6.
    let record: Record = reader.lookup(address).ok()?.decode().ok()??;
    let city = match record.city {
        Some(Named::Plain(name)) => name,
        Some(Named::Nested(nested)) => nested.names.en,
        None => String::new(),
    };
    let region = record.subdivisions.into_iter().next().map(|nested| nested.names.en);
    let (code, name) = match record.country {
        Some(country) => (country.iso_code, country.names.en),
        None => (record.country_code.unwrap_or_default(), String::new()),
    };
    let latitude = record.latitude.or(record.location.latitude);
    let longitude = record.longitude.or(record.location.longitude);
    let country = if name.is_empty() { countries::name(&code).to_owned() } else { name };
    let spot = Spot {
        city,
        region: region.or(record.state1).unwrap_or_default(),
        country_code: code,
        country,
        position: latitude
            .zip(longitude)
            .map(|(Degrees::Number(north), Degrees::Number(east))| (north, east)),
    };
    (!spot.label().is_empty()).then_some(spot)
}

#[cfg(test)]
mod tests;
