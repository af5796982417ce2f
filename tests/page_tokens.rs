//! A page token leads on in the list it came from, for whoever was given it, and nowhere else: every declared list, asked with
//! the tokens of every other list, of the same list of another organization or of another caller, answers what it answers to
//! a token that was tampered with. The console begins at the first page then.

use axum::http::Method;
use model::Role;
use serde_json::{Value, json};
use web::{Declared, Door};

use crate::{
    app::{Answer, Somebody, TestApp, api_request, page_request},
    matrix::{browser, without_request_id},
};

/// The parameters that take a token. `before` and `after` take the id of an entry, which says nothing.
const TOKENS: [&str; 2] = ["page_token", "cursor"];

/// One list of an organization with the address of its first page and a token that leads on.
struct List {
    path: String,
    parameter: String,
    token: String,
}

/// An organization in which every list has a second page.
struct Filled {
    slug: String,
    owner: Somebody,
    group: String,
    other_group: String,
}

async fn call(app: &TestApp, filled: &Filled, method: Method, path: &str, body: &Value) -> Answer {
    app.later(std::time::Duration::from_millis(1));
    app.send(api_request(method, &filled.slug, path, &filled.owner.token, body)).await
}

async fn fill(app: &TestApp, slug: &str, owner: &Somebody) -> Filled {
    let mut filled = Filled {
        slug: slug.to_owned(),
        owner: owner.clone(),
        group: String::new(),
        other_group: String::new(),
    };
    let post = async |path: &str, body: Value| {
        let made = call(app, &filled, Method::POST, path, &body).await;
        assert!(made.status.is_success(), "{path}: {}", made.text);
        made.json()
    };
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let mut groups = Vec::new();
    for name in ["Choir", "Crew", "Crowd"] {
        groups.push(id(post("/groups", json!({"name": name})).await));
    }
    let mut people = Vec::new();
    for name in ["ana", "bea", "cleo"] {
        let email = format!("{name}@{slug}.example");
        people.push(id(post(
            "/users",
            json!({"given_name": name, "email": email, "roles": ["auditor", "helpdesk"]}),
        )
        .await));
        let invited = json!({"given_name": name, "email": format!("{name}.invited@{slug}.example")});
        post("/invitations", invited).await;
        post("/tokens", json!({"name": name, "scopes": ["*"], "days": 3})).await;
    }
    for group in &groups {
        post(&format!("/groups/{group}/members"), json!({"members": people})).await;
        let path = format!("/groups/{group}/owners/{}", owner.id);
        call(app, &filled, Method::PUT, &path, &json!({})).await.expect(200);
    }
    let org = app.app.org(slug).await.unwrap();
    for _ in 0..3 {
        browser(app, &org, owner).await;
    }
    [filled.group, filled.other_group] = [groups[0].clone(), groups[1].clone()];
    filled
}

/// The declared lists that lead on by a token, with what fills their addresses: where that names a list of its own, two.
fn lists(filled: &Filled) -> Vec<(Declared, String, String)> {
    let mut lists = Vec::new();
    for route in
        web::declared().into_iter().filter(|route| route.method == Method::GET && route.door == Door::Api)
    {
        let Some(parameter) = route.query.iter().find(|name| TOKENS.contains(&name.as_str())).cloned() else {
            continue;
        };
        let names = match route.path.as_str() {
            path if path.contains("/access/{name}") => ["user:read", "audit:read"],
            path if path.contains("/roles/{name}") => ["auditor", "helpdesk"],
            path if path.contains("/groups/{id}") => [filled.group.as_str(), &filled.other_group],
            path if path.contains('{') && path.matches('{').count() > 1 => {
                panic!("{path}: say what fills this")
            }
            _ => [""; 2],
        };
        let count = if names[0].is_empty() { 1 } else { 2 };
        for name in &names[..count] {
            let path =
                route.path.replace("{slug}", &filled.slug).replace("{id}", name).replace("{name}", name);
            lists.push((route.clone(), path, parameter.clone()));
        }
        // What is in it, or in groups in it, are two lists.
        if route.query.iter().any(|name| name == "effective") {
            let path = format!("{}?effective=true", lists.last().unwrap().1);
            lists.push((route.clone(), path, parameter.clone()));
        }
    }
    lists
}

async fn ask(app: &TestApp, filled: &Filled, path: &str, more: &str) -> Answer {
    let sign = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{sign}limit=1{more}");
    let path = path.split_once("/api/v1").unwrap().1.to_owned();
    call(app, filled, Method::GET, &path, &Value::Null).await
}

/// All lists of an organization with a token of each.
async fn tokens(app: &TestApp, filled: &Filled) -> Vec<List> {
    let mut found = Vec::new();
    for (_, path, parameter) in lists(filled) {
        let first = ask(app, filled, &path, "").await.expect(200).json();
        let next = first.get("next_page_token").or_else(|| first.get("next"));
        let token =
            next.and_then(Value::as_str).unwrap_or_else(|| panic!("{path} has one page: {first}")).to_owned();
        found.push(List { path, parameter, token });
    }
    found
}

