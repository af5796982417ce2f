//! Keeps the guide true: every page names the journey that performs its steps, and each word that it says is on the
//! screen (in bold) is one that the journey uses.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages, but for the table of contents.
fn pages() -> Vec<(PathBuf, String)> {
    let files = fs::read_dir(root().join("docs/guide")).expect("the guide");
    let paths = files.map(|file| file.expect("a file").path());
    let pages = paths.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let pages = pages.filter(|path| !path.ends_with("README.md"));
    let mut pages: Vec<_> = pages
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a page");
            (path, text)
        })
        .collect();
    pages.sort();
    pages
}

fn journey_of(text: &str) -> Option<&str> {
    text.split_once("<!-- journey: ")?.1.split_once(" -->").map(|(name, _)| name)
}

#[test]
fn every_page_has_a_journey_that_performs_it() {
    let pages = pages();
    assert!(pages.len() > 10, "{}", pages.len());
    let support = fs::read_to_string(root().join("tests/browser/support.rs")).expect("the support");
    for (path, text) in &pages {
        let page = path.display();
        let journey = journey_of(text).unwrap_or_else(|| panic!("{page} names no journey"));
        let file = root().join(format!("tests/browser/{journey}.rs"));
        let steps = fs::read_to_string(file).unwrap_or_else(|_| panic!("{page}: no journey {journey}"));
        assert!(steps.contains(&format!("async fn {journey}()")), "{page}: no journey {journey}");
        let said: Vec<&str> = text.split("**").skip(1).step_by(2).collect();
        let unused: Vec<&&str> =
            said.iter().filter(|words| !steps.contains(**words) && !support.contains(**words)).collect();
        assert!(unused.is_empty(), "{page} says what its journey never meets: {unused:?}");
    }
}

#[test]
fn the_contents_name_every_page_and_no_other() {
    let contents = fs::read_to_string(root().join("docs/guide/README.md")).expect("the contents");
    for (path, _) in pages() {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        assert!(contents.contains(&format!("({name})")), "{name} is not in the contents");
    }
}

#[test]
fn no_link_and_no_picture_leads_nowhere() {
    let mut pages = pages();
    for name in ["docs/guide/README.md", "README.md"] {
        let path = root().join(name);
        let text = fs::read_to_string(&path).expect("a page");
        pages.push((path, text));
    }
    for (path, text) in pages {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let there = path.parent().expect("a directory").join(file);
            assert!(there.exists(), "{}: {target} is not there", path.display());
        }
    }
}
