use std::{fs, net::IpAddr};

use maxminddb_writer::{Database, metadata::IpVersion, paths::IpAddrWithMask};
use serde_json::{Value, json};

use super::*;

/// A directory of this test's own, gone afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("muster-geo-{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a database file into it.
    fn write(&self, name: &str, about: &str, version: IpVersion, networks: &[(&str, u8, Value)]) -> PathBuf {
        let mut database = Database::default();
        database.metadata.ip_version = version;
        database.metadata.binary_format_major_version = 2;
        about.clone_into(&mut database.metadata.database_type);
        for (address, mask, value) in networks {
            let data = database.insert_value(value).unwrap();
            let address: IpAddr = address.parse().unwrap();
            database.insert_node(IpAddrWithMask::new(address, *mask), data);
        }
        let path = self.0.join(name);
        fs::write(&path, database.write_to(Vec::new()).unwrap()).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn flat() -> Value {
    json!({"city": "Berlin", "country_code": "DE", "state1": "Berlin", "latitude": 52.52, "longitude": 13.4})
}

/// As the flat files in use have it: numbers of four bytes.
#[derive(serde::Serialize)]
struct Narrow {
    city: &'static str,
    country_code: &'static str,
    latitude: f32,
    longitude: f32,
}

fn nested() -> Value {
    json!({
        "city": {"names": {"de": "Mailand", "en": "Milan"}},
        "country": {"iso_code": "IT", "names": {"en": "Italy"}},
        "subdivisions": [{"iso_code": "25", "names": {"en": "Lombardy"}}],
        "location": {"latitude": 45.46, "longitude": 9.19},
    })
}

#[test]
fn both_ways_of_writing_and_both_kinds_of_address_are_read() {
    let directory = Directory::new("both");
    directory.write("dbip-city-ipv4.mmdb", "city ipv4", IpVersion::V4, &[("85.214.0.0", 16, flat())]);
    directory.write("other.mmdb", "GeoLite2-City", IpVersion::V6, &[("2a01:4f8::", 32, nested())]);
    let atlas = Places::new(&directory.0).look();
    assert_eq!(atlas.place("85.214.132.117").label(), "Berlin, Germany");
    assert_eq!(atlas.place("::ffff:85.214.132.117").label(), "Berlin, Germany");
    assert_eq!(atlas.place("2a01:4f8::1").label(), "Milan, Italy");
    assert_eq!(atlas.place("2a01:4f8::1").country_code(), "IT");
    assert_eq!(atlas.place("8.8.8.8"), Place::Unknown);
    assert_eq!(atlas.place("nonsense"), Place::Unknown);
    assert_eq!(atlas.credits(), [DB_IP, MAXMIND]);
    let (Place::Known(berlin), Place::Known(milan)) = (atlas.place("85.214.0.1"), atlas.place("2a01:4f8::1"))
    else {
        panic!("both are known")
    };
    let kilometres = berlin.kilometres_to(&milan).unwrap();
    assert!((830.0..850.0).contains(&kilometres), "{kilometres}");
}

#[test]
fn numbers_of_any_width_are_read() {
    let directory = Directory::new("narrow");
    let mut database = Database::default();
    database.metadata.binary_format_major_version = 2;
    let value = Narrow { city: "Berlin", country_code: "DE", latitude: 52.5, longitude: 13.25 };
    let data = database.insert_value(value).unwrap();
    database.insert_node(IpAddrWithMask::new([85, 214, 0, 0].into(), 16), data);
    let path = directory.0.join("narrow.mmdb");
    fs::write(&path, database.write_to(Vec::new()).unwrap()).unwrap();
    assert_eq!(install(&path, &directory.0.join("installed")).unwrap().schema, Schema::Flat);
    let Place::Known(berlin) = Places::new(&directory.0).look().place("85.214.0.1") else {
        panic!("it is known")
    };
    assert_eq!(berlin.position, Some((52.5, 13.25)));
}

#[test]
fn private_and_reserved_addresses_are_nowhere_whatever_a_file_says() {
    let directory = Directory::new("private");
    directory.write("all.mmdb", "all", IpVersion::V4, &[("0.0.0.0", 0, flat())]);
    let atlas = Places::new(&directory.0).look();
    for address in [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.1.1",
        "100.64.0.1",
        "203.0.113.7",
        "0.0.0.0",
        "255.255.255.255",
        "::1",
        "fd00::1",
        "fe80::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
    ] {
        assert_eq!(atlas.place(address), Place::Private, "{address}");
    }
    assert_ne!(atlas.place("172.32.0.1"), Place::Private);
    assert_ne!(atlas.place("100.128.0.1"), Place::Private);
}

#[test]
fn a_file_that_is_exchanged_counts_at_once() {
    let directory = Directory::new("exchange");
    let places = Places::new(&directory.0);
    assert!(places.look().is_empty());
    let source = Directory::new("exchange-source");
    let file = source.write("city.mmdb", "city", IpVersion::V4, &[("85.214.0.0", 16, flat())]);
    let installed = install(&file, &directory.0).unwrap();
    assert_eq!((installed.schema, installed.networks, installed.credit), (Schema::Flat, Some(1), None));
    assert_eq!(places.look().place("85.214.0.1").label(), "Berlin, Germany");
    let file = source.write(
        "city.mmdb",
        "city",
        IpVersion::V4,
        &[("85.214.0.0", 16, nested()), ("9.0.0.0", 8, nested())],
    );
    let installed = install(&file, &directory.0).unwrap();
    assert_eq!((installed.schema, installed.networks), (Schema::Nested, Some(2)));
    assert_eq!(places.look().place("85.214.0.1").label(), "Milan, Italy");
    let found: Vec<Installed> = status(&directory.0).into_iter().map(Result::unwrap).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, directory.0.join("city.mmdb"));
}

#[test]
fn what_can_not_be_used_is_refused_and_the_file_in_use_stays() {
    let (directory, source) = (Directory::new("refused"), Directory::new("refused-source"));
    let good = source.write("city.mmdb", "city", IpVersion::V4, &[("85.214.0.0", 16, flat())]);
    install(&good, &directory.0).unwrap();
    let noise = source.0.join("noise.mmdb");
    fs::write(&noise, b"no database").unwrap();
    let asn = source.write(
        "city.mmdb",
        "asn",
        IpVersion::V4,
        &[("85.214.0.0", 16, json!({"autonomous_system_number": 6724}))],
    );
    for wrong in [noise, asn, source.0.join("not-there.mmdb")] {
        assert_eq!(install(&wrong, &directory.0).unwrap_err().code(), "geo.unusable", "{}", wrong.display());
    }
    assert_eq!(Places::new(&directory.0).look().place("85.214.0.1").label(), "Berlin, Germany");
    fs::write(directory.0.join("broken.mmdb"), b"half").unwrap();
    assert_eq!(status(&directory.0).iter().filter(|found| found.is_err()).count(), 1);
    assert_eq!(Places::new(&directory.0).look().place("85.214.0.1").label(), "Berlin, Germany");
}
