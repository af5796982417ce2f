//! A clock that is set: no protection ends early by it, and none lasts longer than what was left of it.

use std::time::Duration;

use serde_json::json;
use store::{Sql, values};

use model::Role;

use crate::{
    anonymous::invite,
    app::{PASSWORD, Somebody, TestApp, form, form_request},
    known_devices::try_with,
};

const WRONG: &str = "wrong-canyon-harbor";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: i64 = 24 * 3600;
const OFFICE: &str = "203.0.113.5";

/// Every protection with an end, five minutes after it began.
struct Protected {
    /// The password is locked for a quarter of an hour, everywhere.
    locked: Somebody,
    /// An address is closed for an account.
    throttled: Somebody,
    /// A known device has had its tries of the hour.
    limited: Somebody,
    device: String,
    /// An invitation was sent as often as it may be in a day.
    invitation: String,
    /// A reset link was sent as often as it may be in an hour.
    linked: Somebody,
}

async fn protected(app: &TestApp) -> Protected {
    let person = async |name: &str| app.person(name, Role::Member).await;
    let (locked, throttled, limited, linked) =
        (person("Lola").await, person("Theo").await, person("Dev").await, person("Rita").await);
    let known = try_with(&app.router, OFFICE, "", &limited.email, PASSWORD).await.expect(303);
    let mut cookies = known.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let device = cookies.find(|line| line.starts_with("muster-devices")).unwrap().split(';').next().unwrap();
    for number in 0..20 {
        try_with(&app.router, &format!("198.51.100.{number}"), "", &locked.email, WRONG).await.expect(422);
        try_with(&app.router, OFFICE, device, &limited.email, WRONG).await.expect(422);
    }
    for _ in 0..6 {
        try_with(&app.router, OFFICE, "", &throttled.email, WRONG).await;
    }
    let invitation = invite(app, json!({"email": "ina@acme.example"})).await;
    for _ in 0..5 {
        app.post(&format!("/invitations/{invitation}/resend"), json!({})).await.expect(200);
        app.post(&format!("/users/{}/send-reset-link", linked.id), json!({})).await.expect(200);
    }
    app.app.watch_clock().await.unwrap();
    app.later(5 * MINUTE);
    Protected { locked, throttled, limited, device: device.to_owned(), invitation, linked }
}

impl Protected {
    /// Which of them still hold.
    async fn held(&self, app: &TestApp) -> [bool; 5] {
        let refused = |status: u16| matches!(status, 422 | 429);
        let sign_in = async |peer: &str, cookie: &str, who: &Somebody| {
            refused(try_with(&app.router, peer, cookie, &who.email, PASSWORD).await.status.as_u16())
        };
        [
            sign_in("192.0.2.1", "", &self.locked).await,
            sign_in(OFFICE, "", &self.throttled).await,
            sign_in(OFFICE, &self.device, &self.limited).await,
            refused(
                app.post(&format!("/invitations/{}/resend", self.invitation), json!({}))
                    .await
                    .status
                    .as_u16(),
            ),
            refused(
                app.post(&format!("/users/{}/send-reset-link", self.linked.id), json!({}))
                    .await
                    .status
                    .as_u16(),
            ),
        ]
    }

    /// What was left when it was set counts from then: ten minutes, 55 minutes, and of the day the rest.
    async fn check_what_is_left(&self, app: &TestApp, step: i64) {
        app.later(9 * MINUTE);
        assert_eq!(self.held(app).await, [true; 5], "{step}: all but a minute");
        app.later(2 * MINUTE);
        let held = self.held(app).await;
        assert_eq!(held, [false, false, true, true, true], "{step}: after the quarter of an hour");
        app.later(45 * MINUTE);
        assert_eq!(self.held(app).await[2..], [false, true, false], "{step}: after the hour");
        app.later(24 * 60 * MINUTE);
        assert!(!self.held(app).await[3], "{step}: after the day");
    }
}

