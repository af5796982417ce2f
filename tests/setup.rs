//! The first start: a link that makes one organization and its owner, once, and is dead afterwards.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, header},
};

use crate::app::{Answer, Empty, PASSWORD, TestApp, form, form_request, send};

const HOUR: Duration = Duration::from_secs(60 * 60);

struct FirstStart {
    empty: Empty,
    router: Router,
    link: String,
}

/// A program of the same engine that nobody has set up yet, with its link.
async fn first_start(like: &TestApp) -> FirstStart {
    let empty = Empty::new(like.app.database().engine()).await;
    let options =
        web::Options { sign_ins_per_minute: 1_000_000, ..web::Options::new("http://localhost:8080") };
    let router = web::router(options, empty.app.clone());
    let link = link(&empty).await;
    FirstStart { empty, router, link }
}

async fn link(empty: &Empty) -> String {
    let secret = empty.app.new_setup_link().await.unwrap().expect("not set up yet");
    format!("/setup/{}", secret.reveal())
}

impl FirstStart {
    async fn look(&self, method: Method) -> Answer {
        send(&self.router, Request::builder().method(method).uri(&self.link).body(Body::empty()).unwrap())
            .await
    }

    async fn fill_in(&self, link: &str, change: &[(&str, &str)]) -> Answer {
        let usual = [
            ("name", "Apex Ltd"),
            ("slug", "apex"),
            ("given_name", "Ada"),
            ("family_name", "Owner"),
            ("email", "ada@apex.example"),
            ("password", PASSWORD),
            ("repeat_password", PASSWORD),
        ];
        let value = |name: &str, usual: &str| {
            change
                .iter()
                .find(|(changed, _)| *changed == name)
                .map_or(usual.to_owned(), |(_, value)| (*value).to_owned())
        };
        let fields: Vec<(&str, String)> =
            usual.iter().map(|(name, usual)| (*name, value(name, usual))).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        send(&self.router, form_request(link, "", &form(&fields))).await
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let read = async |connection: &mut store::Connection<'_>| connection.one::<(i64,)>(sql, &[]).await;
        self.empty.app.database().read(read).await.unwrap().0
    }
}

