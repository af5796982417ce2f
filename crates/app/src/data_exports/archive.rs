//! The archive: `data.json` for programs, `data.html` for people, of the same sections.

use std::io::{Cursor, Write as _};

use askama::Template;
use model::{Error, Org, Result, Timestamp, activity_words};
use serde_json::{Map, Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::dossier::Section;

/// The page. It asks nothing from outside and runs nothing.
#[derive(Template)]
#[template(path = "data_export.html")]
struct Page<'p> {
    org: &'p str,
    made: String,
    sections: Vec<Shown<'p>>,
}

/// A section in words.
struct Shown<'p> {
    title: &'p str,
    name: &'p str,
    about: &'p str,
    /// Each a list of names and values.
    records: Vec<Vec<(String, String)>>,
}

/// See the module.
pub(super) fn write(sections: &[Section], org: &Org, now: Timestamp) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, text) in
        [("data.json", as_json(sections, org, now)?), ("data.html", as_page(sections, org, now)?)]
    {
        zip.start_file(name, options).map_err(Error::internal)?;
        zip.write_all(text.as_bytes()).map_err(Error::internal)?;
    }
    Ok(zip.finish().map_err(Error::internal)?.into_inner())
}

fn as_json(sections: &[Section], org: &Org, now: Timestamp) -> Result<String> {
    let mut all = Map::new();
    all.insert("organization".to_owned(), json!({ "name": org.name, "slug": org.slug }));
    all.insert("exported_at".to_owned(), now.to_string().into());
    for section in sections {
        let records: Vec<Value> = section.records.iter().cloned().map(Value::Object).collect();
        let value = match (section.name, records.as_slice()) {
            ("profile", [one]) => one.clone(),
            _ => Value::Array(records),
        };
        all.insert(section.name.to_owned(), value);
    }
    serde_json::to_string_pretty(&all).map_err(Error::internal)
}

fn as_page(sections: &[Section], org: &Org, now: Timestamp) -> Result<String> {
    let shown = |section: &Section| -> Vec<Vec<(String, String)>> {
        let pair =
            |(name, value): (&String, &Value)| (activity_words::field(name), activity_words::value(value));
        section.records.iter().map(|record| record.iter().map(pair).collect()).collect()
    };
    let sections = sections
        .iter()
        .map(|section| Shown {
            title: section.title,
            name: section.name,
            about: section.about,
            records: shown(section),
        })
        .collect();
    let page = Page { org: &org.name, made: crate::mail::in_words(now), sections };
    page.render().map_err(Error::internal)
}
