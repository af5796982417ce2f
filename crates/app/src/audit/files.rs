//! What is kept of the logs beside the database: heads, alarms, checkpoints. Files of a line or a few, written whole or not at
//! all.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use model::{Error, Kind, OrgId, Result};

/// Reads a file that may not be there.
pub(super) fn read(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(unreadable(path, error)),
    }
}

pub(super) fn unreadable(path: &Path, error: impl std::fmt::Display) -> Error {
    let message = format!("{} can't be read. Look at audit.directory.", path.display());
    Error::new(Kind::Unavailable, "audit.head_unreadable", message).with_detail(error)
}

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Writes a file whole or not at all; it is on disk when this returns.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    // Beside it under a name that no other writer has, whichever node, thread or file it is about.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!("{name}.{}-{number}.tmp", std::process::id()));
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        fs::remove_file(&beside).ok();
    }
    written
}

/// The heads in a directory, with whose they are.
pub(super) fn heads(directory: &Path) -> Result<Vec<(OrgId, PathBuf)>> {
    let files = match fs::read_dir(directory) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(directory, error)),
    };
    let mut heads = Vec::new();
    for file in files {
        let path = file.map_err(|error| unreadable(directory, error))?.path();
        let org = path.file_stem().and_then(|name| name.to_str()?.parse().ok());
        heads.extend(
            org.filter(|_| path.extension().is_some_and(|ending| ending == "head")).map(|org| (org, path)),
        );
    }
    Ok(heads)
}