on_both! {
    async fn the_link_makes_the_organization_and_signs_its_owner_in(app: TestApp) {
        let first = first_start(&app).await;
        let front = send(&first.router, Request::get("/").body(Body::empty()).unwrap()).await.expect(200);
        assert!(front.text.contains("There is no organization yet"));
        // Scanners of mail open links; nothing comes of it.
        for method in [Method::GET, Method::HEAD, Method::GET] {
            first.look(method).await.expect(200);
        }
        let done = first.fill_in(&first.link, &[]).await.expect(303);
        assert_eq!(done.headers[header::LOCATION], "/o/apex/users?done=set-up");
        let cookie = done.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let whoami = Request::get("/o/apex/api/v1/whoami").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        let whoami = send(&first.router, whoami).await.expect(200).json();
        assert_eq!(whoami["permissions"].as_array().unwrap().len(), model::Permission::ALL.len());
        assert_eq!(first.count("SELECT count(*) FROM audit_entries WHERE event IN ('org.created', 'user.created', 'role.granted')").await, 3);
        first.look(Method::GET).await.expect(410);
        first.fill_in(&first.link, &[("slug", "other")]).await.expect(410);
        assert!(first.empty.app.new_setup_link().await.unwrap().is_none(), "there is nothing left to set up");
        assert_eq!(first.count("SELECT count(*) FROM orgs").await, 1);
    }

    async fn of_32_uses_at_once_one_makes_an_organization(app: TestApp) {
        let first = first_start(&app).await;
        let slugs: Vec<String> = (0..32).map(|number| format!("apex-{number}")).collect();
        let uses = slugs.iter().map(|slug| {
            let (first, slug) = (&first, slug.as_str());
            async move { first.fill_in(&first.link, &[("slug", slug)]).await }
        });
        let answers = futures_util::future::join_all(uses).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [&[303][..], &[410; 31]].concat());
        let all = "SELECT (SELECT count(*) FROM orgs) * 100 + (SELECT count(*) FROM users) * 10 + (SELECT count(*) FROM org_slugs)";
        assert_eq!(first.count(all).await, 111);
    }

    async fn a_refused_form_does_not_use_the_link_up(app: TestApp) {
        let first = first_start(&app).await;
        for (field, value) in [
            ("name", ""), ("slug", "a"), ("slug", "api"), ("slug", "a b"), ("email", ""), ("email", "nonsense"), ("password", "short"), ("repeat_password", "different"), ("given_name", "A\u{0}"),
            ("password", "ada@apex.example"),
        ] {
            let answer = first.fill_in(&first.link, &[(field, value)]).await.expect(422);
            assert!(!answer.text.contains(PASSWORD), "a password is never sent back");
            assert!(field == "email" || answer.text.contains("ada@apex.example"), "what was typed is kept");
        }
        assert_eq!(first.count("SELECT (SELECT count(*) FROM orgs) + (SELECT count(*) FROM users)").await, 0);
        first.fill_in(&first.link, &[]).await.expect(303);
    }

    async fn a_link_dies_after_a_day_or_with_the_next_one(app: TestApp) {
        let first = first_start(&app).await;
        let next = link(&first.empty).await;
        first.look(Method::GET).await.expect(410);
        first.fill_in(&first.link, &[]).await.expect(410);
        first.empty.clock.later(24 * HOUR - Duration::from_secs(1));
        send(&first.router, Request::get(&next).body(Body::empty()).unwrap()).await.expect(200);
        first.empty.clock.later(Duration::from_secs(1));
        first.fill_in(&next, &[]).await.expect(410);
        let third = link(&first.empty).await;
        first.fill_in(&third, &[]).await.expect(303);
    }

    async fn no_other_secret_opens_the_set_up(app: TestApp) {
        let first = first_start(&app).await;
        let secret = first.link.trim_start_matches("/setup/").to_owned();
        for at in 0..secret.len() {
            let mut changed = secret.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
            let answer = first.fill_in(&format!("/setup/{}", String::from_utf8(changed).unwrap()), &[]).await;
            assert!(matches!(answer.status.as_u16(), 404 | 410), "{at}: {}", answer.status);
        }
        for nonsense in ["x", "..", "%00", &"A".repeat(43), &"A".repeat(5_000)] {
            let answer = first.fill_in(&format!("/setup/{nonsense}"), &[]).await;
            assert!(answer.status.is_client_error(), "{nonsense}");
        }
        assert_eq!(first.count("SELECT count(*) FROM orgs").await, 0);
        let used = app.app.new_setup_link().await.unwrap();
        assert!(used.is_none());
        let elsewhere = app.send(form_request(&first.link, "", &form(&[("name", "x")]))).await;
        assert!(matches!(elsewhere.status.as_u16(), 410 | 422), "another server's link: {}", elsewhere.status);
        assert_eq!(app.count("SELECT count(*) FROM orgs").await, 1);
    }

    /// Two start-up scripts at once, both without a link, as with the start variables.
    async fn of_two_scripts_at_once_one_sets_up(app: TestApp) {
        let first = first_start(&app).await;
        let set_up = |slug: &str| {
            let owner = model::UserFields { given_name: Some("Ada".to_owned()), email: Some("ada@apex.example".to_owned()), ..model::UserFields::default() };
            first.empty.app.set_up(None, ::app::setup::SetUp { org_name: "Apex".to_owned(), slug: slug.to_owned(), owner, password: PASSWORD.to_owned() })
        };
        let (one, two) = tokio::join!(set_up("apex"), set_up("apex-two"));
        assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|done| **done).count(), 1);
        assert_eq!(first.count("SELECT count(*) FROM orgs").await, 1);
        first.look(Method::GET).await.expect(410);
        first.fill_in(&first.link, &[("slug", "late")]).await.expect(410);
    }
}
