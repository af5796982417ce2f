//! Addresses as people and programs come by them: with a slash at the end, in capitals, pasted whole, from a password
//! manager, with something behind them.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::Role;
use serde_json::json;
use web::Door;

use crate::{
    app::{Answer, TestApp, form, form_request},
    matrix::{self, browser},
};

async fn get(app: &TestApp, path: &str, cookie: &str) -> Answer {
    app.send(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
}

fn leads_to(answer: &Answer) -> &str {
    answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default()
}

on_both! {
    async fn every_page_is_found_with_slashes_at_its_end_and_its_organization_in_capitals(app: TestApp) {
        let mine = browser(&app, &app.org, &app.owner).await;
        let pages = web::declared().into_iter().filter(|route| {
            route.door == Door::Console && route.method == Method::GET && route.path.starts_with("/o/{slug}") && !route.path.contains("/api/")
        });
        let mut tried = 0;
        for route in pages.filter(|route| route.path != "/o/{slug}") {
            let right = matrix::address(&route, "acme", &app.owner.id.to_string());
            let capitals = right.replacen("/o/acme", "/o/ACME", 1);
            for typed in [format!("{right}/"), format!("{right}//"), capitals.clone(), format!("{capitals}/?q=1")] {
                if right.ends_with('/') && !typed.contains("ACME") {
                    continue;
                }
                let answer = get(&app, &typed, &mine.cookie).await;
                assert!(answer.status.is_redirection(), "{typed}: {}", answer.status);
                let to = leads_to(&answer).split('?').next().unwrap_or_default();
                assert_eq!(to, right, "{typed}");
                assert_eq!(leads_to(&answer).ends_with("?q=1"), typed.ends_with("?q=1"), "{typed}");
                tried += 1;
            }
        }
        assert!(tried > 200, "{tried}");
        // Programs are told that there is nothing, and so is whoever writes.
        get(&app, "/o/acme/api/v1/users/", &mine.cookie).await.expect(404);
        get(&app, "/o/nobody/users", &mine.cookie).await.expect(404);
        app.send(form_request("/o/ACME/sign-out", &mine.cookie, "")).await.expect(404);
    }

    async fn the_organization_is_understood_however_it_was_pasted(app: TestApp) {
        for typed in [
            "acme", " ACME ", "https://id.acme.example/o/acme", "https://id.acme.example/o/Acme/", "/o/acme/users?q=x#y",
            "id.acme.example/o/acme/sign-in?to=%2Fo%2Facme", "acme/", "http://localhost:8080/o//acme/",
        ] {
            let answer = app.send(form_request("/", "", &form(&[("slug", typed)]))).await;
            assert_eq!((answer.status.as_u16(), leads_to(&answer)), (303, "/o/acme/"), "{typed}");
        }
        for typed in ["", "nobody", "https://id.acme.example/", "/o/"] {
            app.send(form_request("/", "", &form(&[("slug", typed)]))).await.expect(422);
        }
    }

    async fn password_managers_find_the_page_for_another_password(app: TestApp) {
        let mine = browser(&app, &app.org, &app.owner).await;
        let known = get(&app, "/.well-known/change-password", &mine.cookie).await;
        assert_eq!((known.status.as_u16(), leads_to(&known)), (303, "/o/acme/account/password"));
        let unknown = get(&app, "/.well-known/change-password", "").await;
        assert_eq!((unknown.status.as_u16(), leads_to(&unknown)), (303, "/"));
        // Which is how they see that a server answers truthfully.
        get(&app, "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200", "").await.expect(404);
    }

    async fn a_link_opens_whatever_was_pasted_behind_it(app: TestApp) {
        app.post("/invitations", json!({"email": "ina@acme.example"})).await.expect(201);
        let letter = app.mail_to("ina@acme.example").await;
        let link = letter.text.split_whitespace().find(|word| word.contains("/o/acme/")).unwrap();
        let path = &link[link.find("/o/").unwrap()..];
        get(&app, path, "").await.expect(200);
        for behind in [".", ",", ")", "%3E", "%20and%20more", "%E2%80%9D", ";", "'", "!"] {
            let answer = get(&app, &format!("{path}{behind}"), "").await;
            assert_eq!(answer.status, 200, "{behind}");
        }
        assert_eq!(leads_to(&get(&app, &format!("{path}/"), "").await), path);
        get(&app, &format!("{path}A"), "").await.expect(404);
    }

    /// Excel takes a file without a mark for one in the system's old encoding; programs take the mark for a part of a name.
    async fn files_for_people_begin_with_a_byte_order_mark_and_those_for_programs_with_none(app: TestApp) {
        app.person("Zoë", Role::Member).await;
        let mine = browser(&app, &app.org, &app.owner).await;
        let mut files = 0;
        for route in web::declared().into_iter().filter(|route| route.method == Method::POST && route.path.ends_with("/export")) {
            let path = matrix::address(&route, "acme", &app.owner.id.to_string());
            let answer = match route.door {
                Door::Console => app.send(form_request(&path, &mine.cookie, &form(&[("csrf", &mine.csrf), ("format", "csv")]))).await,
                Door::Api => {
                    let asked = route.query.iter().any(|name| name == "format");
                    let in_query = if asked { "?format=csv" } else { "" };
                    let body = if in_query.is_empty() { json!({"format": "csv"}) } else { json!({}) };
                    let path = path.trim_start_matches("/o/acme/api/v1");
                    app.post(&format!("{path}{in_query}"), body).await
                }
            };
            assert_eq!(answer.status, 200, "{}: {}", route.path, answer.text);
            assert!(answer.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/csv"), "{}", route.path);
            assert_eq!(answer.text.starts_with('\u{feff}'), route.door == Door::Console, "{}", route.path);
            files += 1;
        }
        assert!(files >= 5, "{files}");
    }
}
