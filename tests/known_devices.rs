//! Known devices: a cookie of its own for person and browser, which strangers' failures don't shut out, which is never
//! unlimited, and which ends with the access it belongs to.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use model::{Action, Role, UserId, credential_change::CredentialChange, lifecycle::Reason};
use serde_json::{Value, json};

use crate::{
    app::{Answer, PASSWORD, Somebody, TestApp, form, form_request, send},
    rescue::{carry_out, secret_for},
};

const WRONG: &str = "wrong-canyon-harbor";
const HOUR: Duration = Duration::from_secs(3600);

/// What a browser holds.
#[derive(Debug, Clone, Default)]
struct Jar {
    /// The cookie of the session, `name=value`.
    session: String,
    /// The cookie of known devices.
    devices: String,
}

impl Jar {
    fn both(&self) -> String {
        format!("{}; {}", self.session, self.devices)
    }
}

/// A try from an address, with a browser's cookies.
pub(crate) async fn try_with(router: &Router, peer: &str, cookie: &str, who: &str, password: &str) -> Answer {
    let mut request =
        form_request("/o/acme/sign-in", cookie, &form(&[("identifier", who), ("password", password)]));
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    send(router, request).await
}

/// The cookies of a sign-in.
fn jar(answer: &Answer) -> Jar {
    let lines = answer.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    let pairs: Vec<&str> = lines.map(|line| line.split(';').next().unwrap()).collect();
    let find = |devices: bool| {
        let found = pairs.iter().find(|pair| pair.starts_with("muster-devices-") == devices);
        (*found.unwrap_or_else(|| panic!("{pairs:?}"))).to_owned()
    };
    Jar { session: find(false), devices: find(true) }
}

/// Signs somebody in with a browser, on which they are known from then on.
async fn known(app: &TestApp, who: &Somebody) -> Jar {
    jar(&try_with(&app.router, "203.0.113.5", "", &who.username, PASSWORD).await.expect(303))
}

async fn devices_of(app: &TestApp, who: UserId) -> Vec<Value> {
    let listed = app.get(&format!("/users/{who}/devices")).await.expect(200).json();
    listed["items"].as_array().unwrap().clone()
}

/// Asks the API as a browser.
async fn ask(app: &TestApp, jar: &Jar, path: &str) -> Answer {
    let request = Request::get(format!("/o/acme/api/v1{path}")).header(header::COOKIE, jar.both());
    app.send(request.body(Body::empty()).unwrap()).await
}

