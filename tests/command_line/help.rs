//! What the help teaches, as people see it.

use crate::support::Place;

#[test]
fn the_help_teaches() {
    let place = Place::new();
    for (name, arguments) in [
        ("muster", &["--help"][..]),
        ("serve", &["serve", "--help"]),
        ("org-create", &["org", "create", "--help"]),
        ("user", &["user", "--help"]),
        ("user-list", &["user", "list", "--help"]),
        ("user-create", &["user", "create", "--help"]),
        ("user-suspend", &["user", "suspend", "--help"]),
        ("user-delete", &["user", "delete", "--help"]),
        ("import", &["import", "--help"]),
        ("token-create", &["token", "create", "--help"]),
        ("session-list", &["session", "list", "--help"]),
        ("session-revoke", &["session", "revoke", "--help"]),
        ("geo-install", &["geo", "install", "--help"]),
        ("recover-owner", &["recover-owner", "--help"]),
    ] {
        insta::assert_snapshot!(format!("help-{name}"), place.ok(arguments));
    }
}

#[test]
fn a_slip_of_the_pen_is_answered_with_the_right_word() {
    let run = Place::new().run(&["user", "lst"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("'list'"), "{}", run.err);
}
