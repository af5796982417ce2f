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

#[test]
fn missing_groups_are_named_once_and_created_when_asked() {
    for place in Place::with_orgs() {
        let mut text = String::from("email,groups\n");
        for number in 0..120 {
            let _ = writeln!(
                text,
                "u{number}@a.example,{}",
                if number % 3 == 0 { "Sales;Support" } else { "Sales" }
            );
        }
        let file = place.file("people.csv", &text);
        let run = place.run(&["import", &file]);
        assert_eq!((run.code, run.out.as_str()), (4, "Created 0, unchanged 0, refused 120.\n"));
        assert_eq!(
            run.err,
            "These groups don't exist:\n  Sales (120 rows)\n  Support (40 rows)\n\
             Their rows were refused. Create the groups with --create-groups, or correct the names.\n"
        );
        let dry = place.ok(&["import", &file, "--create-groups", "--dry-run"]);
        assert!(dry.starts_with("Would create 2 groups: Sales, Support.\nWould create 120"), "{dry}");
        let done = place.ok(&["import", &file, "--create-groups", "--yes"]);
        assert_eq!(done, "Created 2 groups: Sales, Support.\nCreated 120, unchanged 0, refused 0.\n");
        assert_eq!(place.json(&["user", "show", "u3"])["groups"], serde_json::json!(["Sales", "Support"]));
    }
}

#[test]
fn names_hold_separators() {
    let place = Place::with_org();
    for name in ["Sales; EMEA", "R|D", "Support"] {
        place.ok(&["group", "create", name]);
    }
    let text = "email,groups,tags\n\
                a@a.example,Sales; EMEA,one\\;two;three\n\
                b@a.example,R|D,\n\
                c@a.example,Sales\\; EMEA;R\\|D,\n\
                d@a.example,\"\"\"Sales; EMEA\"\" | Support\",\n\
                e@a.example,Sales; Support,\n";
    let file = place.file("people.csv", text);
    let run = place.run(&["import", &file]);
    assert_eq!((run.code, run.out.as_str()), (4, "Created 4, unchanged 0, refused 1.\n"), "{}", run.err);
    for (user, groups) in [
        ("a", vec!["Sales; EMEA"]),
        ("b", vec!["R|D"]),
        ("c", vec!["R|D", "Sales; EMEA"]),
        ("d", vec!["Sales; EMEA", "Support"]),
    ] {
        assert_eq!(place.json(&["user", "show", user])["groups"], serde_json::json!(groups), "{user}");
    }
    assert_eq!(place.json(&["user", "show", "a"])["tags"], serde_json::json!(["one;two", "three"]));
}

/// The files of people in the folder that `MUSTER_TEST_DATA` names; else one of our own.
fn files_of_people(place: &Place) -> Vec<std::path::PathBuf> {
    let Some(folder) = std::env::var_os("MUSTER_TEST_DATA") else {
        let mut text = String::from("username,email,given_name,family_name,groups,roles\n");
        for number in 0..500 {
            let _ = writeln!(
                text,
                "p{number},p{number}@a.example,Ana,Number {number},Managers;Team {},",
                number % 7
            );
        }
        place.file("people.csv", &text);
        return vec![place.directory.join("people.csv")];
    };
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.file_name().is_some_and(|name| name == "people.csv")).collect()
}

#[test]
fn a_large_file_is_taken_whole() {
    let place = Place::with_org();
    let files = files_of_people(&place);
    assert!(!files.is_empty(), "MUSTER_TEST_DATA holds no people.csv");
    for file in files {
        let file = file.to_str().unwrap();
        let refused = place.run(&["import", file, "--json", "--dry-run"]);
        let told: serde_json::Value = serde_json::from_str(&refused.out).unwrap();
        assert!(told["missing_groups"].as_object().is_some_and(|groups| !groups.is_empty()), "{file}");
        let done = place.json(&["import", file, "--create-groups", "--yes"]);
        let count = |told: &serde_json::Value, name: &str| told[name].as_u64().unwrap();
        assert_eq!((count(&done, "refused"), count(&done, "unchanged")), (0, 0), "{file}: {done}");
        let again = place.json(&["import", file, "--yes"]);
        assert_eq!(count(&again, "unchanged"), count(&done, "created"), "{file}");
    }
}
