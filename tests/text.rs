//! Names, addresses and numbers as people really type and paste them, at the doors where they come in and are looked for.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::TestApp;

/// What nobody sees, alone.
const UNSEEN: [&str; 9] = [
    "\u{200b}",
    "\u{3164}",
    "\u{2800}",
    "\u{ad}",
    "\u{2060}",
    "\u{115f}",
    "\u{e0041}",
    "\u{feff}",
    "\u{202a}\u{202c}",
];

/// The names of the users that a search finds.
async fn found(app: &TestApp, search: &str) -> Vec<String> {
    let query: String = url::form_urlencoded::byte_serialize(search.as_bytes()).collect();
    let answer = app.get(&format!("/users?search={query}")).await.expect(200).json();
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|user| user["display_name"].as_str().unwrap_or_default().to_owned()).collect()
}

on_both! {
    async fn a_name_of_which_nothing_is_seen_is_no_name(app: TestApp) {
        for (number, unseen) in UNSEEN.into_iter().enumerate() {
            let email = format!("unseen{number}@acme.example");
            let named = app.post("/users", json!({"given_name": unseen, "email": email})).await;
            assert_eq!(named.status, StatusCode::UNPROCESSABLE_ENTITY, "{unseen:?}: {}", named.text);
            for username in [unseen.to_owned(), format!("a{unseen}b"), format!("{unseen}{unseen}")] {
                let body = json!({"type": "service", "username": username, "responsible": app.owner.id.to_string()});
                let answer = app.post("/users", body).await;
                assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{username:?}: {}", answer.text);
            }
            let group = app.post("/groups", json!({"name": unseen})).await;
            assert_eq!(group.status, StatusCode::UNPROCESSABLE_ENTITY, "{unseen:?}: {}", group.text);
            let role = app.post("/roles", json!({"name": unseen, "permissions": []})).await;
            assert_eq!(role.status, StatusCode::UNPROCESSABLE_ENTITY, "{unseen:?}: {}", role.text);
        }
    }

    async fn spellings_of_one_name_are_one_name(app: TestApp) {
        let pairs = [
            ("İREM.Kaya", "irem.kaya"),
            ("straße", "STRASSE"),
            ("ΝΙΚΟΣ", "νικοσ"),
            ("Ａnna", "anna"),
            ("ﬁnn", "FINN"),
        ];
        for (number, (one, other)) in pairs.into_iter().enumerate() {
            let user = |username: &str, n: usize| {
                json!({"given_name": "N", "username": username, "email": format!("s{number}{n}@acme.example")})
            };
            app.post("/users", user(one, 1)).await.expect(201);
            let again = app.post("/users", user(other, 2)).await.expect(409);
            assert_eq!(again.code(), "username.taken", "{one} and {other}");
        }
        for (one, other) in [("İzmir", "izmir"), ("İZMİR", "İzmir"), ("\u{200b}Ops", "Ops"), ("Straße", "STRASSE")] {
            let first = app.post("/groups", json!({"name": one})).await;
            assert!([201, 409].contains(&first.status.as_u16()), "{}", first.text);
            app.post("/groups", json!({"name": other})).await.expect(409);
        }
        let groups = app.get("/groups?search=strasse").await.expect(200).json();
        assert_eq!(groups["items"][0]["name"], "Straße", "groups are found without minding accents");
    }

    async fn addresses_are_taken_out_of_what_they_were_pasted_in(app: TestApp) {
        let wrapped = [
            "\u{200b}ana0@acme.example",
            "\u{feff}ana1@acme.example",
            "\u{202a}ana2@acme.example\u{202c}",
            "mailto:ana3@acme.example",
            "<ana4@acme.example>",
            "ana5@acme.example.",
        ];
        for (number, email) in wrapped.into_iter().enumerate() {
            let answer = app.post("/users", json!({"given_name": "Ana", "email": email})).await.expect(201).json();
            assert_eq!(answer["email"], format!("ana{number}@acme.example"));
        }
        let body = json!({"given_name": "Bo", "email": "bo@bücher.example", "phone": "tel:+49-30-555\u{2011}0142;ext=12"});
        let user = app.post("/users", body).await.expect(201).json();
        assert_eq!((&user["email"], &user["phone"]), (&json!("bo@xn--bcher-kva.example"), &json!("+49-30-555-0142 ext. 12")));
        assert_eq!(found(&app, "bücher").await, ["Bo"], "as people write it");
        assert_eq!(found(&app, "xn--bcher").await, ["Bo"], "and as it is stored");
    }

    async fn people_are_found_as_they_are_typed(app: TestApp) {
        let create = async |given: &str, family: &str, phone: Value| {
            let email = format!("p{}@acme.example", app.count("SELECT count(*) FROM users").await);
            let body = json!({"given_name": given, "family_name": family, "email": email, "phone": phone});
            app.post("/users", body).await.expect(201).json()
        };
        create("Ana", "Kim", json!("+49 (30) 555-0142")).await;
        create("مُحَمَّد", "", Value::Null).await;
        create("שָׁלוֹם", "", Value::Null).await;
        create("Sean", "O’Brien", Value::Null).await;
        let han = create("小明", "王", Value::Null).await;
        let hangul = create("민준", "김", Value::Null).await;
        assert_eq!((&han["display_name"], &hangul["display_name"]), (&json!("王小明"), &json!("김민준")));
        for (typed, name) in [
            ("5550142", "Ana Kim"),
            ("555 0142", "Ana Kim"),
            ("محمد", "مُحَمَّد"),
            ("שלום", "שָׁלוֹם"),
            ("O'Brien", "Sean O’Brien"),
            ("王小明", "王小明"),
            ("김민준", "김민준"),
        ] {
            assert_eq!(found(&app, typed).await, [name], "{typed}");
        }
    }

    async fn a_password_has_no_line_break_and_any_blank_is_a_blank(app: TestApp) {
        let ana = app.person("Ana", model::Role::Member).await;
        let set = format!("/users/{}/set-password", ana.id);
        for broken in ["violet-canyon\nharbor-moon", "violet-canyon\tharbor-moon", "violet-canyon\u{85}harbor-moon"] {
            let answer = app.post(&set, json!({"password": broken})).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{broken:?}: {}", answer.text);
        }
        let body = json!({"password": "violet\u{a0}canyon harbor moon"});
        let answer = app.call(Method::POST, &set, &app.owner.token, body).await;
        assert!(answer.status.is_success(), "{}", answer.text);
        for typed in ["violet canyon harbor moon", "violet\u{a0}canyon\u{2003}harbor\u{3000}moon"] {
            assert!(app.sign_in(&ana.email, typed).await.is_ok(), "{typed:?}");
        }
    }

    async fn an_address_in_the_trash_is_told_in_a_sentence(app: TestApp) {
        let id = app.create("Ana", "Kim", "ana@acme.example").await;
        app.post(&format!("/users/{id}/delete"), json!({"confirm": "ana@acme.example"})).await.expect(200);
        let again = app.post("/users", json!({"given_name": "Ana", "email": "ana@acme.example"})).await.expect(409);
        assert_eq!(
            again.json()["detail"],
            "A user in the trash has this email address. Restore that user, or delete them permanently first."
        );
    }

    async fn a_time_zone_is_one_that_exists_and_mails_are_written_in_it(app: TestApp) {
        let ana = app.person("Ana", model::Role::Member).await;
        let path = format!("/users/{}", ana.id);
        for wrong in ["Mars/Phobos", "CEST", "EST", "+02:00", "../../etc/passwd"] {
            let refused = app.patch(&path, json!({"time_zone": wrong})).await.expect(422);
            assert_eq!(refused.json()["errors"][0]["code"], "time_zone.malformed", "{wrong}");
        }
        let set = app.patch(&path, json!({"time_zone": "W. Europe Standard Time"})).await.expect(200);
        assert_eq!(set.json()["time_zone"], "Europe/Berlin");
        app.worked().await;
        app.post(&format!("/users/{}/send-reset-link", ana.id), Value::Null).await;
        let mail = app.mail_to(&ana.email).await;
        assert!(mail.text.contains(" 2026, 10:00 CET"), "the link's end, 09:00 in UTC: {}", mail.text);
    }
}