on_both! {
    async fn a_token_leads_on_in_its_list_and_nowhere_else(app: TestApp) {
        let owner = app.owner.clone();
        let here = fill(&app, "acme", &owner).await;
        let (_, otto) = app.other_org("zeta").await;
        let there = fill(&app, "zeta", &otto).await;
        let (own, theirs) = (tokens(&app, &here).await, tokens(&app, &there).await);
        assert!(own.len() >= 15, "{}", own.len());
        let mut taken = Vec::new();
        for (list, filled) in own.iter().map(|list| (list, &here)).chain(theirs.iter().map(|list| (list, &there))) {
            let with = async |token: &str| {
                ask(&app, filled, &list.path, &format!("&{}={token}", list.parameter)).await
            };
            with(&list.token).await.expect(200);
            let mut tampered = list.token.clone();
            let last = if tampered.ends_with("AAA") { "BBB" } else { "AAA" };
            tampered.replace_range(tampered.len() - 3.., last);
            let refused = with(&tampered).await.expect(400);
            assert_eq!(refused.code(), "cursor.malformed", "{}", list.path);
            let refused = without_request_id(&refused);
            for other in own.iter().chain(&theirs).filter(|other| other.token != list.token) {
                let answer = with(&other.token).await;
                if answer.status != 400 || without_request_id(&answer) != refused {
                    taken.push(format!("{} takes that of {}: {}", list.path, other.path, answer.status));
                }
            }
        }
        assert!(taken.is_empty(), "{} tokens\n{}", taken.len(), taken.join("\n"));
    }
    async fn a_token_is_worth_nothing_to_another_caller(app: TestApp) {
        let owner = app.owner.clone();
        let own = fill(&app, "acme", &owner).await;
        let lists = tokens(&app, &own).await;
        let mut callers = vec![app.person("Otherowner", Role::Owner).await];
        // Whoever sees a part of it: administrators over groups, and who owns a group.
        let part = app.person("Part", Role::Member).await;
        for group in [&own.group, &own.other_group] {
            for path in [format!("/groups/{group}/owners/{}", part.id), format!("/groups/{group}/owners/{}", callers[0].id)] {
                call(&app, &own, Method::PUT, &path, &json!({})).await.expect(200);
            }
            let over = json!({"role": "administrator", "over": group});
            call(&app, &own, Method::POST, &format!("/users/{}/roles", part.id), &over).await.expect(200);
        }
        callers.push(part);
        let (mut taken, mut refused) = (Vec::new(), 0);
        for caller in callers {
            let other = Filled { owner: caller, slug: own.slug.clone(), group: own.group.clone(), other_group: own.other_group.clone() };
            for list in &lists {
                let with = async |token: &str| ask(&app, &other, &list.path, &format!("&{}={token}", list.parameter)).await;
                let mut tampered = list.token.clone();
                tampered.replace_range(tampered.len() - 3.., if tampered.ends_with("AAA") { "BBB" } else { "AAA" });
                let (expected, answer) = (with(&tampered).await, with(&list.token).await);
                refused += usize::from(expected.code() == "cursor.malformed");
                if without_request_id(&expected) != without_request_id(&answer) {
                    taken.push(format!("{} of {}: {}", other.owner.email, list.path, answer.status));
                }
            }
        }
        assert!(refused > 25, "{refused}");
        assert!(taken.is_empty(), "{} tokens\n{}", taken.len(), taken.join("\n"));
    }

    async fn a_page_of_somebody_else_begins_at_the_first(app: TestApp) {
        let owner = app.owner.clone();
        let own = fill(&app, "acme", &owner).await;
        let colleague = app.person("Colleague", Role::Owner).await;
        let colleague = browser(&app, &app.org, &colleague).await;
        let token = ask(&app, &own, "/o/acme/api/v1/users", "").await.expect(200).json()["next_page_token"].clone();
        let token = token.as_str().unwrap();
        for (address, first) in [
            (format!("/o/acme/users?status=active&page_token={token}"), "/o/acme/users?status=active&done=page-began-anew"),
            (format!("/o/acme/groups?page_token={token}"), "/o/acme/groups?done=page-began-anew"),
            (format!("/o/acme/groups/{}?page_token={token}", own.group), &format!("/o/acme/groups/{}?done=page-began-anew", own.group)),
            (format!("/o/acme/invitations?page_token={token}"), "/o/acme/invitations?done=page-began-anew"),
            (format!("/o/acme/sessions?page_token={token}"), "/o/acme/sessions?done=page-began-anew"),
            (format!("/o/acme/settings/tokens?page={token}"), "/o/acme/settings/tokens?done=page-began-anew"),
            (format!("/o/acme/settings/mail/all?page={token}"), "/o/acme/settings/mail/all?done=page-began-anew"),
            (format!("/o/acme/roles/auditor/holders?page={token}"), "/o/acme/roles/auditor/holders?done=page-began-anew"),
            (format!("/o/acme/access?permission=audit%3Aread&cursor={token}"), "/o/acme/access?permission=audit%3Aread&done=page-began-anew"),
        ] {
            let answer = app.send(page_request(&address, &colleague.cookie)).await.expect(303);
            assert_eq!(answer.headers["location"], first, "{address}");
            let page = app.send(page_request(first, &colleague.cookie)).await.expect(200);
            assert!(page.text.contains("This is the first page"), "{address}");
        }
    }
}
