//! How a sign-in is named: the browser's words and hints as they come with the request, the right address behind
//! proxies, the place from a local file, and old sessions labelled again.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use maxminddb_writer::{Database, metadata::IpVersion, paths::IpAddrWithMask};
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{PASSWORD, Somebody, TestApp, api_request, form, send},
    matrix::{browser, force},
    signin::page,
};

const CHROMIUM: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// Signs in through the page, from a socket's address with headers; answers what the API says of the session.
async fn sign_in(
    app: &TestApp,
    router: &Router,
    who: &Somebody,
    peer: &str,
    headers: &[(&str, &str)],
) -> Value {
    let body = form(&[("identifier", &who.email), ("password", PASSWORD)]);
    let mut request = Request::post("/o/acme/sign-in")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer: IpAddr = peer.parse().unwrap();
    let request = request.extension(ConnectInfo(SocketAddr::new(peer, 40_000)));
    app.later(Duration::from_millis(1));
    let answer = send(router, request.body(Body::from(body)).unwrap()).await.expect(303);
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut asked = api_request(Method::GET, "acme", "/account/sessions", "", &Value::Null);
    asked.headers_mut().insert("cookie", cookie.parse().unwrap());
    let listed = send(router, asked).await.expect(200).json();
    listed["items"].as_array().unwrap().iter().find(|item| item["this"] == true).unwrap().clone()
}

fn behind(app: &TestApp, proxies: &[&str]) -> Router {
    let trusted_proxies = proxies.iter().map(|network| network.parse().unwrap()).collect();
    let options = web::Options {
        trusted_proxies,
        sign_ins_per_minute: 1_000_000,
        ..web::Options::new("http://localhost:8080")
    };
    web::router(options, app.app.clone())
}

/// A directory with a small file of places in it.
struct Atlas(PathBuf);

impl Atlas {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("muster-places-{name}-{}", std::process::id()));
        std::fs::remove_dir_all(&path).ok();
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, file: &str, networks: &[(&str, u8, Value)]) {
        let mut database = Database::default();
        database.metadata.ip_version = IpVersion::V4;
        database.metadata.binary_format_major_version = 2;
        for (address, mask, value) in networks {
            let data = database.insert_value(value).unwrap();
            database.insert_node(IpAddrWithMask::new(address.parse().unwrap(), *mask), data);
        }
        let half = self.0.join("half");
        std::fs::write(&half, database.write_to(Vec::new()).unwrap()).unwrap();
        std::fs::rename(half, self.0.join(file)).unwrap();
    }
}

