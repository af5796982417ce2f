use crate::{Org, OrgId, Password, Settings, Timestamp, UserFields, settings::PasswordPolicy};

use super::{About, Estimate, within_reason};

fn about() -> About {
    let org = Org {
        id: OrgId(uuid::Uuid::nil()),
        slug: "acme-labs".to_owned(),
        name: "Acme Laboratories".to_owned(),
        settings: Settings::default(),
        created_at: Timestamp::from_micros(0),
        version: 1,
    };
    let fields = UserFields {
        given_name: Some("Zoë".to_owned()),
        family_name: Some("Vandermeulen".to_owned()),
        display_name: Some("Zoë Vandermeulen".to_owned()),
        email: Some("zoe.vandermeulen@acme.example".to_owned()),
        username: Some("zvandermeulen".to_owned()),
        mobile: Some("+49 30 5551234567".to_owned()),
        ..UserFields::default()
    };
    About::person(&fields, &org)
}

/// The code of the refusal; empty if it is accepted.
fn verdict(text: &str, policy: &PasswordPolicy) -> String {
    let judge = || {
        let password = Password::chosen("password", text, policy)?;
        Estimate::of(&password, &about()).check("password", policy)
    };
    match judge() {
        Ok(()) => String::new(),
        Err(error) => {
            let [refused] = error.fields() else { panic!("{text}: {error}") };
            refused.code.trim_start_matches("password.").to_owned()
        }
    }
}

#[test]
fn passwords_and_their_verdicts() {
    let table = [
        ("violet-canyon-harbor", ""),
        ("correct horse battery", ""),
        ("pässwörd-canyon-harbor", ""),
        ("雨が降ったら図書館へ行こう", ""),
        ("kX9$vQ2!mZ7#", ""),
        ("", "too_short"),
        ("short", "too_short"),
        ("elevenchars", "too_short"),
        // Eleven characters, however the accents are typed.
        ("e\u{301}levenchars", "too_short"),
        (&"violet-canyon ".repeat(19), "too_long"),
        ("violet\0canyon-harbor", "control_character"),
        ("administrator", "common"),
        ("Administrator", "common"),
        ("4dm1n1str4t0r", "common"),
        ("characterization", "common"),
        ("zoe.vandermeulen@acme.example", "guessable"),
        ("zoe@acme.vandermeulen:2026", "guessable"),
        ("AcmeVandermeulen", "guessable"),
        ("vandermeulen-canyon-harbor", ""),
        ("ZOË VANDERMEULEN", "guessable"),
        ("v4nd3rm3ul3n", "guessable"),
        ("vandermeulen1", "guessable"),
        ("ZVandermeulen", "guessable"),
        ("495551234567", "guessable"),
        ("acme-labs-2026", "guessable"),
        ("aaaaaaaaaaaaaaaa", "guessable"),
        ("passwordpassword", "guessable"),
        ("Password2026!", "guessable"),
        ("qwertyuiopas", "guessable"),
        ("abcdefghijklmnop", "guessable"),
        ("123456789012345", "guessable"),
    ];
    for (text, expected) in table {
        assert_eq!(verdict(text, &PasswordPolicy::default()), expected, "{text}");
    }
}

#[test]
fn common_passwords_and_names_are_refused_by_every_policy() {
    let lax = PasswordPolicy { minimum_strength: 0, minimum_length: 8, ..PasswordPolicy::default() };
    for (text, expected) in [
        ("password", "common"),
        ("P4ssw0rd", "common"),
        ("vandermeulen", "guessable"),
        ("vandermeulen2026!", "guessable"),
        ("aaaaaaaa", "guessable"),
        ("Password2026!", ""),
        ("8-chars!", ""),
    ] {
        assert_eq!(verdict(text, &lax), expected, "{text}");
    }
}

#[test]
fn a_higher_strength_refuses_more() {
    let accepted = |strength: u16| {
        let policy = PasswordPolicy { minimum_strength: strength, ..PasswordPolicy::default() };
        ["passwordpassword", "qwertyuiopas", "Password2026!", "January 2026!", "violet-canyon-harbor"]
            .map(|text| verdict(text, &policy).is_empty())
    };
    assert_eq!(accepted(0), [true, true, true, true, true]);
    assert_eq!(accepted(1), [false, true, true, true, true]);
    assert_eq!(accepted(2), [false, false, true, true, true]);
    assert_eq!(accepted(3), [false, false, false, true, true]);
    assert_eq!(accepted(4), [false, false, false, false, true]);
}

#[test]
fn what_would_take_seconds_is_looked_at_in_part() {
    let of = |part: &str| part.chars().cycle().take(256).collect::<String>();
    assert_eq!(within_reason(&of("4@8({[<3691!|7|0$5+7%2")).chars().count(), 12);
    assert_eq!(within_reason(&of("ab4cd")).chars().count(), 64);
    assert_eq!(within_reason(&of("0123456789")).chars().count(), 64);
    assert_eq!(within_reason("ü"), "ü");
}
