//! How the tree is built: which crate may know which, who may name a driver or HTTP, and how long files may be.
//!
//! ARCHITECTURE.md says the same in words; here it holds.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The crates and which of ours each may depend on.
const ARROWS: [(&str, &[&str]); 6] = [
    ("crates/model", &[]),
    ("crates/store", &["model"]),
    ("crates/connect", &["model"]),
    ("crates/app", &["model", "store", "connect"]),
    ("crates/web", &["model", "app"]),
    ("", &["model", "store", "connect", "app", "web"]),
];

/// Words that belong to the database's drivers.
const DRIVERS: [&str; 6] = ["rusqlite", "tokio_postgres", "tokio-postgres", "deadpool", "libsqlite3", "sqlx"];

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The dependencies that a crate names, with those for its tests or without.
fn dependencies(directory: &str, for_tests: bool) -> BTreeSet<String> {
    let (mut inside, mut names) = (false, BTreeSet::new());
    for line in read(Path::new(ROOT).join(directory).join("Cargo.toml")).lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let wanted = section.ends_with("dependencies") && !section.starts_with("workspace");
            inside = wanted && (for_tests || !section.contains("dev-"));
            if let Some((_, name)) = section.split_once("dependencies.") {
                names.insert(name.to_owned());
            }
            continue;
        }
        let name: String = line.chars().take_while(|c| c.is_alphanumeric() || "_-".contains(*c)).collect();
        if inside && !name.is_empty() {
            names.insert(name);
        }
    }
    names
}

/// Every file below a directory with that ending, without what was built.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    files(Path::new(ROOT), ".rs")
}

fn relative(path: &Path) -> String {
    path.strip_prefix(ROOT).unwrap().to_string_lossy().into_owned()
}

#[test]
fn crates_know_each_other_in_one_direction_only() {
    let ours = ["model", "store", "connect", "app", "web", "muster"];
    for (directory, allowed) in ARROWS {
        let named = dependencies(directory, false);
        let wrong: Vec<&String> = named
            .iter()
            .filter(|name| ours.contains(&name.as_str()) && !allowed.contains(&name.as_str()))
            .collect();
        assert!(wrong.is_empty(), "{directory}/Cargo.toml may not depend on {wrong:?}");
    }
    let known: Vec<String> = ARROWS.iter().map(|(directory, _)| (*directory).to_owned()).collect();
    for manifest in files(&Path::new(ROOT).join("crates"), "Cargo.toml") {
        let directory = relative(manifest.parent().unwrap());
        assert!(known.contains(&directory), "{directory} has no place in the order of crates");
    }
}

#[test]
fn drivers_of_databases_are_named_in_the_store_alone() {
    for (directory, _) in ARROWS.iter().filter(|(directory, _)| *directory != "crates/store") {
        let named = dependencies(directory, true);
        let wrong = named.iter().filter(|name| DRIVERS.iter().any(|driver| name.contains(driver)));
        assert_eq!(wrong.collect::<Vec<_>>(), Vec::<&String>::new(), "{directory}/Cargo.toml");
    }
    for path in sources() {
        let name = relative(&path);
        if name.starts_with("crates/store/") || name == "tests/structure.rs" {
            continue;
        }
        let text = read(&path);
        let driver = DRIVERS.iter().find(|driver| text.contains(&format!("{driver}::")));
        assert!(driver.is_none(), "{name} uses {driver:?}");
    }
}

#[test]
fn http_is_for_the_web_and_the_binary() {
    for (directory, _) in ARROWS {
        let named = dependencies(directory, false);
        let http = ["axum", "hyper", "tower", "tower-http"];
        let wrong = named.iter().filter(|name| http.contains(&name.as_str()));
        let wrong: Vec<&String> = wrong.collect();
        // Pages are the web's; mails are the application's.
        let pages = named.iter().any(|name| name == "askama");
        assert!(!pages || ["crates/app", "crates/web"].contains(&directory), "{directory} renders templates");
        assert!(wrong.is_empty() || ["", "crates/web"].contains(&directory), "{directory}: {wrong:?}");
    }
    // No crate below the application waits for anything or knows a runtime.
    let model = dependencies("crates/model", false);
    assert!(!model.iter().any(|name| name.starts_with("tokio") || name.starts_with("futures")), "{model:?}");
}

/// A file of more lines than a reader keeps in mind is split by noun. Tests may be longer.
#[test]
fn files_are_short() {
    for path in sources() {
        let name = relative(&path);
        let is_test = name.starts_with("tests/") || name.contains("/tests/") || name.ends_with("tests.rs");
        let lines = read(&path).lines().count();
        assert!(is_test || lines <= 500, "{name} has {lines} lines; split it");
    }
}

/// A body that other crates would compile again wherever they await it costs every build; see `store::boxed`.
#[test]
fn what_other_crates_await_is_boxed() {
    for path in files(&Path::new(ROOT).join("crates"), ".rs") {
        let name = relative(&path);
        if !["crates/store/src/", "crates/app/src/"].iter().any(|border| name.starts_with(border)) {
            continue;
        }
        let text = read(&path);
        for (at, _) in text.match_indices("pub async fn ") {
            let signature = text[at..].split_once("{\n").map_or("", |(signature, _)| signature);
            // Its types are known only where it is called.
            let is_generic = signature.contains("impl ")
                || signature.split_once('(').is_some_and(|(name, _)| name.contains('<'));
            let is_boxed = text[..at].lines().rev().take(4).any(|line| line.trim() == "#[boxed]");
            assert!(is_generic || is_boxed, "{name}: {} is not #[boxed]", signature.lines().next().unwrap());
        }
    }
}

#[test]
fn every_module_says_what_it_owns() {
    for path in sources() {
        let name = relative(&path);
        let text = read(&path);
        // Unit tests in a file beside theirs are about that one.
        let is_beside = !name.starts_with("tests/") && name.ends_with("tests.rs");
        assert!(text.starts_with("//! ") || is_beside, "{name} opens without a word about itself");
    }
}

#[test]
fn nothing_is_put_off() {
    // Written in parts, or this file would find itself.
    let words = [
        concat!("#[ig", "nore"),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    for path in sources() {
        let text = read(&path);
        let word = words.iter().find(|word| text.contains(**word));
        assert!(word.is_none(), "{} has {word:?}", relative(&path));
    }
}

/// What the architecture page names is there.
#[test]
fn every_path_that_the_architecture_names_exists() {
    let page = Path::new(ROOT).join("ARCHITECTURE.md");
    let Ok(text) = fs::read_to_string(page) else { return };
    for quoted in text.split('`').skip(1).step_by(2) {
        let is_path = quoted.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
            && (quoted.contains('/') || [".rs", ".md"].iter().any(|ending| quoted.ends_with(ending)));
        if !is_path || quoted.starts_with('/') {
            continue;
        }
        let there = Path::new(ROOT).join(quoted).exists();
        // `operation.rs` alone stands for the file of that name, wherever it is.
        let named = || !quoted.contains('/') && sources().iter().any(|path| path.ends_with(quoted));
        let shortened = || {
            ["crates/", "crates/web/", "crates/app/", "crates/model/", "crates/store/"]
                .iter()
                .any(|base| Path::new(ROOT).join(base).join(quoted).exists())
        };
        assert!(there || named() || shortened(), "ARCHITECTURE.md names {quoted}, which does not exist");
    }
}