impl Drop for Atlas {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn berlin() -> Value {
    json!({"city": "Berlin", "country_code": "DE", "state1": "Berlin", "latitude": 52.52, "longitude": 13.4})
}

fn sydney() -> Value {
    json!({"city": "Sydney", "country_code": "AU", "state1": "", "latitude": -33.87, "longitude": 151.2})
}

on_both! {
    async fn the_sign_in_page_asks_for_hints_and_the_sign_in_heeds_them(app: TestApp) {
        let asks = page(&app, "/sign-in", "").await.expect(200).headers["accept-ch"].to_str().unwrap().to_owned();
        for hint in ["Sec-CH-UA-Platform-Version", "Sec-CH-UA-Model", "Sec-CH-UA-Full-Version-List"] {
            assert!(asks.contains(hint), "{asks}");
        }
        let ana = app.person("Ana", Role::Member).await;
        let hints = [
            ("user-agent", CHROMIUM),
            ("sec-ch-ua", "\"Microsoft Edge\";v=\"131\", \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\""),
            ("sec-ch-ua-full-version-list", "\"Microsoft Edge\";v=\"131.0.2903.70\", \"Chromium\";v=\"131.0.6778.86\""),
            ("sec-ch-ua-platform", "\"Windows\""),
            ("sec-ch-ua-platform-version", "\"15.0.0\""),
            ("sec-ch-ua-mobile", "?0"),
        ];
        let with = sign_in(&app, &app.router, &ana, "198.51.100.1", &hints).await;
        assert_eq!((&with["device"]["system"], &with["device"]["browser"]), (&json!("Windows 11"), &json!("Edge 131")));
        let without = sign_in(&app, &app.router, &ana, "198.51.100.1", &hints[..1]).await;
        assert_eq!((&without["device"]["system"], &without["device"]["browser"]), (&json!("Windows 10"), &json!("Chrome 131")));
        assert_eq!(without["device"]["user_agent"], CHROMIUM);
        let long = "x".repeat(5000);
        let program = sign_in(&app, &app.router, &ana, "198.51.100.1", &[("user-agent", &long)]).await;
        assert_eq!(program["device"]["kind"], "program");
        assert_eq!(program["device"]["user_agent"].as_str().unwrap().len(), 300);
    }

    async fn the_address_is_the_clients_behind_trusted_proxies_and_never_a_headers(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let (open, proxied) = (behind(&app, &[]), behind(&app, &["10.0.0.0/8", "fd00::/8"]));
        for (router, peer, forwarded, expected) in [
            (&open, "198.51.100.1", "203.0.113.9", "198.51.100.1"),
            (&open, "10.0.0.1", "203.0.113.9", "10.0.0.1"),
            (&proxied, "198.51.100.1", "203.0.113.9", "198.51.100.1"),
            (&proxied, "10.0.0.1", "203.0.113.9", "203.0.113.9"),
            (&proxied, "10.0.0.1", "9.9.9.9, 203.0.113.9", "203.0.113.9"),
            (&proxied, "10.0.0.1", "203.0.113.9, 10.1.2.3", "203.0.113.9"),
            (&proxied, "10.0.0.1", "nonsense", "10.0.0.1"),
            (&proxied, "10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
            (&proxied, "10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
            (&proxied, "10.0.0.1", "198.51.100.9:50123", "198.51.100.9"),
            (&proxied, "10.0.0.1", "[2001:db8::5]:51234", "2001:db8::5"),
            (&proxied, "10.0.0.1", "9.9.9.9, fe80::7%eth0", "fe80::7"),
            (&proxied, "10.0.0.1", "203.0.113.9,", "203.0.113.9"),
            (&proxied, "10.0.0.1", ", 203.0.113.9 , ,10.1.2.3,", "203.0.113.9"),
            (&proxied, "::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
            (&proxied, "fd00::1", "2001:db8::7", "2001:db8::7"),
            (&open, "::ffff:198.51.100.1", "", "198.51.100.1"),
            (&open, "2001:db8::8", "", "2001:db8::8"),
        ] {
            let others = [("x-real-ip", "8.8.8.8"), ("forwarded", "for=8.8.8.8"), ("cf-connecting-ip", "8.8.8.8")];
            let headers: Vec<(&str, &str)> = others.into_iter().chain([("x-forwarded-for", forwarded)]).collect();
            let session = sign_in(&app, router, &ana, peer, &headers).await;
            assert_eq!(session["address"], expected, "{peer} {forwarded}");
        }
        // Counted and told, so that whoever runs the server can put the proxy right.
        let (count, last) = app.app.unreadable_forwardings();
        assert!(count >= 3 && last == "unknown", "{count} {last}");
    }

    async fn places_come_from_a_local_file_and_its_owner_is_named(app: TestApp) {
        let atlas = Atlas::new(if app.url.starts_with("sqlite") { "sqlite" } else { "postgres" });
        app.app.look_places_up_in(atlas.0.clone());
        let ana = app.person("Ana", Role::Member).await;
        let owner = browser(&app, &app.org, &app.owner).await;
        let before = sign_in(&app, &app.router, &ana, "85.214.0.1", &[]).await;
        assert!(before["place"].is_null() && before["country"].is_null());
        let path = format!("/users/{}/sessions", ana.id);
        let shown = page(&app, &path, &owner.cookie).await.expect(200).text;
        assert!(shown.contains("geo install") && !shown.contains("db-ip.com"));
        // Installed while the server runs: counts from the next page on.
        atlas.write("dbip-city-ipv4.mmdb", &[("85.214.0.0", 16, berlin()), ("1.128.0.0", 16, sydney())]);
        app.later(Duration::from_secs(1500));
        let second = sign_in(&app, &app.router, &ana, "1.128.0.7", &[]).await;
        assert_eq!((&second["place"], &second["country"]), (&json!("Sydney, Australia"), &json!("AU")));
        app.later(Duration::from_secs(60));
        let third = sign_in(&app, &app.router, &ana, "85.214.0.1", &[]).await;
        assert_eq!((&third["place"], &third["country"]), (&json!("Berlin, Germany"), &json!("DE")));
        let shown = page(&app, &path, &owner.cookie).await.expect(200).text;
        assert!(!shown.contains("geo install"));
        assert_eq!(shown.matches("https://db-ip.com").count(), 1, "the licence asks for a link");
        assert!(shown.contains("far apart") && shown.contains("Sydney, Australia") && shown.contains("About 16,100 km"));
        let listed = page(&app, "/sessions", &owner.cookie).await.expect(200).text;
        assert!(listed.contains("Berlin, Germany") && listed.contains("https://db-ip.com"));
    }

    /// Sessions from before there were labels, or from before these improved.
    async fn what_was_not_labelled_is_labelled_by_the_worker(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        sign_in(&app, &app.router, &ana, "198.51.100.1", &[("user-agent", CHROMIUM)]).await;
        force(&app, "UPDATE sessions SET platform = 'other', address_key = '', labelled = false WHERE user_id = $1", ana.id).await;
        let found = async |query: &str| app.get(&format!("/sessions?{query}")).await.expect(200).json()["items"].as_array().unwrap().len();
        assert_eq!((found("platform=windows").await, found("address=198.51.100.0/24").await), (0, 0));
        app.app.tidy().await.unwrap();
        assert_eq!((found("platform=windows").await, found("address=198.51.100.0/24").await), (1, 1));
        assert_eq!(app.count("SELECT count(*) FROM sessions WHERE NOT labelled").await, 0);
    }

    async fn devices_and_countries_are_remembered_and_a_purge_forgets_them(app: TestApp) {
        app.patch("/org", json!({"settings": {"lifecycle": {"delete_requires_suspension": false, "trash_days": 0}}})).await.expect(200);
        let ana = app.person("Ana", Role::Member).await;
        for (agent, devices) in [("curl/8.5.0", 1), ("curl/9.0.0", 1), (CHROMIUM, 2)] {
            sign_in(&app, &app.router, &ana, "198.51.100.1", &[("user-agent", agent)]).await;
            assert_eq!(app.count("SELECT count(*) FROM known_devices").await, devices, "{agent}");
        }
        app.post(&format!("/users/{}/delete", ana.id), json!({"confirm": ana.email})).await.expect(200);
        assert_eq!(app.count("SELECT count(*) FROM known_devices").await, 0);
    }
}
