//! Signing in: what it told, how often it could be tried, where it led.

use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, StatusCode, header},
};
use model::Role;
use serde_json::{Value, json};

use crate::{
    app::{PASSWORD, TestApp, form, form_request},
    matrix::{Proves, browser, force, plausible_body, request, without_request_id},
    signin::submit,
};

const WRONG: &str = "wrong-canyon-harbor";

on_both! {
    /// Other words for a disabled user, no hash for an empty password.
    async fn keycloak_cve_2026_4633_48888_51887_26625_every_refusal_is_one(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        app.post(&format!("/users/{}/suspend", ana.id), json!({"reason": "left"})).await.expect(200);
        let shown = async |who: &str, password: &str| without_request_id(&submit(&app, who, password, false).await.expect(422)).replace(who, "?");
        let unknown = shown("nobody@acme.example", WRONG).await;
        for (who, password) in [(&ana.email, PASSWORD), (&ana.email, ""), (&bo.email, WRONG), (&bo.email, "")] {
            assert_eq!(shown(who, password).await, unknown, "{who}");
        }
        force(&app, "UPDATE credentials SET hash = 'unreadable' WHERE user_id = $1", bo.id).await;
        submit(&app, &bo.email, "", false).await.expect(500);
    }

    /// "Object not found" where the same words as always belonged.
    async fn zitadel_cve_2024_41952_ghsa_pvm5_no_other_words_for_nobody(app: TestApp) {
        for (path, fields) in [("/o/acme/sign-in", vec![("identifier", "nobody")]), ("/o/acme/sign-in", vec![("identifier", "01a1f78e-44c2-7000-8000-000000000000"), ("password", WRONG)])] {
            let answer = app.send(form_request(path, "", &form(&fields))).await.expect(422);
            let text = answer.text.to_lowercase();
            assert!(!text.contains("not found") && !text.contains("no such") && !text.contains("does not exist") && !text.contains("unknown"), "{text}");
        }
        // An id is no name to sign in with.
        submit(&app, &app.owner.id.to_string(), PASSWORD, false).await.expect(422);
    }

    /// Many tries at once were counted as one.
    async fn keycloak_cve_2024_4629_zitadel_cve_2023_47111_tries_at_once_are_counted(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let answers = futures_util::future::join_all((0..60).map(|_| submit(&app, &ana.email, WRONG, false))).await;
        let compared = answers.iter().filter(|answer| answer.status == StatusCode::UNPROCESSABLE_ENTITY).count();
        assert_eq!(compared, 5);
        submit(&app, &ana.email, PASSWORD, false).await.expect(429);
    }

    /// Another spelling was another counter.
    async fn vault_cve_2025_6004_6011_every_spelling_is_one_name(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for spelling in ["ana@acme.example", "ANA@acme.example", " ana@acme.example", "ana@acme.example ", "aNa@Acme.Example"] {
            submit(&app, spelling, WRONG, false).await.expect(422);
        }
        submit(&app, &ana.email, PASSWORD, false).await.expect(429);
    }

    /// The key of the limit was made of what the sender chose.
    async fn strapi_cve_2025_64526_nothing_sent_moves_the_limit(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for number in 0..10_u8 {
            let junk = format!("203.0.113.{number}");
            let fields = form(&[("identifier", &ana.email), ("password", WRONG), ("email", &junk), ("ip", &junk), ("junk", &junk)]);
            let mut request = form_request(&format!("/o/acme/sign-in?junk={number}"), &format!("junk={number}"), &fields);
            for name in ["x-forwarded-for", "x-real-ip", "forwarded", "x-client-ip", "cf-connecting-ip", "true-client-ip", "user-agent", "x-request-id", "via"] {
                request.headers_mut().insert(name, HeaderValue::from_str(&junk).unwrap());
            }
            let answer = app.send(request).await;
            assert_eq!(answer.status.as_u16(), if number < 5 { 422 } else { 429 }, "{number}");
        }
    }

    /// A stranger could lock anybody out, or take a name that was another's address.
    async fn keycloak_cve_2024_1722_2026_19607_nobody_locks_another_out(app: TestApp) {
        let ana = app.person("Ana", Role::Owner).await;
        let session = browser(&app, &app.org, &ana).await;
        for _ in 0..30 {
            submit(&app, &ana.email, WRONG, false).await;
        }
        assert!(crate::signin::holds(&app, &session.cookie).await);
        app.call(Method::GET, "/whoami", &ana.token, Value::Null).await.expect(200);
        let eve = json!({"given_name": "Eve", "email": "eve@acme.example", "username": "ana@acme.example"});
        assert_eq!(app.post("/users", eve).await.expect(422).json()["errors"][0]["code"], "username.other_email");
        let bo = app.person("Bo", Role::Member).await;
        app.patch(&format!("/users/{}", bo.id), json!({"username": "ANA@ACME.example"})).await.expect(422);
        // The other way about: an address that is somebody's name.
        app.patch(&format!("/users/{}", bo.id), json!({"username": "bo@acme.example"})).await.expect(200);
        let taken = app.post("/users", json!({"given_name": "Eve", "email": "BO@acme.example"})).await;
        assert_eq!(taken.status, StatusCode::CONFLICT, "{}", taken.text);
    }

    /// A long name was all that the hash looked at.
    async fn okta_delauth_2024_10_a_long_name_makes_no_password_right(app: TestApp) {
        for length in [1, 52, 71, 72, 73, 100] {
            let username = "n".repeat(length - 1) + &(length % 10).to_string();
            let body = json!({"given_name": "Nia", "email": format!("n{length}@acme.example"), "username": username, "password": PASSWORD, "must_change_password": false});
            app.post("/users", body).await.expect(201);
            for password in [WRONG, "", "x", &PASSWORD[..PASSWORD.len() - 1], &format!("{username}{PASSWORD}"), &"n".repeat(72)] {
                assert_ne!(submit(&app, &username, password, false).await.status, StatusCode::SEE_OTHER, "{length}");
            }
        }
        let long = "violet-canyon-harbor ".repeat(9);
        let body = json!({"given_name": "Pia", "email": "pia@acme.example", "password": format!("{long}1"), "must_change_password": false});
        app.post("/users", body).await.expect(201);
        submit(&app, "pia@acme.example", &format!("{long}2"), false).await.expect(422);
        submit(&app, "pia@acme.example", &format!("{long}1"), false).await.expect(303);
    }

    /// A password of any length was hashed.
    async fn kanidm_1_11_a_password_of_a_megabyte_is_refused_unread(app: TestApp) {
        let megabyte = "x".repeat(1_100_000);
        submit(&app, &app.owner.email, &megabyte, false).await.expect(413);
        for (path, body) in [("/account/password", json!({"present_password": megabyte, "new_password": "x"})), ("/users", json!({"given_name": "A", "email": "a@b.example", "password": megabyte}))] {
            assert_eq!(app.post(path, body).await.expect(413).code(), "body.too_large");
        }
        let almost = "x".repeat(100_000);
        let refused = app.post("/users", json!({"given_name": "A", "email": "a@b.example", "password": almost})).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["code"], "password.too_long");
    }

    /// The way back after signing in led outside, in two hundred spellings.
    async fn keycloak_cve_2024_8883_2026_3872_7504_signing_in_leads_nowhere_else(app: TestApp) {
        let hosts = ["evil.example", "evil.example%2f", "evil.example:80", "user@evil.example", "acme@@evil.example", "[::1]", "0x7f000001", "evil。example"];
        let shapes = [
            "//{}", "///{}", "////{}", "\\\\{}", "/\\{}", "\\/{}", "http://{}", "https://{}", "HTTPS:{}", "https:/{}", "https:\\\\{}", " //{}", "\t//{}", "\n//{}", "/o/acme/..;/..;//{}",
            "/o/acme/../../..//{}", "/o/acme@{}", "/o/acme.{}", "/o/acme%2f..%2f..%2f{}", "//o/acme/{}", "javascript:alert('{}')", "data:text/html,{}", "/o/zeta/{}", "{}", "/{}", "#{}", "?{}",
        ];
        let mut tried = 0;
        for shape in shapes {
            for host in hosts {
                let to = shape.replace("{}", host);
                let fields = form(&[("identifier", &app.owner.email), ("password", PASSWORD)]);
                let answer = app.send(form_request(&format!("/o/acme/sign-in?{}", form(&[("to", &to)])), "", &fields)).await.expect(303);
                let location = answer.headers[header::LOCATION].to_str().unwrap();
                let base = url::Url::parse("https://id.acme.example/o/acme/sign-in").unwrap();
                let led = base.join(location).unwrap();
                assert_eq!(led.host_str(), Some("id.acme.example"), "{to}: {location}");
                assert!(led.path().starts_with("/o/acme/"), "{to}: {location}");
                tried += 1;
            }
        }
        assert!(tried >= 200);
    }

    /// Links were made of whatever host the request named: the same failure four times.
    async fn zitadel_cve_2023_49097_2025_48936_64101_no_address_comes_from_a_header(app: TestApp) {
        let session = browser(&app, &app.org, &app.owner).await;
        let id = app.create("Tess", "Target", "tess@acme.example").await;
        let headers = ["host", "x-forwarded-host", "x-forwarded-server", "x-host", "x-original-host", "forwarded", "x-forwarded-proto", "x-forwarded-prefix", "x-original-url", "x-rewrite-url", "x-http-host-override", "x-forwarded-port"];
        let mut routes = web::declared();
        routes.sort_by_key(|route| route.path.ends_with("/sign-out"));
        for route in routes {
            let mut asked = request(&route, "acme", &id, Proves::Browser(&session), &plausible_body(&route));
            if route.path.ends_with("/password") || route.path.ends_with("/rename") || route.path.ends_with("/sign-out") {
                continue;
            }
            for name in headers {
                let value = if name == "forwarded" { "host=evil.example;proto=gopher" } else { "evil.example" };
                asked.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            let answer = app.send(asked).await;
            assert!(!answer.text.contains("evil.example") && !format!("{:?}", answer.headers).contains("evil.example"), "{}: {}", route.path, answer.text);
        }
        let created = Request::post("/o/acme/api/v1/users").header("host", "evil.example").header("authorization", format!("Bearer {}", app.owner.token)).header("content-type", "application/json");
        let created = app.send(created.body(Body::from(r#"{"given_name":"A","email":"a@acme.example"}"#)).unwrap()).await.expect(201);
        assert!(created.headers[header::LOCATION].to_str().unwrap().starts_with("/o/acme/api/v1/users/"));
    }
}
