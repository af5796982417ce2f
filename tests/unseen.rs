//! An answer never names what the caller may not see: every declared route, asked by people who may see some and not
//! others, with what they may not see as its target, in its body and in its searches. No value of anybody outside is in any
//! answer: not in a refusal, a conflict, a header, nor in the address of another page.

mod typed;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::Role;
use serde_json::{Value, json};
use web::{Declared, Door, Needs};

use crate::{
    app::{Answer, Somebody, TestApp},
    matrix::{Browser, NEVER, browser, force, plausible_body},
};

/// In every personal value of whoever is outside.
const MARK: &str = "zqoutside";

/// Somebody whose every field is marked; `number` makes it another person.
async fn marked(app: &TestApp, number: u8) -> (String, String) {
    let mark = |field: &str| format!("{MARK}{field}{number}");
    let email = format!("{}@acme.example", mark("email"));
    let body = json!({
        "given_name": mark("given"), "family_name": mark("family"), "email": email, "username": mark("username"),
        "personal_email": format!("{}@home.example", mark("personal")), "title": mark("title"),
        "department": mark("department"), "notes": mark("notes"), "employee_number": mark("number"),
        "tags": [mark("tag")], "attributes": {mark("attribute"): mark("value")}, "address": {"city": mark("city")},
    });
    let made = app.post("/users", body).await.expect(201).json();
    (made["id"].as_str().unwrap().to_owned(), email)
}

async fn group(app: &TestApp, name: &str) -> String {
    app.post("/groups", json!({"name": name})).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn put(app: &TestApp, path: String) {
    app.call(Method::PUT, &path, &app.owner.token, json!({})).await.expect(200);
}

/// Somebody who may see some.
struct Viewer {
    what: &'static str,
    who: Somebody,
    browser: Browser,
}

/// What there is inside and outside.
struct Things {
    inside: String,
    team: String,
    outside: String,
    outside_email: String,
    others: String,
}

impl Viewer {
    async fn new(app: &TestApp, what: &'static str, who: Somebody) -> Self {
        let browser = browser(app, &app.org, &who).await;
        Self { what, who, browser }
    }

    /// What was sent before may have locked or changed the password.
    async fn sign_in(&mut self, app: &TestApp) {
        let path = format!("/users/{}/set-password", self.who.id);
        app.post(&path, json!({"password": self.who.password})).await.expect(200);
        let lasting = "UPDATE credentials SET must_change = FALSE, expires_at = NULL WHERE user_id = $1";
        force(app, lasting, self.who.id).await;
        self.browser = browser(app, &app.org, &self.who).await;
    }

    /// Sends a request to a route, signed in again if an earlier one ended that.
    async fn ask(&mut self, app: &TestApp, route: &Declared, path: &str, body: &Value) -> Answer {
        let again = app.call(Method::GET, "/account", &self.who.token, Value::Null).await.status;
        if again == 401 {
            self.who.token = app.token_for(self.who.id, &[]).await;
        }
        let mut request = Request::builder().method(route.method.clone()).uri(path);
        if route.door == Door::Api {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.who.token));
            let has_body = route.method != Method::GET && route.takes_body;
            let text = if has_body { body.to_string() } else { String::new() };
            let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(text));
            return app.send(request.unwrap()).await;
        }
        let mut fields = vec![("csrf".to_owned(), self.browser.csrf.clone())];
        for (name, value) in body.as_object().into_iter().flatten() {
            fields.extend(value.as_str().map(|text| (name.clone(), text.to_owned())));
        }
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request
            .header(header::COOKIE, &self.browser.cookie)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let text = if route.method == Method::GET { String::new() } else { form };
        let answer = app.send(request.body(Body::from(text)).unwrap()).await;
        if route.path.ends_with("/sign-out") || route.path.contains("/sessions/end") {
            self.sign_in(app).await;
        }
        answer
    }
}

/// Everything readable in an answer: body, headers, and what is written in base64 in either.
fn readable(answer: &Answer) -> String {
    let mut text = answer.text.clone();
    for value in answer.headers.values() {
        text.push('\n');
        text.push_str(value.to_str().unwrap_or_default());
    }
    let words: Vec<String> = text
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_')
        .filter(|word| word.len() >= 16)
        .filter_map(|word| Some(String::from_utf8_lossy(&URL_SAFE_NO_PAD.decode(word).ok()?).into_owned()))
        .collect();
    text + "\n" + &words.join("\n")
}

