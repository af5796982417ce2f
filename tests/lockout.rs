//! How often one may try: per account and address, per account from everywhere; for names that nobody holds alike.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::ConnectInfo,
    http::{HeaderValue, StatusCode},
};
use model::Role;
use serde_json::json;

use crate::{
    app::{Answer, PASSWORD, TestApp, form, form_request, send},
    matrix::{browser, force},
    signin::{holds, submit},
};

const WRONG: &str = "wrong-canyon-harbor";
const MINUTE: Duration = Duration::from_secs(60);

/// A try from an address, through a router and with headers of the sender's choice.
async fn try_from(
    router: &Router,
    peer: &str,
    headers: &[(&'static str, &str)],
    who: &str,
    password: &str,
) -> Answer {
    let fields = form(&[("identifier", who), ("password", password)]);
    let mut request = form_request("/o/acme/sign-in", "", &fields);
    let peer: SocketAddr = format!("{peer}:4711").parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    send(router, request).await
}

fn router(app: &TestApp, trusted: &[&str], per_minute: u32) -> Router {
    let trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
    let options = web::Options {
        trusted_proxies,
        sign_ins_per_minute: per_minute,
        ..web::Options::new("http://localhost")
    };
    web::router(options, app.app.clone())
}

on_both! {
    async fn five_failures_from_one_address_close_it_for_a_quarter_of_an_hour(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for identifier in [ana.email.as_str(), "nobody@acme.example"] {
            for _ in 0..5 {
                submit(&app, identifier, WRONG, false).await.expect(422);
            }
            for password in [WRONG, PASSWORD] {
                let refused = submit(&app, identifier, password, false).await.expect(429);
                assert_eq!(refused.headers["retry-after"], "900", "{identifier}");
                assert!(refused.text.contains("Too many tries."));
            }
        }
        let anybody = submit(&app, &app.owner.email, PASSWORD, false).await;
        anybody.expect(303);
        app.later(15 * MINUTE);
        submit(&app, &ana.email, PASSWORD, false).await.expect(303);
        submit(&app, "nobody@acme.example", PASSWORD, false).await.expect(422);
    }

    async fn success_forgets_the_failures_before(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for _ in 0..3 {
            for _ in 0..4 {
                submit(&app, &ana.email, WRONG, false).await.expect(422);
            }
            submit(&app, &ana.email, PASSWORD, false).await.expect(303);
        }
    }

    async fn other_addresses_are_unaffected(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let session = browser(&app, &app.org, &ana).await;
        let router = router(&app, &[], 1_000_000);
        for _ in 0..6 {
            try_from(&router, "203.0.113.9", &[], &ana.email, WRONG).await;
        }
        try_from(&router, "203.0.113.9", &[], &ana.email, PASSWORD).await.expect(429);
        try_from(&router, "203.0.113.10", &[], &ana.email, PASSWORD).await.expect(303);
        assert!(holds(&app, &session.cookie).await, "open sessions go on");
    }

    async fn however_a_name_is_spelled_it_is_the_same_name(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for who in [ana.email.as_str(), "nobody@acme.example"] {
            let local = &who[..1];
            let spellings = [who.to_owned(), who.to_uppercase(), format!("  {who}\t"), who.replace("acme", "ACME"), who.replacen(local, if local == "a" { "ａ" } else { "ｎ" }, 1)];
            for spelling in &spellings {
                submit(&app, spelling, WRONG, false).await.expect(422);
            }
            for spelling in &spellings {
                submit(&app, spelling, PASSWORD, false).await.expect(429);
            }
        }
    }

    /// Username and email lead to one account, and the tries of both count; but that one is closed must not tell a
    /// stranger that the other belongs to it.
    async fn two_names_of_one_account_are_counted_together_without_telling(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for _ in 0..5 {
            submit(&app, &ana.email, WRONG, false).await.expect(422);
        }
        let own = submit(&app, &ana.username, PASSWORD, false).await.expect(422);
        let nobodys = submit(&app, "nobody", PASSWORD, false).await.expect(422);
        let plain = |answer: &Answer, who: &str| crate::matrix::without_request_id(answer).replace(who, "?");
        assert_eq!(plain(&own, &ana.username), plain(&nobodys, "nobody"));
        app.later(15 * MINUTE);
        submit(&app, &ana.username, PASSWORD, false).await.expect(303);
        submit(&app, &ana.email, PASSWORD, false).await.expect(303);
    }

    async fn two_hundred_tries_at_once_get_no_more_than_the_limit(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let tries = (0..200).map(|number| {
            // The right password is among them: it must not be found by trying many at once.
            let password = if number == 150 { PASSWORD } else { WRONG };
            submit(&app, &ana.email, password, false)
        });
        let answers = futures_util::future::join_all(tries).await;
        let statuses = |wanted: StatusCode| answers.iter().filter(|answer| answer.status == wanted).count();
        let (refused, closed, inside) = (statuses(StatusCode::UNPROCESSABLE_ENTITY), statuses(StatusCode::TOO_MANY_REQUESTS), statuses(StatusCode::SEE_OTHER));
        assert_eq!(refused + closed + inside, 200);
        // A success in between forgets what was before it.
        assert!(refused <= 5 + 5 * inside, "{refused} refused, {inside} let in");
        let failed = app.events(&ana.id.to_string()).await.into_iter().filter(|event| event == "sign_in.failed").count();
        assert_eq!(failed, refused);
    }

    /// The same seen from the hashing: an unreadable hash answers 500 whenever it is compared.
    async fn no_more_passwords_are_compared_than_the_limit_allows(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        force(&app, "UPDATE credentials SET hash = 'unreadable' WHERE user_id = $1", ana.id).await;
        let answers = futures_util::future::join_all((0..200).map(|_| submit(&app, &ana.email, WRONG, false))).await;
        let compared = answers.iter().filter(|answer| answer.status == StatusCode::INTERNAL_SERVER_ERROR).count();
        let closed = answers.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).count();
        assert_eq!((compared, closed), (5, 195));
    }

    async fn twenty_failures_from_everywhere_lock_the_password(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let session = browser(&app, &app.org, &ana).await;
        let router = router(&app, &[], 1_000_000);
        for number in 0..20 {
            let shown = app.get(&format!("/users/{}", ana.id)).await.json();
            assert_eq!(shown["status"], "active", "after {number}");
            try_from(&router, &format!("203.0.113.{number}"), &[], &ana.email, WRONG).await.expect(422);
        }
        let shown = app.get(&format!("/users/{}", ana.id)).await.json();
        assert_eq!((&shown["status"], &shown["state"]), (&json!("locked"), &json!("active")));
        assert!(shown["password_locked_until"].is_string());
        assert_eq!(app.get("/users?status=locked").await.json()["items"][0]["id"], ana.id.to_string());
        try_from(&router, "198.51.100.1", &[], &ana.email, PASSWORD).await.expect(422);
        assert!(holds(&app, &session.cookie).await, "a stranger can't throw anybody out");
        assert!(app.events(&ana.id.to_string()).await.contains(&"user.password_locked".to_owned()));
        app.later(15 * MINUTE);
        assert_eq!(app.get(&format!("/users/{}", ana.id)).await.json()["status"], "active");
        submit(&app, &ana.email, PASSWORD, false).await.expect(303);
    }

    async fn an_administrator_unlocks_at_once(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let router = router(&app, &[], 1_000_000);
        for number in 0..20 {
            try_from(&router, &format!("203.0.113.{}", number / 5), &[], &ana.email, WRONG).await.expect(422);
        }
        try_from(&router, "203.0.113.0", &[], &ana.email, PASSWORD).await.expect(429);
        let helpdesk = app.person("Hal", Role::Helpdesk).await;
        app.call(axum::http::Method::POST, &format!("/users/{}/unlock", ana.id), &helpdesk.token, json!({})).await.expect(200);
        try_from(&router, "203.0.113.0", &[], &ana.email, PASSWORD).await.expect(303);
        try_from(&router, "203.0.113.0", &[], &ana.username, PASSWORD).await.expect(303);
    }

    async fn a_new_password_opens_what_failures_closed(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for _ in 0..6 {
            submit(&app, &ana.email, WRONG, false).await;
        }
        let set = app.post(&format!("/users/{}/set-password", ana.id), json!({})).await.expect(200).json();
        submit(&app, &ana.email, set["temporary_password"].as_str().unwrap(), false).await.expect(303);
    }

    async fn the_limits_are_the_organizations(app: TestApp) {
        app.patch("/org", json!({"settings": {"lockout": {"failures_per_address": 3, "minutes": 60}}})).await.expect(200);
        for _ in 0..3 {
            submit(&app, "nobody", WRONG, false).await.expect(422);
        }
        assert_eq!(submit(&app, "nobody", WRONG, false).await.expect(429).headers["retry-after"], "3600");
        app.later(59 * MINUTE);
        submit(&app, "nobody", WRONG, false).await.expect(429);
        app.later(MINUTE);
        submit(&app, "nobody", WRONG, false).await.expect(422);
    }

    /// Of the present password when changing one's own, too: a stolen session must not become a password.
    async fn the_present_password_is_not_for_guessing_either(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let change = async |present: &str| {
            let body = json!({"present_password": present, "new_password": "another-canyon-harbor"});
            app.call(axum::http::Method::POST, "/account/password", &ana.token, body).await
        };
        for _ in 0..5 {
            change(WRONG).await.expect(422);
        }
        change(PASSWORD).await.expect(429);
        app.later(15 * MINUTE);
        change(PASSWORD).await.expect(204);
    }

    async fn nobody_chooses_the_address_that_is_counted(app: TestApp) {
        let direct = router(&app, &[], 1_000_000);
        let junk = ["1.2.3.4", "", "a, b", "203.0.113.77", "::1", "10.0.0.1", "unknown", "\"[2001:db8::1]:4711\"", "1.2.3.4, 5.6.7.8", "127.0.0.1"];
        for value in &junk[..5] {
            try_from(&direct, "203.0.113.9", &[("x-forwarded-for", value), ("forwarded", &format!("for={value}")), ("x-real-ip", value), ("client-ip", value)], "nobody", WRONG).await.expect(422);
        }
        for value in junk {
            try_from(&direct, "203.0.113.9", &[("x-forwarded-for", value), ("true-client-ip", value)], "nobody", WRONG).await.expect(429);
        }
        // Behind a proxy that is believed, it is the last address that the proxy did not add itself.
        let proxied = router(&app, &["10.0.0.0/8"], 1_000_000);
        for number in 0..5 {
            let chain = format!("1.2.3.{number}, 198.51.100.7, 10.0.0.2");
            try_from(&proxied, "10.0.0.1", &[("x-forwarded-for", &chain)], "else", WRONG).await.expect(422);
        }
        try_from(&proxied, "10.0.0.1", &[("x-forwarded-for", "9.9.9.9, 198.51.100.7")], "else", WRONG).await.expect(429);
        try_from(&proxied, "10.0.0.1", &[("x-forwarded-for", "9.9.9.9"), ("x-forwarded-for", "198.51.100.7, 10.0.0.3")], "else", WRONG).await.expect(429);
        try_from(&proxied, "10.0.0.1", &[("x-forwarded-for", "198.51.100.8")], "else", WRONG).await.expect(422);
        // Who is no proxy of ours is not believed by the same server.
        for _ in 0..5 {
            try_from(&proxied, "203.0.113.20", &[("x-forwarded-for", "198.51.100.9")], "third", WRONG).await.expect(422);
        }
        try_from(&proxied, "203.0.113.20", &[("x-forwarded-for", "198.51.100.10")], "third", WRONG).await.expect(429);
    }

    /// Whoever tries many accounts from one address is slowed down whomever he tries.
    async fn one_address_has_so_many_tries_a_minute(app: TestApp) {
        // Two a minute: the third would need half a minute of real time to be let in.
        let router = router(&app, &[], 2);
        for (address, status) in [
            ("203.0.113.9", 422), ("203.0.113.9", 422), ("203.0.113.9", 429), ("203.0.113.9", 429), ("203.0.113.10", 422),
            // An IPv6 site counts as one address.
            ("[2001:db8:1:2::1]", 422), ("[2001:db8:1:2::2]", 422), ("[2001:db8:1:2:ffff::1]", 429), ("[2001:db8:1:3::1]", 422),
        ] {
            try_from(&router, address, &[], &format!("nobody at {address}"), WRONG).await.expect(status);
        }
    }

    /// A site has 2^64 addresses: they are one.
    async fn an_ipv6_site_is_one_address(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let router = router(&app, &[], 1_000_000);
        for number in 1..=5 {
            let peer = format!("[2001:db8:1:2:{number:x}::{number:x}]");
            try_from(&router, &peer, &[], &ana.email, WRONG).await.expect(422);
        }
        try_from(&router, "[2001:db8:1:2:ffff::9]", &[], &ana.email, PASSWORD).await.expect(429);
        try_from(&router, "[2001:db8:1:3::9]", &[], &ana.email, PASSWORD).await.expect(303);
    }

    /// Many accounts from one address: it is refused for those that never signed in from there, and all others go on.
    async fn an_address_where_many_accounts_fail_is_refused_for_new_ones(app: TestApp) {
        app.patch("/org", json!({"settings": {"lockout": {"accounts_per_address": 10}}})).await.expect(200);
        let (ana, bea, cleo) = (app.person("Ana", Role::Member).await, app.person("Bea", Role::Member).await, app.person("Cleo", Role::Member).await);
        let router = router(&app, &[], 1_000_000);
        let office = "203.0.113.9";
        try_from(&router, office, &[], &ana.email, PASSWORD).await.expect(303);
        let device = try_from(&router, "192.0.2.1", &[], &bea.email, PASSWORD).await.expect(303);
        let device = device.headers.get_all("set-cookie").iter().find(|line| line.to_str().unwrap().starts_with("muster-devices")).unwrap();
        let device = device.to_str().unwrap().split(';').next().unwrap().to_owned();
        // One account counts once, however often it fails, and so does one that is known there.
        for who in [&cleo.email, &ana.email] {
            for _ in 0..5 {
                try_from(&router, office, &[], who, WRONG).await.expect(422);
            }
        }
        for number in 0..9 {
            try_from(&router, office, &[], &format!("nobody{number}"), WRONG).await.expect(422);
        }
        // Here as there: what is refused says nothing of who has an account, or signs in from there.
        for who in ["nobody9", &app.owner.email] {
            let refused = try_from(&router, office, &[], who, WRONG).await.expect(429);
            assert!(refused.text.contains("Too many accounts"), "{}", refused.text);
            assert_eq!(refused.headers["retry-after"], "900");
        }
        try_from(&router, office, &[], &bea.email, PASSWORD).await.expect(429);
        try_from(&router, office, &[("cookie", &device)], &bea.email, PASSWORD).await.expect(303);
        try_from(&router, "203.0.113.10", &[], &cleo.email, PASSWORD).await.expect(303);
        // Ana has signed in from there, and her failures of before are too many only under her own count.
        app.post(&format!("/users/{}/unlock", ana.id), json!({})).await;
        let session = browser(&app, &app.org, &ana).await;
        assert!(holds(&app, &session.cookie).await);
        app.later(15 * MINUTE);
        try_from(&router, office, &[], &app.owner.email, PASSWORD).await.expect(303);
    }

    async fn listed_networks_are_not_counted(app: TestApp) {
        let refused = app.patch("/org", json!({"settings": {"lockout": {"exempt_networks": ["nonsense"]}}})).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["field"], "lockout.exempt_networks");
        app.patch("/org", json!({"settings": {"lockout": {"accounts_per_address": 10, "exempt_networks": ["203.0.113.0/24", " 2001:db8::/32"]}}})).await.expect(200);
        let ana = app.person("Ana", Role::Member).await;
        let router = router(&app, &[], 1_000_000);
        for number in 0..30 {
            try_from(&router, "203.0.113.9", &[], &format!("nobody{number}"), WRONG).await.expect(422);
        }
        try_from(&router, "203.0.113.9", &[], &ana.email, PASSWORD).await.expect(303);
    }

    /// The limit that sheds load at one address shuts out nobody who is known there.
    async fn who_is_known_is_not_shut_out_by_others_at_the_address(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let router = router(&app, &[], 2);
        let first = try_from(&router, "203.0.113.9", &[], &ana.email, PASSWORD).await.expect(303);
        let cookies: Vec<&str> = first.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().split(';').next().unwrap()).collect();
        try_from(&router, "203.0.113.9", &[], "nobody", WRONG).await.expect(422);
        try_from(&router, "203.0.113.9", &[], "nobody", WRONG).await.expect(429);
        try_from(&router, "203.0.113.9", &[("cookie", &cookies.join("; "))], &ana.email, PASSWORD).await.expect(303);
        let mut request = crate::app::api_request(axum::http::Method::POST, "acme", "/account/password", &ana.token, &json!({"present_password": WRONG, "new_password": "another-canyon-harbor"}));
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>("203.0.113.9:4711".parse().unwrap()));
        send(&router, request).await.expect(422);
    }
}
