//! The server's key (`app/src/keys.rs`): from the settings, or from a file beside the data that is made at the first start.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use app::{keys::Keys, system::SystemEntropy};
use model::Result;

use super::{Config, Values, refused, text_of};

/// Unless the database is embedded: then the key is beside it.
const USUAL_FILE: &str = "./muster-data/muster.key";

impl Config {
    /// Where the key is, unless it is a setting.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.database_file().map_or_else(|| USUAL_FILE.into(), |database| database.with_extension("key"))
    }

    /// Refuses a key file that is there and holds no key.
    pub(crate) fn check_key(&self) -> Result<()> {
        if self.key.is_none() && !self.key_file().exists() { Ok(()) } else { self.keys().map(drop) }
    }

    /// The server's key; the file is made if there is none.
    pub(crate) fn keys(&self) -> Result<Keys> {
        if let Some(text) = &self.key {
            return Keys::parse(text).ok_or_else(|| {
                let message = "The setting security.key must be 43 characters, as `muster config generate-key` prints them.";
                refused("config.invalid", message.to_owned())
            });
        }
        let path = self.key_file();
        if !path.exists() {
            make(&path)?;
        }
        Keys::parse(&text_of(&path)?).ok_or_else(|| {
            let message = format!("{} does not hold a key. Put the copy back that you kept.", path.display());
            refused("config.invalid", message)
        })
    }
}

impl Values<'_> {
    /// The key, if it is a setting.
    pub(super) fn key(&self) -> Result<Option<String>> {
        let Some(text) = self.text("security.key") else { return Ok(None) };
        let wanted = "43 characters, as `muster config generate-key` prints them";
        Keys::parse(&text).ok_or_else(|| self.wrong("security.key", wanted))?;
        Ok(Some(text))
    }
}

/// Writes a fresh key that only this user can read, unless somebody was quicker.
fn make(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        refused("config.unwritable", format!("The key can't be written to {}: {error}.", path.display()))
    };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    }
    // Under another name first: whoever reads the file finds it whole.
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(failed)?;
    let written =
        writeln!(file, "{}", Keys::generate(&SystemEntropy).reveal()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft).ok();
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}