on_both! {
    async fn strangers_failures_do_not_shut_a_known_device_out(app: TestApp) {
        let ana = app.person("Ana", Role::Owner).await;
        let browser = known(&app, &ana).await;
        for number in 0..20 {
            try_with(&app.router, &format!("198.51.100.{number}"), "", &ana.email, WRONG).await.expect(422);
        }
        for _ in 0..6 {
            try_with(&app.router, "203.0.113.5", "", &ana.email, WRONG).await;
        }
        // Locked for everybody else, and closed for anybody else at this address.
        try_with(&app.router, "198.51.100.77", "", &ana.email, PASSWORD).await.expect(422);
        try_with(&app.router, "203.0.113.5", "", &ana.email, PASSWORD).await.expect(429);
        assert_eq!(ask(&app, &browser, "/whoami").await.status, 200, "open sessions go on");
        let again = try_with(&app.router, "203.0.113.5", &browser.devices, &ana.email, PASSWORD).await.expect(303);
        assert_eq!(jar(&again).devices, browser.devices, "the same device");
        try_with(&app.router, "192.0.2.9", &browser.devices, &ana.username, PASSWORD).await.expect(303);
        assert_eq!(devices_of(&app, ana.id).await.len(), 1);
        // What is shut out stays so.
        try_with(&app.router, "198.51.100.78", "", &ana.email, PASSWORD).await.expect(422);
    }

    async fn a_known_device_is_never_unlimited(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let browser = known(&app, &ana).await;
        for number in 0..20 {
            let peer = format!("198.51.100.{number}");
            try_with(&app.router, &peer, &browser.devices, &ana.email, WRONG).await.expect(422);
        }
        let refused = try_with(&app.router, "203.0.113.5", &browser.devices, &ana.email, PASSWORD).await.expect(429);
        assert_eq!(refused.headers["retry-after"], "3600");
        // Counted by itself: nobody else is locked out by it.
        try_with(&app.router, "203.0.113.5", "", &ana.email, PASSWORD).await.expect(303);
        app.later(HOUR);
        try_with(&app.router, "203.0.113.5", &browser.devices, &ana.email, PASSWORD).await.expect(303);
        // The right password begins the count anew.
        for _ in 0..20 {
            try_with(&app.router, "203.0.113.5", &browser.devices, &ana.email, WRONG).await.expect(422);
        }
    }

    async fn tries_at_once_on_a_known_device_get_no_more_than_its_limit(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let browser = known(&app, &ana).await;
        crate::matrix::force(&app, "UPDATE credentials SET hash = 'unreadable' WHERE user_id = $1", ana.id).await;
        let tries = (0..60).map(|_| try_with(&app.router, "203.0.113.5", &browser.devices, &ana.email, WRONG));
        let answers = futures_util::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 500).count(), 20, "compared");
    }

    async fn a_cookie_is_its_persons_alone_and_a_browser_keeps_several(app: TestApp) {
        let (ana, bea) = (app.person("Ana", Role::Member).await, app.person("Bea", Role::Member).await);
        let browser = known(&app, &ana).await;
        for number in 0..20 {
            try_with(&app.router, &format!("198.51.100.{number}"), "", &bea.email, WRONG).await.expect(422);
        }
        try_with(&app.router, "203.0.113.5", &browser.devices, &bea.email, PASSWORD).await.expect(422);
        app.later(HOUR);
        let both = jar(&try_with(&app.router, "203.0.113.5", &browser.devices, &bea.email, PASSWORD).await.expect(303));
        for number in 0..40 {
            let who = if number % 2 == 0 { &ana } else { &bea };
            try_with(&app.router, &format!("198.51.100.{number}"), "", &who.email, WRONG).await.expect(422);
        }
        for who in [&ana, &bea] {
            try_with(&app.router, "192.0.2.1", "", &who.email, PASSWORD).await.expect(422);
            try_with(&app.router, "192.0.2.1", &both.devices, &who.email, PASSWORD).await.expect(303);
        }
        // Nobody else's organization believes it, and a made-up one is none.
        let (_, otto) = app.other_org("globex").await;
        assert!(try_with(&app.router, "192.0.2.1", &both.devices, &otto.email, PASSWORD).await.status == 422);
        try_with(&app.router, "192.0.2.1", "muster-devices-x=a.b.c", &ana.email, PASSWORD).await.expect(422);
    }

    async fn devices_are_listed_and_removed_at_both_doors(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (first, second) = (known(&app, &ana).await, known(&app, &ana).await);
        let own = ask(&app, &first, "/account/devices").await.expect(200).json();
        let own = own["items"].as_array().unwrap().clone();
        assert_eq!(own.iter().filter(|device| device["this"] == true).count(), 1);
        let other = own.iter().find(|device| device["this"] == false).unwrap()["id"].as_str().unwrap();
        app.call(Method::DELETE, &format!("/account/devices/{other}"), &ana.token, json!(null)).await.expect(204);
        app.call(Method::DELETE, &format!("/account/devices/{other}"), &ana.token, json!(null)).await.expect(404);
        assert_eq!(ask(&app, &second, "/whoami").await.status, 200, "its session goes on");
        let left = devices_of(&app, ana.id).await;
        assert_eq!(left.len(), 1);
        // Somebody else's is not there, an administrator's rights reach it.
        let bea = app.person("Bea", Role::Member).await;
        let id = left[0]["id"].as_str().unwrap();
        app.call(Method::DELETE, &format!("/account/devices/{id}"), &bea.token, json!(null)).await.expect(404);
        let shown = crate::signin::page(&app, "/account/sessions", &first.session).await.expect(200).text;
        assert!(shown.contains("Known devices") && shown.contains(&format!("/o/acme/account/devices/{id}/remove")));
        app.call(Method::DELETE, &format!("/users/{}/devices/{id}", ana.id), &app.owner.token, json!(null)).await.expect(204);
        assert!(devices_of(&app, ana.id).await.is_empty());
        assert!(app.events(&ana.id.to_string()).await.contains(&"device.removed".to_owned()));
    }

    /// Every way on which an account is taken back or shut out.
    async fn devices_end_with_the_access_they_belong_to(app: TestApp) {
        for (number, change) in CredentialChange::ALL.iter().enumerate() {
            if *change == CredentialChange::Chosen {
                continue;
            }
            let ana = app.person(&format!("Ana{number}"), Role::Member).await;
            let secret = secret_for(&app, &ana, *change).await;
            let browser = known(&app, &ana).await;
            let before = devices_of(&app, ana.id).await;
            carry_out(&app, &ana, *change, &secret).await;
            let after = devices_of(&app, ana.id).await;
            assert!(after.iter().all(|device| before.iter().all(|known| known["id"] != device["id"])), "{change}");
            // Without it, its browser is a stranger's.
            let unread = try_with(&app.router, "203.0.113.5", &browser.devices, &ana.email, WRONG).await;
            assert_eq!(unread.status, 422, "{change}");
        }
        let reason = || (Reason::Left, String::new());
        let shut_out = [
            Action::Suspend { reason: reason().0, note: reason().1 },
            Action::Deprovision { reason: reason().0, note: reason().1 },
            Action::Lock { until: None, note: String::new() },
        ];
        for (number, action) in shut_out.into_iter().enumerate() {
            let bea = app.person(&format!("Bea{number}"), Role::Member).await;
            known(&app, &bea).await;
            let name = action.name();
            app.app.transition(&app.operator(), &app.org, bea.id, action, None).await.unwrap();
            assert_eq!(app.count("SELECT count(*) FROM device_cookies d JOIN users u ON u.id = d.user_id WHERE u.username_key LIKE 'bea%'").await, 0, "{name}");
        }
    }

    /// The person's own change, in a browser, leaves that browser known.
    async fn ones_own_change_of_the_password_leaves_this_device(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        known(&app, &ana).await;
        let browser = known(&app, &ana).await;
        let page = crate::signin::page(&app, "/account/password", &browser.session).await.expect(200).text;
        let csrf = page.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap();
        let fields = [("csrf", csrf), ("present_password", PASSWORD), ("new_password", "another-canyon-harbor"), ("repeat_password", "another-canyon-harbor")];
        app.send(form_request("/o/acme/account/password", &browser.both(), &form(&fields))).await.expect(303);
        let left = devices_of(&app, ana.id).await;
        assert_eq!(left.len(), 1);
        for number in 0..20 {
            try_with(&app.router, &format!("198.51.100.{number}"), "", &ana.email, WRONG).await.expect(422);
        }
        try_with(&app.router, "192.0.2.1", &browser.devices, &ana.email, "another-canyon-harbor").await.expect(303);
    }

    /// A known device is no news; whoever only looks like one, from where the person has been, is none either.
    async fn a_known_device_is_not_told_as_a_new_one(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let sign_in = async |agent: &str, cookie: &str| {
            let mut request = form_request("/o/acme/sign-in", cookie, &form(&[("identifier", &ana.email), ("password", PASSWORD)]));
            request.headers_mut().insert(header::USER_AGENT, agent.parse().unwrap());
            jar(&app.send(request).await.expect(303))
        };
        let told = async || app.mails().await.iter().filter(|letter| letter.subject == "New sign-in to Acme").count();
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
        let browser = sign_in(chrome, "").await;
        sign_in(firefox, &browser.devices).await;
        assert_eq!(told().await, 0, "the same browser after a change of what it says of itself");
        sign_in("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/18.6 Mobile/15E148 Safari/604.1", "").await;
        assert_eq!(told().await, 1);
    }
}