/// What of people outside is named, but for what was typed.
fn named(answer: &Answer, typed: &[&str], ids: &[&str]) -> Vec<String> {
    let text = readable(answer).to_lowercase().replace("%40", "@");
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"@.-".contains(letter));
    let mut found: Vec<String> = words
        .filter(|word| word.contains(MARK) || ids.contains(word))
        .filter(|word| !typed.iter().any(|known| known.to_lowercase().contains(word.trim_matches('.'))))
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

fn routes() -> Vec<Declared> {
    let routes = web::declared().into_iter();
    routes.filter(|route| matches!(route.needs, Needs::Permission(_))).collect()
}

/// The addresses of a route with what is inside and outside in it, and with the searches and pages that it has.
fn addresses(route: &Declared, things: &Things) -> Vec<String> {
    let ids = if route.path.contains("/users/{id}") {
        vec![&things.outside, &things.inside]
    } else if route.path.contains("/groups/{id}") {
        vec![&things.others, &things.team]
    } else {
        vec![&things.outside]
    };
    let mut addresses = Vec::new();
    for id in ids {
        let values = [
            ("{slug}", "acme"),
            ("{id}", id.as_str()),
            ("{name}", "auditor"),
            ("{user}", things.outside.as_str()),
            ("{child}", things.others.as_str()),
            ("{session}", NEVER),
            ("{token}", NEVER),
            ("{device}", NEVER),
        ];
        let path = values.iter().fold(route.path.clone(), |path, (name, value)| path.replace(name, value));
        addresses.push(path.clone());
        if route.raises {
            addresses.push(format!("{path}?dry_run=true&impact=true"));
        }
        if route.method == Method::GET {
            let has =
                |name: &str| route.door == Door::Console || route.query.iter().any(|known| known == name);
            for (name, query) in
                [("limit", "limit=1"), ("search", "search=zq"), ("q", "q=zq"), ("user", "user=zq")]
            {
                addresses.extend(has(name).then(|| format!("{path}?{query}")));
            }
        }
    }
    addresses
}

/// What is sent to a route: what its document asks for, and that with somebody from outside in it.
fn bodies(route: &Declared, things: &Things) -> Vec<Value> {
    if route.method == Method::GET {
        return vec![Value::Null];
    }
    let plain = if route.door == Door::Api { plausible_body(route) } else { json!({}) };
    let with = |more: Value| {
        let mut body = plain.clone();
        if let (Some(fields), Value::Object(more)) = (body.as_object_mut(), more) {
            fields.extend(more);
        }
        body
    };
    let (email, id) = (things.outside_email.as_str(), things.outside.as_str());
    let mut bodies = vec![plain.clone(), with(json!({"email": email})), with(json!({"user": email}))];
    for more in [
        json!({"given_name": "New", "family_name": "Person", "email": email, "groups": [things.team]}),
        json!({"given_name": "New", "email": "new@acme.example", "username": "zqoutsideusername1", "groups": [things.team]}),
        json!({"manager": id}),
        json!({"users": [id, email]}),
        json!({"members": [id, email]}),
        json!({"from": id}),
        json!({"invitations": [{"email": email, "groups": [things.team]}]}),
        json!({"lines": email, "people": email, "name": "x"}),
    ] {
        bodies.push(with(more));
    }
    bodies
}

/// Everything that was sent, in whatever place: an answer may repeat it.
fn typed<'t>(path: &'t str, body: &'t str) -> [&'t str; 2] {
    [path, body]
}

/// Somebody who owns a group and holds nothing else.
async fn owner_of(app: &TestApp, group: &str) -> Somebody {
    let gus = app.person("Gus", Role::Member).await;
    put(app, format!("/groups/{group}/owners/{}", gus.id)).await;
    gus
}

