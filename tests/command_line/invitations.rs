//! Invitations on the command line: sent, looked after, named as the way out; on both engines.

use crate::support::Place;

/// The one invitation that is listed.
fn only(place: &Place, arguments: &[&str]) -> serde_json::Value {
    let found = place.json(&[&["invitation", "list"], arguments].concat());
    let items = found["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{arguments:?}: {found}");
    items[0].clone()
}

#[test]
fn people_are_invited_and_refusals_told() {
    for place in Place::with_orgs() {
        let send =
            ["invitation", "send", "Ana Silva <ana@acme.example>", "bo@acme.example", "--role", "helpdesk"];
        let dry = place.ok(&[&send[..], &["--dry-run"]].concat());
        assert!(dry.contains("bo@acme.example: would be invited"), "{dry}");
        assert!(place.ok(&["invitation", "list"]).is_empty(), "a dry run invites nobody");
        let said = place.ok(&send);
        assert_eq!(said, "Ana Silva <ana@acme.example>: invited\nbo@acme.example: invited\n");
        let again = place.run(&["invitation", "send", "ana@acme.example", "cy@acme.example"]);
        assert_eq!((again.code, again.out.as_str()), (4, "cy@acme.example: invited\n"));
        assert!(again.err.contains("1 of 2 were not invited."), "{}", again.err);
        place.refused(4, &["invitation", "send", "not an address"]);
        let table = place.ok(&["invitation", "list"]);
        assert_eq!(table.lines().count(), 4, "{table}");
        assert_eq!(only(&place, &["--search", "silva"])["email"], "ana@acme.example");
        assert!(place.ok(&["invitation", "list", "--status", "expired"]).is_empty());
        place.refused(2, &["invitation", "list", "--status", "lost"]);
        let user = place.json(&["user", "show", "ana@acme.example"]);
        assert_eq!((&user["status"], &user["roles"][0]["role"]), (&"invited".into(), &"helpdesk".into()));
    }
}

#[test]
fn what_is_out_is_looked_after() {
    for place in Place::with_orgs() {
        place.ok(&["invitation", "send", "Ana Silva <ana@acme.example>"]);
        let link = place.ok(&["invitation", "link", "ana@acme.example"]);
        assert!(link.contains("/o/acme/invitation/"), "{link}");
        let said = place.ok(&["invitation", "remind", "ana@acme.example"]);
        assert_eq!(said, "The invitation of Ana Silva was followed by a reminder.\n");
        let said = place.ok(&["invitation", "resend", "ana@acme.example", "--dry-run"]);
        assert!(said.contains("would be sent. Nothing was changed."), "{said}");
        let said = place.ok(&["invitation", "resend", "ana@acme.example"]);
        assert_eq!(said, "The invitation of Ana Silva was sent.\n");
        assert_ne!(place.ok(&["invitation", "link", "ana@acme.example"]), link);
        place.ok(&["invitation", "cancel", "ana@acme.example"]);
        assert_eq!(only(&place, &[])["status"], "cancelled");
        assert_eq!(place.json(&["invitation", "resend", "--all-expired"])["sent"], 0);
        assert_eq!(place.refused(3, &["invitation", "cancel", "nobody"])["code"], "user.unknown");
        place.ok(&[
            "user",
            "create",
            "--email",
            "bo@acme.example",
            "--display-name",
            "Bo",
            "--generate-password",
        ]);
        assert_eq!(place.refused(3, &["invitation", "cancel", "bo"])["code"], "invitation.none");
        place.refused(4, &["invitation", "resend", "bo"]);
    }
}

#[test]
fn the_way_out_of_not_having_come_is_a_command_that_works() {
    for place in Place::with_orgs() {
        place.ok(&["user", "create", "--email", "ana@acme.example", "--display-name", "Ana Silva"]);
        let told = place.ok(&["user", "explain-sign-in", "ana"]);
        assert!(told.contains("Send an invitation: muster invitation resend ana\n"), "{told}");
        place.ok(&["invitation", "resend", "ana"]);
        let told = place.ok(&["user", "explain-sign-in", "ana"]);
        assert!(told.contains("Send the invitation again: muster invitation resend ana\n"), "{told}");
        place.ok(&["invitation", "resend", "ana"]);
        assert_eq!(only(&place, &["--status", "pending"])["email"], "ana@acme.example");
    }
}
