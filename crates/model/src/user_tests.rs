use super::*;

fn fields(value: Value) -> UserFields {
    serde_json::from_value(value).unwrap()
}

fn ana() -> UserFields {
    fields(serde_json::json!({"given_name": " Ana ", "family_name": "Müller", "email": "Ana@X.Example"}))
}

#[test]
fn checked_fields_are_normal_and_named() {
    let checked = ana().checked(Completeness::Full).unwrap();
    assert_eq!(checked.given_name.as_deref(), Some("Ana"));
    assert_eq!(checked.email.as_deref(), Some("Ana@x.example"));
    assert_eq!(checked.display_name.as_deref(), Some("Ana Müller"));
}

#[test]
fn all_refusals_come_at_once() {
    let bad = serde_json::json!({"given_name": "A\0na", "email": "ana", "phone": "x", "locale": "??",
        "time_zone": "", "tags": vec!["t"; 21], "valid_from": "2026-01-02", "valid_until": "2026-01-01"});
    let refused = fields(bad).checked(Completeness::Full).unwrap_err();
    let names: Vec<_> = refused.fields().iter().map(|field| field.field.as_ref()).collect();
    assert_eq!(names, ["given_name", "phone", "email", "locale", "tags", "valid_until"]);
}

#[test]
fn each_sort_of_user_needs_its_own_things() {
    let service = serde_json::json!({"type": "service", "username": "backup"});
    assert!(fields(service).checked(Completeness::Full).is_ok());
    let guest = serde_json::json!({"type": "guest", "email": "g@x.example", "given_name": "G"});
    assert_eq!(fields(guest).checked(Completeness::Full).unwrap_err().fields()[0].field, "valid_until");
    let unnamed = serde_json::json!({"email": "g@x.example"});
    assert!(fields(unnamed.clone()).checked(Completeness::Full).is_err());
    assert!(fields(unnamed).checked(Completeness::EmailOnly).is_ok());
}

#[test]
fn a_username_is_never_somebody_elses_email() {
    let mut user = ana();
    user.username = Some("eve@x.example".to_owned());
    assert_eq!(
        user.clone().checked(Completeness::Full).unwrap_err().fields()[0].code,
        "username.other_email"
    );
    user.username = Some("ANA@x.example".to_owned());
    assert!(user.checked(Completeness::Full).is_ok());
}

#[test]
fn usernames_are_made_from_names_in_any_script() {
    let made = |given: &str, family: &str, email: &str| {
        let value = serde_json::json!({"given_name": given, "family_name": family, "email": email});
        fields(value).username_candidates("{given}.{family}").take(2).collect::<Vec<_>>()
    };
    assert_eq!(made("Ana", "Müller", "a@x.example"), ["ana.muller", "ana.muller2"]);
    assert_eq!(made("", "Ng", "a@x.example"), ["ng", "ng2"]);
    assert_eq!(made("篤司", "林", "a@x.example")[0], "dusi.lin");
    assert_eq!(made("", "", "Bo.B+x@x.example"), ["bo.b+x", "bo.b+x2"]);
}

#[test]
fn a_patch_keeps_clears_and_merges() {
    let user = fields(
        serde_json::json!({"email": "a@x.example", "title": "Lead", "address": {"city": "Bonn", "country": "DE"}}),
    );
    let patch = serde_json::json!({"title": null, "address": {"city": "Köln"}});
    let patched = user.patched(patch.as_object().unwrap()).unwrap();
    assert_eq!(patched.title, None);
    assert_eq!(
        patched.address.unwrap(),
        Address { city: Some("Köln".into()), country: Some("DE".into()), ..Address::default() }
    );
    for wrong in [
        serde_json::json!({"email": ["a", "b"]}),
        serde_json::json!({"admin": true}),
        serde_json::json!({"state": "active"}),
    ] {
        assert!(user.patched(wrong.as_object().unwrap()).is_err(), "{wrong}");
    }
}

#[test]
fn initials_come_from_first_and_last_word() {
    for (name, expected) in
        [("Ana Müller", "AM"), ("Björk", "B"), ("Ana Maria de la Cruz", "AC"), ("", ""), ("(x) y", "XY")]
    {
        assert_eq!(initials(name), expected, "{name}");
    }
}