on_both! {
    async fn whom_a_groups_owner_typed_is_shown_as_typed(app: TestApp) {
        let choir = group(&app, "Choir").await;
        let gus = owner_of(&app, &choir).await;
        let mut people = Vec::new();
        for number in 1..5 {
            people.push(marked(&app, number).await);
        }
        let username = format!("{MARK}username2");
        let shouted = people[0].1.to_uppercase();
        let own = format!("/account/groups/{choir}/members");
        let typed = [shouted.clone(), username.clone(), people[2].0.clone()];
        let added = app.call(Method::POST, &own, &gus.token, json!({"members": typed})).await.expect(200);
        assert_eq!(added.text.matches("\"added\"").count(), 3, "{}", added.text);
        app.call(Method::PUT, &format!("{own}/{}", people[3].0), &gus.token, json!({})).await.expect(200);
        // What one is called later was not typed.
        app.patch(&format!("/users/{}", people[0].0), json!({"email": format!("{MARK}later@acme.example")})).await.expect(200);
        let browser = browser(&app, &app.org, &gus).await;
        let pages = [
            app.call(Method::GET, &own, &gus.token, Value::Null).await.expect(200),
            app.send(Request::get(format!("/o/acme/account/groups/{choir}")).header(header::COOKIE, &browser.cookie).body(Body::empty()).unwrap()).await.expect(200),
        ];
        for page in &pages {
            let ids: Vec<&str> = people.iter().map(|(id, _)| id.as_str()).collect();
            let mut known: Vec<&str> = typed.iter().map(String::as_str).collect();
            known.extend(&ids);
            assert_eq!(named(page, &known, &[]), Vec::<String>::new(), "{}", page.text);
            for shown in &known[..] {
                assert!(page.text.to_lowercase().contains(&shown.to_lowercase()), "{shown}: {}", page.text);
            }
        }
        let items = pages[0].json()["items"].clone();
        let of = |id: &str| items.as_array().unwrap().iter().find(|item| item["user"] == id).unwrap().clone();
        assert_eq!((&of(&people[0].0)["name"], &of(&people[0].0)["email"]), (&json!(shouted), &json!(shouted)));
        assert_eq!((&of(&people[1].0)["name"], &of(&people[1].0)["email"]), (&json!(username), &Value::Null));
        assert_eq!((&of(&people[2].0)["name"], &of(&people[3].0)["email"]), (&json!(people[2].0), &Value::Null));
    }

    async fn a_mail_about_an_end_names_nobody_whom_its_reader_may_not_see(app: TestApp) {
        let choir = group(&app, "Choir").await;
        let gus = owner_of(&app, &choir).await;
        let (_, email) = marked(&app, 1).await;
        let until = app.app.now().plus(std::time::Duration::from_secs(30 * 24 * 3600)).to_string();
        let body = json!({"members": [email], "valid_until": until});
        app.call(Method::POST, &format!("/account/groups/{choir}/members"), &gus.token, body).await.expect(200);
        app.worked().await;
        app.later(std::time::Duration::from_secs(29 * 24 * 3600));
        let mails = app.worked().await;
        let told: Vec<_> = mails.iter().filter(|letter| letter.to == gus.email).collect();
        assert!(told.iter().any(|letter| letter.text.contains("Choir")), "{told:?}");
        for letter in told {
            assert!(!letter.text.contains(MARK) && !letter.subject.contains(MARK), "{}: {}", letter.subject, letter.text);
        }
    }

    async fn a_change_to_people_who_may_not_be_seen_counts_them(app: TestApp) {
        let (outer, inner) = (group(&app, "Outer").await, group(&app, "Inner").await);
        put(&app, format!("/groups/{outer}/groups/{inner}")).await;
        for number in 1..3 {
            let (id, _) = marked(&app, number).await;
            put(&app, format!("/groups/{inner}/members/{id}")).await;
        }
        let permissions = ["group:list", "group:read", "group:update", "group:assign"];
        let keeper = app.post("/roles", json!({"name": "Keeper", "permissions": permissions})).await.expect(201).json()["role"].clone();
        app.post(&format!("/groups/{outer}/roles"), json!({"role": keeper, "over": outer})).await.expect(200);
        let kim = app.person("Kim", Role::Member).await;
        app.post(&format!("/users/{}/roles", kim.id), json!({"role": keeper, "over": outer})).await.expect(200);
        let nested = format!("/groups/{outer}/groups/{inner}?dry_run=true&impact=true");
        let impact = app.call(Method::DELETE, &nested, &kim.token, Value::Null).await.expect(200);
        let told = impact.json();
        assert_eq!((&told["losing"], &told["people"]), (&json!(2), &json!([])), "{told}");
        assert!(!impact.text.contains(MARK), "{}", impact.text);
        let browser = browser(&app, &app.org, &kim).await;
        let question = Request::get(format!("/o/acme/groups/{outer}/take-out/{inner}")).header(header::COOKIE, &browser.cookie);
        let page = app.send(question.body(Body::empty()).unwrap()).await.expect(200);
        assert!(page.text.contains("It touches 2 whom you may not see."), "{}", page.text);
        assert!(!page.text.contains(MARK), "{}", page.text);
        // Whoever may see them is told their names.
        let owner = crate::matrix::browser(&app, &app.org, &app.owner).await;
        let question = Request::get(format!("/o/acme/groups/{outer}/take-out/{inner}")).header(header::COOKIE, &owner.cookie);
        let page = app.send(question.body(Body::empty()).unwrap()).await.expect(200);
        assert!(page.text.contains("It touches zqoutsidegiven1"), "{}", page.text);
    }

    async fn nothing_outside_is_in_any_answer(app: TestApp) {
        let (team, others) = (group(&app, "Team").await, group(&app, &format!("{MARK}group")).await);
        let ((outside, outside_email), (second, second_email)) = (marked(&app, 1).await, marked(&app, 2).await);
        let inside = app.create("Ina", "Inside", "ina@acme.example").await;
        put(&app, format!("/groups/{others}/members/{outside}")).await;
        put(&app, format!("/groups/{team}/members/{inside}")).await;
        app.post(&format!("/users/{outside}/invite"), json!({})).await.expect(200);
        // Whoever is inside has to do with people outside. Who somebody's manager is stands in the record, by an id.
        let (boss, _) = marked(&app, 3).await;
        app.patch(&format!("/users/{inside}"), json!({"manager": boss})).await.expect(200);

        let scopable: Vec<&str> = model::Permissions::all().scopable().iter().map(model::Permission::as_str).collect();
        let mut viewers = Vec::new();
        for (what, permissions) in [
            ("a delegated administrator", &scopable[..]),
            ("a delegated inviter", &["user:invite", "user:create"]),
            ("a delegated keeper", &["group:list", "group:read", "group:update", "group:assign"]),
        ] {
            let name = what.rsplit(' ').next().unwrap();
            let role = app.post("/roles", json!({"name": format!("A scoped {name}"), "permissions": permissions})).await.expect(201).json();
            let who = app.person(name, Role::Member).await;
            app.post(&format!("/users/{}/roles", who.id), json!({"role": role["role"], "over": team})).await.expect(200);
            viewers.push(Viewer::new(&app, what, who).await);
        }
        let owner = app.person("Gus", Role::Member).await;
        let choir = group(&app, "Choir").await;
        put(&app, format!("/groups/{choir}/owners/{}", owner.id)).await;
        // Whom a group's owner adds by an address is shown to the owner by that address.
        let own = format!("/account/groups/{choir}/members");
        let added = app.call(Method::POST, &own, &owner.token, json!({"members": [second_email]})).await.expect(200);
        assert!(added.text.contains("added"), "{}", added.text);
        viewers.push(Viewer::new(&app, "the owner of a group", owner).await);
        let member = app.person("Max", Role::Member).await;
        viewers.push(Viewer::new(&app, "a member", member).await);

        let mut things = Things { inside, team, outside: outside.clone(), outside_email, others };
        let (mut leaks, mut asked) = (Vec::new(), 0);
        for viewer in &mut viewers {
            let is_owner = viewer.what == "the owner of a group";
            let shown = if is_owner { vec![second.as_str(), second_email.as_str()] } else { Vec::new() };
            if is_owner {
                things.team.clone_from(&choir);
            }
            for route in routes() {
                for path in addresses(&route, &things) {
                    for body in bodies(&route, &things) {
                        let answer = viewer.ask(&app, &route, &path, &body).await;
                        asked += 1;
                        assert!(!answer.status.is_server_error(), "{} {path}: {}", route.method, answer.text);
                        let text = body.to_string();
                        let mut known = typed(&path, &text).to_vec();
                        known.extend(&shown);
                        // What one did to whom stands there by the id that one has sent.
                        if path.contains("/account/activity") {
                            known.extend([outside.as_str(), second.as_str()]);
                        }
                        let found = named(&answer, &known, &[outside.as_str(), second.as_str()]);
                        if !found.is_empty() {
                            leaks.push(format!("{}: {} {path} {text}: {} names {found:?}", viewer.what, route.method, answer.status));
                        }
                    }
                }
            }
        }
        assert!(asked > 4_000, "{asked}");
        assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
    }
}
