//! Importing from files, the good rows and the bad ones.

use std::fmt::Write as _;

use crate::support::Place;

const PEOPLE: &str = "\
email,username,given_name,family_name,groups,roles
ana@acme.example,ana,Ana,Silva,Sales,
nonsense,bo,Bo,B,,
cy@acme.example,cy,Cy,C,,Helpdesk
di@acme.example,di,Di,D,,chief
ana2@acme.example,ana,Other,Ana,,
eve@acme.example
fay@acme.example,fay,Fay,F,,,extra
";

#[test]
fn good_rows_are_taken_and_bad_ones_told() {
    let place = Place::with_org();
    place.ok(&["group", "create", "Sales"]);
    let file = place.file("people.csv", PEOPLE);
    let run = place.run(&["import", &file, "--report", "refused.csv"]);
    assert_eq!(run.code, 4);
    assert_eq!(run.out, "Created 3, unchanged 0, refused 4.\n");
    insta::assert_snapshot!(run.err);
    let report = std::fs::read_to_string(place.directory.join("refused.csv")).unwrap();
    insta::assert_snapshot!(report);
    assert_eq!(place.json(&["user", "show", "ana"])["groups"][0], "Sales");
    let cy = place.json(&["user", "show", "cy"]);
    assert_eq!((&cy["status"], &cy["roles"][0]["role"]), (&"inactive".into(), &"helpdesk".into()));
}

#[test]
fn the_same_file_twice_does_nothing_twice() {
    let place = Place::with_org();
    let file = place.file("people.csv", "email,display_name\nana@a.example,Ana\nbo@a.example,Bo\n");
    assert_eq!(place.ok(&["import", &file]), "Created 2, unchanged 0, refused 0.\n");
    assert_eq!(place.ok(&["import", &file]), "Created 0, unchanged 2, refused 0.\n");
}

#[test]
fn a_dry_run_sees_who_stands_twice_in_the_file() {
    let place = Place::with_org();
    let mut text = String::from("email,username\n");
    for number in 0..250 {
        let _ = writeln!(text, "u{number}@a.example,u{number}");
    }
    text.push_str("u1@a.example,other\nu2@A.example,U2\nnew@a.example,u3\n");
    let file = place.file("people.csv", &text);
    let dry = place.run(&["import", &file, "--dry-run", "--json"]);
    let real = place.run(&["import", &file, "--json"]);
    let counts = |out: &str| {
        let found: serde_json::Value = serde_json::from_str(out).unwrap();
        ["created", "unchanged", "refused"].map(|name| found[name].as_u64().unwrap())
    };
    assert_eq!((dry.code, counts(&dry.out)), (4, [250, 1, 2]));
    assert_eq!((real.code, counts(&real.out)), (4, [250, 1, 2]));
}

#[test]
fn what_is_no_people_file_is_refused() {
    let place = Place::with_org();
    assert_eq!(place.refused(3, &["import", "nowhere.csv"])["code"], "import.unreadable");
    let file = place.file("colours.csv", "colour,shape\nred,round\n");
    assert_eq!(place.refused(2, &["import", &file])["code"], "csv.no_email");
    let file = place.file("empty.csv", "");
    assert_eq!(place.refused(2, &["import", &file])["code"], "csv.empty");
}
