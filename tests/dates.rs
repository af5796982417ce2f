//! Whose clocks count: a day is read where the organization is, as an end with the whole day and as a beginning from its
//! first moment; times are shown by the clocks of who looks.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::Role;
use serde_json::{Value, json};
use web::Door;

use crate::{
    app::{TestApp, form, form_request},
    matrix::{self, browser},
};

/// The day's first moment and the first one after it, in Berlin.
const FIRST: &str = "2026-12-30T23:00:00Z";
const OVER: &str = "2026-12-31T23:00:00Z";

async fn in_berlin(app: &TestApp) {
    let wanted = json!({"settings": {"region": {"time_zone": "W. Europe Standard Time"}}});
    let org = app.patch("/org", wanted).await.expect(200).json();
    assert_eq!(org["settings"]["region"]["time_zone"], "Europe/Berlin");
    let wrong = json!({"settings": {"region": {"time_zone": "Mars/Phobos"}}});
    assert_eq!(app.patch("/org", wrong).await.expect(422).json()["errors"][0]["field"], "region.time_zone");
}

/// Whether a time is told by other clocks.
fn shows_utc(page: &str) -> bool {
    let mut told = page.match_indices(" UTC");
    told.any(|(at, _)| page[..at].ends_with(|letter: char| letter.is_ascii_digit()))
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

on_both! {
    async fn a_day_counts_whole_at_every_door_of_the_api(app: TestApp) {
        in_berlin(&app).await;
        let (day, tomorrow) = ("2026-12-31", "2026-11-21");
        let new = json!({"given_name": "Ana", "family_name": "Silva", "email": "ana@acme.example", "valid_from": tomorrow, "valid_until": day});
        let made = app.post("/users", new).await.expect(201).json();
        assert_eq!((&made["valid_from"], &made["valid_until"]), (&json!("2026-11-20T23:00:00Z"), &json!(OVER)));
        let ana = format!("/users/{}", id(&made));
        let patched = app.patch(&ana, json!({"valid_from": null, "valid_until": "2027-01-31"})).await.expect(200).json();
        assert_eq!(patched["valid_until"], "2027-01-31T23:00:00Z");
        assert_eq!(app.patch(&ana, json!({"valid_until": "2027-02-29"})).await.expect(422).json()["status"], 422);
        let invited = app.post("/invitations", json!({"email": "ina@acme.example", "valid_until": day})).await.expect(201).json();
        assert_eq!(invited["user"]["valid_until"], OVER);

        let span = json!({"valid_from": day, "valid_until": day});
        let mut role = span.clone();
        role["role"] = json!("auditor");
        let given = app.post(&format!("{ana}/roles"), role).await.expect(200).json();
        assert_eq!((&given["roles"][0]["valid_from"], &given["roles"][0]["valid_until"]), (&json!(FIRST), &json!(OVER)));
        let group = id(&app.post("/groups", json!({"name": "Crew"})).await.expect(201).json());
        let outer = id(&app.post("/groups", json!({"name": "Ship"})).await.expect(201).json());
        let put = async |path: String| app.call(Method::PUT, &path, &app.owner.token, span.clone()).await.expect(200);
        put(format!("/groups/{group}/members/{}", id(&made))).await;
        put(format!("/groups/{outer}/groups/{group}")).await;
        app.post(&format!("/groups/{group}/members"), json!({"members": ["olivia@acme.example"], "valid_from": day, "valid_until": day})).await.expect(200);
        let expected = app.count("SELECT valid_until FROM role_grants WHERE valid_until IS NOT NULL").await;
        for sql in ["SELECT count(*) FROM group_members WHERE valid_until IS NOT NULL", "SELECT count(*) FROM group_nestings WHERE valid_until IS NOT NULL"] {
            assert!(app.count(sql).await > 0, "{sql}");
        }
        for sql in ["SELECT min(valid_until) FROM group_members", "SELECT max(valid_until) FROM group_members", "SELECT max(valid_until) FROM group_nestings"] {
            assert_eq!(app.count(sql).await, expected, "{sql}");
        }
        app.post(&format!("{ana}/activate"), json!({})).await;
        let bo = app.person("Bo", Role::Member).await;
        let locked = app.post(&format!("/users/{}/lock", bo.id), json!({"until": day})).await.expect(200).json();
        assert_eq!(locked["lock"]["until"], OVER, "{locked}");
        let fields = json!({"given_name": "Ima", "email": "ima@acme.example", "valid_from": day, "valid_until": day});
        app.post("/users/import", json!({"rows": [{"fields": fields}]})).await.expect(200);
        let found = app.get("/users?search=ima@acme.example").await.expect(200).json();
        assert_eq!((&found["items"][0]["valid_from"], &found["items"][0]["valid_until"]), (&json!(FIRST), &json!(OVER)), "{found}");
        let wrong = json!({"rows": [{"fields": {"email": "imo@acme.example", "valid_until": "2027-02-29"}}]});
        assert_eq!(app.post("/users/import", wrong).await.expect(422).json()["errors"][0]["field"], "rows[0].fields.valid_until");
    }

    /// What is asked by day, too: from its first moment on, and up to its last.
    async fn a_day_is_asked_for_whole(app: TestApp) {
        in_berlin(&app).await;
        // Half an hour into the 21st in Berlin, and still the 20th in UTC.
        app.later(Duration::from_secs(15 * 3600 + 1800));
        let late = app.create("Ana", "Silva", "ana@acme.example").await;
        let created = async |query: &str| {
            let path = format!("/audit?event=user.created&target={late}{query}");
            app.get(&path).await.expect(200).json()["items"].as_array().unwrap().len()
        };
        for (query, expected) in [
            ("", 1), ("&since=2026-11-21", 1), ("&since=2026-11-22", 0), ("&until=2026-11-20", 0), ("&until=2026-11-21", 1),
            ("&since=2026-11-21&until=2026-11-21", 1), ("&until=2026-11-20T23:00:00Z", 0),
        ] {
            assert_eq!(created(query).await, expected, "{query}");
        }
        let exported = async |since: &str| {
            let body = json!({"event": "user.created", "target": late, "since": since});
            app.post("/audit/export", body).await.expect(200).text.lines().count()
        };
        assert_eq!((exported("2026-11-21").await, exported("2026-11-22").await), (1, 0));
        browser(&app, &app.org, &app.owner).await;
        let active = async |since: &str| {
            app.get(&format!("/sessions?active_since={since}")).await.expect(200).json()["items"].as_array().unwrap().len()
        };
        assert_eq!((active("2026-11-21").await, active("2026-11-22").await), (1, 0));
        let end = json!({"active_since": "2026-11-22"});
        assert_eq!(app.post("/sessions/revoke", end).await.expect(200).json()["sessions"], 0);
    }

    async fn pages_show_and_read_times_by_the_clocks_of_who_looks(app: TestApp) {
        in_berlin(&app).await;
        let nora = app.person("Nora", Role::Owner).await;
        app.patch(&format!("/users/{}", nora.id), json!({"time_zone": "America/New_York"})).await.expect(200);
        let ana = app.create("Ana", "Silva", "ana@acme.example").await;
        let edit = format!("/o/acme/users/{ana}/edit");
        for (somebody, zone, word, clock) in [(&nora, "America/New_York", "EST", "2027-06-01T05:00"), (&app.owner, "Europe/Berlin", "CET", "2027-06-01T11:00")] {
            let mine = browser(&app, &app.org, somebody).await;
            let look = async |path: &str| app.send(Request::get(path).header(header::COOKIE, &mine.cookie).body(Body::empty()).unwrap()).await;
            let page = look(&edit).await.expect(200).text;
            assert!(page.contains(&format!("By the clocks of {zone}.")), "{zone}");
            let seen = page.split("name=\"version\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
            let fields = [("csrf", mine.csrf.as_str()), ("version", seen.as_str()), ("valid_until", clock)];
            app.send(form_request(&edit, &mine.cookie, &form(&fields))).await.expect(303);
            let stored = app.get(&format!("/users/{ana}")).await.json();
            assert_eq!(stored["valid_until"], "2027-06-01T09:00:00Z", "{zone}: {clock}");
            assert!(look(&edit).await.text.contains(&format!("value=\"{clock}\"")), "{zone}");
            // No page falls back to other clocks.
            let mut told = 0;
            for route in web::declared().into_iter().filter(|route| route.door == Door::Console && route.method == Method::GET) {
                let path = matrix::address(&route, "acme", &ana);
                let page = look(&path).await;
                if page.status == 200 && path.starts_with("/o/acme/") && !path.contains("/preview/") && !path.contains("/api/") {
                    assert!(!shows_utc(&page.text), "{path} shows UTC");
                    told += usize::from(page.text.contains(&format!(" {word}")));
                }
            }
            assert!(told > 10, "{told} pages show a time in {zone}");
        }
    }
}
