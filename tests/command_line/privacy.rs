//! What somebody did, all that is held on somebody, and the receipt of an erasure: on the command line, on both engines.

use std::{fs::File, io::Read as _, os::unix::fs::PermissionsExt as _};

use crate::support::Place;

/// Creates somebody; answers the id.
fn ana(place: &Place) -> String {
    let create = ["user", "create", "--email", "ana@acme.example", "--display-name", "Ana Silva"];
    place.json(&create)["user"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn activity_is_told_newest_first_and_by_kind() {
    for place in Place::with_orgs() {
        ana(&place);
        place.ok(&["user", "edit", "ana", "--title", "Pilot"]);
        place.ok(&["user", "grant", "ana", "auditor"]);
        let all = place.json(&["user", "activity", "ana"]);
        let kinds: Vec<&str> =
            all["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["access", "account", "account"]);
        let one = place.json(&["user", "activity", "ana", "--limit", "1"]);
        assert_eq!((one["items"].as_array().unwrap().len(), one["older"].is_string()), (1, true));
        let table = place.ok(&["user", "activity", "ana@acme.example", "--kind", "account"]);
        assert!(table.contains("The operator changed the record of Ana Silva"), "{table}");
        assert!(!table.contains("Auditor"), "{table}");
        let nothing = place.run(&["user", "activity", "ana", "--kind", "sign_ins"]);
        assert_eq!((nothing.code, nothing.out.as_str()), (0, ""));
        assert!(nothing.err.contains("Nothing of this kind has happened."), "{}", nothing.err);
        assert_eq!(place.refused(3, &["user", "activity", "nobody"])["code"], "user.unknown");
    }
}

#[test]
fn all_that_is_held_is_written_to_a_file_of_its_own() {
    for place in Place::with_orgs() {
        ana(&place);
        let said = place.ok(&["user", "export-data", "ana", "--output", "ana.zip"]);
        assert!(said.starts_with("ana.zip was written ("), "{said}");
        let file = File::open(place.directory.join("ana.zip")).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "for its owner alone");
        let mut archive = zip::ZipArchive::new(file).unwrap();
        let mut text = String::new();
        archive.by_name("data.json").unwrap().read_to_string(&mut text).unwrap();
        assert!(text.contains("ana@acme.example") && archive.by_name("data.html").is_ok());
        // Nothing that is there is written over, and nothing is left of what failed.
        let run = place.run(&["user", "export-data", "ana", "--output", "ana.zip"]);
        assert!(run.code != 0 && run.err.contains("ana.zip can't be written"), "{}", run.err);
        place.refused(3, &["user", "export-data", "nobody", "--output", "nobody.zip"]);
        assert!(!place.directory.join("nobody.zip").exists());
        let entries = place.json(&["audit", "list", "--event", "user.data_exported"]);
        assert_eq!(entries["items"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn an_erasure_has_a_receipt() {
    for place in Place::with_orgs() {
        let id = ana(&place);
        assert_eq!(place.refused(3, &["user", "receipt", &id])["code"], "not_found");
        place.ok(&["user", "delete", "ana", "--confirm", "ana@acme.example"]);
        place.ok(&["user", "purge", "ana", "--confirm", "ana@acme.example"]);
        let text = place.ok(&["user", "receipt", &id]);
        assert!(text.starts_with("Receipt of an erasure\n") && text.contains(&id), "{text}");
        assert!(text.contains("Profile") && !text.contains("Silva") && !text.contains("ana@"), "{text}");
        let receipt = place.json(&["user", "receipt", &id]);
        assert_eq!(receipt["user"], id.as_str());
        let devices = receipt["removed"].as_array().unwrap().iter().find(|one| one["kind"] == "devices");
        assert_eq!(devices.unwrap()["count"], 0);
    }
}
