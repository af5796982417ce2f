//! Groups on the command line, on both engines, with the database opened by each command itself.

use crate::support::Place;

fn place_with_people(place: &Place) {
    for name in ["Ana", "Bo"] {
        let email = format!("{}@acme.example", name.to_lowercase());
        place.ok(&["user", "create", "--display-name", name, "--email", &email]);
    }
    place.ok(&["group", "create", "Europe", "--description", "Everybody there"]);
    place.ok(&["group", "create", "Lisbon", "--in", "Europe", "--role", "auditor", "--owner", "ana"]);
}

#[test]
fn a_groups_whole_life() {
    for place in Place::with_orgs() {
        place_with_people(&place);
        assert_eq!(
            place.ok(&["group", "add", "Lisbon", "ana", "--reason", "lives there"]),
            "Ana (ana) was put into Lisbon.\n"
        );
        let list = place.file("people.txt", "ana\nbo@acme.example\n\nnobody\n");
        let dry = place.run(&["group", "add", "lisbon", "--file", &list, "--dry-run"]);
        assert_eq!(
            (dry.code, dry.out.as_str()),
            (4, "1 would be put in, 1 are in it already, 1 would be refused.\n")
        );
        let run = place.run(&["group", "add", "lisbon", "--file", &list]);
        assert_eq!((run.code, run.out.as_str()), (4, "1 put in, 1 were in it already, 1 refused.\n"));
        assert_eq!(run.err, "nobody: There is no such user. Correct the line, or invite the person.\n");
        let shown = place.json(&["group", "show", "Lisbon"]);
        assert_eq!(
            (&shown["members"], &shown["owners"][0], &shown["parents"][0]),
            (&2.into(), &"ana".into(), &"Europe".into())
        );
        assert_eq!(shown["roles"][0]["role"], "auditor");
        let members = place.json(&["group", "members", "Europe", "--effective"]);
        assert_eq!(members["items"][0]["through"][0], "Lisbon");
        let listed = place.json(&["group", "list", "--in", "Europe", "--role", "auditor", "--owner", "ana"]);
        assert_eq!(listed["items"][0]["name"], "Lisbon");
        let people = place.json(&["user", "list", "--group", "Europe"]);
        assert_eq!(people["items"].as_array().unwrap().len(), 2);
        assert_eq!(place.refused(4, &["group", "nest", "Europe", "Lisbon"])["code"], "group.cycle");
        place.ok(&["group", "create", "Portugal"]);
        place.ok(&["group", "move", "Lisbon", "--from", "Europe", "--to", "Portugal"]);
        place.ok(&["group", "nest", "Portugal", "Europe", "--until", "2099-01-01"]);
        place.ok(&["group", "unnest", "Portugal", "Europe"]);
        place.ok(&["group", "grant", "Portugal", "helpdesk", "--over", "Lisbon"]);
        place.ok(&["group", "revoke", "Portugal", "helpdesk", "--over", "Lisbon"]);
        place.ok(&["group", "owner", "Lisbon", "ana", "--remove"]);
        place.ok(&["group", "remove", "Lisbon", "bo"]);
        place.ok(&["group", "edit", "Lisbon", "--name", "Lisboa", "--description", ""]);
        let text = place.ok(&["group", "show", "Lisboa"]);
        assert!(text.contains("Stands in     Portugal\n") && !text.contains("Owner"), "{text}");
        let dry = place.ok(&["group", "delete", "Portugal", "--dry-run"]);
        assert_eq!(
            dry,
            "Portugal would be deleted. That would touch 1 user and 1 group in it. Nothing was changed.\n"
        );
        place.ok(&["group", "delete", "Portugal"]);
        assert_eq!(place.refused(3, &["group", "show", "Portugal"])["code"], "group.unknown");
        let table = place.ok(&["group", "list"]);
        assert!(
            table.starts_with("NAME") && table.contains("Lisboa") && !table.contains("Portugal"),
            "{table}"
        );
    }
}
