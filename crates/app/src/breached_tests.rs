use std::path::PathBuf;

use model::Password;
use sha1::{Digest as _, Sha1};

use super::BreachedPasswords;

/// A file that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("muster-breached-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

fn contain(breached: &BreachedPasswords, text: &str) -> bool {
    breached.contain(&Password::typed(text).unwrap()).unwrap()
}

/// Lines in order, each with where it came from.
fn hashes(count: usize, line: impl Fn(usize, String) -> String) -> (Vec<String>, String) {
    let mut all: Vec<(String, String)> = (0..count)
        .map(|number| format!("password number {number}"))
        .map(|password| (hex::encode_upper(Sha1::digest(&password)), password))
        .collect();
    all.sort();
    let text = all.iter().enumerate().map(|(number, (hash, _))| line(number, hash.clone())).collect();
    (all.into_iter().map(|(_, password)| password).collect(), text)
}

/// How a line is written, from its number and its hash.
type Form = fn(usize, String) -> String;

#[test]
fn every_line_of_hashes_is_found_and_nothing_else() {
    let forms: [(&str, Form); 4] = [
        ("counted", |number, hash| format!("{hash}:{}\r\n", number * number)),
        ("plain", |_, hash| format!("{hash}\n")),
        ("lower", |_, hash| format!("{}\n", hash.to_lowercase())),
        ("uneven", |number, hash| format!("{hash}:{}\n", "9".repeat(1 + number % 20))),
    ];
    for (name, form) in forms {
        // Files of one line, of one block, of many; with and without an end of the last line.
        for count in [1, 2, 60, 100, 1000] {
            for cut in [false, true] {
                let (passwords, mut text) = hashes(count, form);
                if cut {
                    text.truncate(text.trim_end().len());
                }
                let file = Scratch::new(&format!("{name}-{count}-{cut}"), text);
                let breached = BreachedPasswords::open(&file.0).unwrap();
                for password in &passwords {
                    assert!(contain(&breached, password), "{name} {count} {cut}: {password}");
                }
                for other in ["violet-canyon-harbor", "Password number 1", "x"] {
                    assert!(!contain(&breached, other), "{name} {count} {cut}: {other}");
                }
            }
        }
    }
}

#[test]
fn a_plain_list_is_known_whatever_the_case_and_composition() {
    let text = ["Summer in Sydney\r\nno\u{308}rdlich-am-see\n\n".as_bytes(), b"\xfe\xff\n"].concat();
    let file = Scratch::new("list", text);
    let breached = BreachedPasswords::open(&file.0).unwrap();
    for known in ["Summer in Sydney", "summer in sydney", "nördlich-am-see"] {
        assert!(contain(&breached, known), "{known}");
    }
    assert!(!contain(&breached, "summer in sydney "));
    assert!(!contain(&BreachedPasswords::default(), "Summer in Sydney"));
}

#[test]
fn a_file_that_can_not_be_searched_is_told_at_once() {
    let refused = |name: &str, text: &[u8]| {
        let file = Scratch::new(name, text);
        let error = BreachedPasswords::open(&file.0).unwrap_err();
        assert_eq!(error.code(), "config.breach_file");
        error.message().to_owned()
    };
    let (_, text) = hashes(1000, |_, hash| format!("{hash}:7\n"));
    let reversed = text.lines().rev().collect::<Vec<_>>().join("\n");
    assert!(refused("reversed", reversed.as_bytes()).contains("order"));
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    assert!(refused("two swapped", lines[..100].join("\n").as_bytes()).contains("order"));
    assert!(refused("mixed", format!("{}not a hash\n", &text[..4300]).as_bytes()).contains("no SHA-1 hash"));
    assert!(refused("empty", b"").contains("empty"));
    let missing = BreachedPasswords::open(&PathBuf::from("/nowhere/at all")).unwrap_err();
    assert!(
        missing.message().contains("/nowhere/at all") && missing.message().contains("passwords.breach_file")
    );
    assert!(BreachedPasswords::open(&std::env::temp_dir()).is_err());
}