on_both! {
    async fn what_is_left_counts_from_a_step_and_nothing_ends_early(app: TestApp) {
        let people = async |number: usize| {
            // The same names again, for the next step.
            for (name, email) in [("Lola", "lola"), ("Theo", "theo"), ("Dev", "dev"), ("Rita", "rita"), ("Ina", "ina")] {
                let found = app.app.user_by_identifier(&app.operator(), &format!("{email}@acme.example")).await;
                let Ok(person) = found else { continue };
                let body = json!({"email": format!("{email}{number}@old.example"), "username": format!("{name}{number}")});
                app.patch(&format!("/users/{}", person.user.id), body).await.expect(200);
            }
        };
        for (number, step) in [-DAY, DAY, -3600, 3600, 30 * DAY].into_iter().enumerate() {
            people(number).await;
            let protected = protected(&app).await;
            app.clock.set_by(step);
            assert_eq!(protected.held(&app).await, [true; 5], "{step}: before anybody has noticed");
            app.app.watch_clock().await.unwrap();
            assert_eq!(app.app.now(), model::Clock::now(app.clock.as_ref()), "{step}: the clock is believed");
            assert_eq!(protected.held(&app).await, [true; 5], "{step}");
            protected.check_what_is_left(&app, step).await;
        }
    }

    /// What is a little off is no step: it is followed, and nothing is moved.
    async fn small_corrections_are_followed(app: TestApp) {
        app.app.watch_clock().await.unwrap();
        for step in [-4, 4, 3, 4, -4] {
            app.clock.set_by(step);
            assert_eq!(app.app.now(), model::Clock::now(app.clock.as_ref()));
            app.app.watch_clock().await.unwrap();
        }
        assert_eq!(app.count("SELECT count(*) FROM clock WHERE set_at > 0").await, 0);
    }

    /// Which columns have a beginning or an end, from the schema: each is moved, or it is said why not.
    async fn every_column_with_an_end_is_moved_or_excused(app: TestApp) {
        let sql = Sql::by_engine(
            "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' \
             AND (p.name LIKE '%since' OR p.name LIKE '%until' OR p.name = 'proved_at') ORDER BY 1, 2",
            "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public' \
             AND (column_name LIKE '%since' OR column_name LIKE '%until' OR column_name = 'proved_at') ORDER BY 1, 2",
        );
        let read = async |connection: &mut store::Connection<'_>| connection.all::<(String, String)>(sql, values![]).await;
        for (table, column) in app.app.database().read(read).await.unwrap() {
            let is_moved = store::clock::PROTECTED.contains(&(table.as_str(), column.as_str()));
            let is_excused = store::clock::UNPROTECTED.iter().any(|(excused, of, _)| *excused == table && *of == column);
            assert!(is_moved || is_excused, "{table}.{column}: is it moved when the clock is set?");
        }
    }

    /// A clock that was set back while nothing ran; on PostgreSQL the node of before would count as another one that lives.
    async fn across_a_restart_a_clock_that_went_back_is_seen(app: TestApp) {
        let protected = protected(&app).await;
        // As the server would have within a minute.
        app.app.watch_clock().await.unwrap();
        if !app.url.starts_with("sqlite") {
            return;
        }
        app.app.close().await;
        app.clock.set_by(-DAY);
        let (program, router) = app.second().await;
        program.watch_clock().await.unwrap();
        let finding = program.clock_finding().await.unwrap();
        assert!(matches!(finding, ::app::clock::ClockFinding::WasSet(_, by) if by < -86_000_000_000), "{finding:?}");
        let fields = form(&[("identifier", &protected.locked.email), ("password", PASSWORD)]);
        let ask = async || {
            let request = form_request("/o/acme/sign-in", "", &fields);
            crate::app::send(&router, request).await.status.as_u16()
        };
        assert_eq!(ask().await, 422);
        app.later(9 * MINUTE);
        assert_eq!(ask().await, 422);
        app.later(2 * MINUTE);
        assert_eq!(ask().await, 303);
    }
}
