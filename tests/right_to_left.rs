//! Names that are written from right to left, on every page: the words and numbers around them stay where they belong.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use model::Role;
use serde_json::json;
use web::Door;

use crate::{
    app::TestApp,
    matrix::{self, browser},
};

/// A person, a group and a role, a department: letters that occur nowhere else.
const NAMES: [&str; 4] = ["ليلى حداد", "קבוצה", "תפקיד", "הנדסה"];

/// Where in a page's text such a name stands outside of an isolate.
fn loose(html: &str) -> Option<String> {
    let (mut rest, mut plain) = (html, false);
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        let is_turned = text.chars().any(|letter| ('\u{590}'..'\u{700}').contains(&letter));
        if is_turned && !plain && !rest[at..].starts_with("</bdi>") {
            return Some(text.to_owned());
        }
        let tag = &rest[at..];
        // What a field holds is sent back as it is; titles and options have no markup.
        plain = ["<textarea", "<title", "<option"].iter().any(|name| tag.starts_with(name));
        rest = &tag[tag.find('>').map_or(tag.len(), |end| end + 1)..];
    }
    None
}

on_both! {
    async fn every_page_isolates_them(app: TestApp) {
        let person = json!({"given_name": "ليلى", "family_name": "حداد", "email": "layla@acme.example", "department": NAMES[3]});
        let id = app.post("/users", person).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        app.post(&format!("/users/{id}/activate"), json!({})).await;
        let group = app.post("/groups", json!({"name": NAMES[1]})).await.expect(201).json()["id"].as_str().unwrap().to_owned();
        app.call(Method::PUT, &format!("/groups/{group}/members/{id}"), &app.owner.token, json!({"reason": "לבדיקה 7"})).await;
        let role = app.post("/roles", json!({"name": NAMES[2], "permissions": ["user:list"]})).await.expect(201);
        let role = role.json()["role"].as_str().unwrap().to_owned();
        app.post(&format!("/users/{id}/roles"), json!({"role": role, "reason": "3 חודשים"})).await;
        let owner = app.person("דנה", Role::Owner).await;
        let mine = browser(&app, &app.org, &owner).await;
        let (mut named, mut pages) = (0, 0);
        for route in web::declared().into_iter().filter(|route| route.door == Door::Console && route.method == Method::GET) {
            let about = if route.path.contains("/groups/{id}") { &group } else { &id };
            let name = if route.path.contains("/roles/") { role.as_str() } else { id.as_str() };
            let route = web::Declared { path: route.path.replace("{name}", name), ..route };
            let path = matrix::address(&route, "acme", about);
            let page = app.send(Request::get(&path).header(header::COOKIE, &mine.cookie).body(Body::empty()).unwrap()).await;
            assert_eq!(loose(&page.text), None, "{path}");
            pages += 1;
            named += usize::from(page.text.contains("<bdi>"));
        }
        assert!(pages > 80 && named > 60, "{named} of {pages} pages name somebody");
    }
}
