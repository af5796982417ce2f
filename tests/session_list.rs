//! Where people are signed in, asked of the API: one's own sessions, somebody's, all of them found by a filter; and
//! ending each of these. What else ends a session is `sessions.rs`; how they are named is `devices.rs`.

use std::time::Duration;

use ::app::signin::Attempt;
use axum::http::Method;
use model::{Role, device::ClientHints};
use serde_json::{Value, json};

use crate::{
    app::{Answer, PASSWORD, Somebody, TestApp, api_request},
    matrix::{Browser, NEVER, Proves, address, browser, browser_from, neighbour},
    signin::{holds, page},
};

const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";
const LINUX: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

/// Signs somebody in from an address with a browser.
async fn from(app: &TestApp, who: &Somebody, address: &str, user_agent: &str) -> Browser {
    let attempt = Attempt {
        identifier: who.email.clone(),
        password: PASSWORD.to_owned(),
        remember: false,
        address: address.to_owned(),
        user_agent: user_agent.to_owned(),
        hints: ClientHints::default(),
        request_id: "test".to_owned(),
        devices: Vec::new(),
        earlier: None,
    };
    app.later(Duration::from_millis(1));
    let secret = app.app.sign_in(&app.org, attempt).await.unwrap().secret;
    Browser { cookie: format!("muster-{}={}", app.org.id, secret.reveal()), csrf: secret.derived("csrf") }
}

/// The API, as a browser calls it.
async fn by(app: &TestApp, method: Method, path: &str, browser: &Browser) -> Answer {
    let mut request = api_request(method, "acme", path, "", &Value::Null);
    request.headers_mut().insert("cookie", browser.cookie.parse().unwrap());
    request.headers_mut().insert("x-csrf-token", browser.csrf.parse().unwrap());
    app.later(Duration::from_millis(1));
    app.send(request).await
}

fn items(answer: Answer) -> Vec<Value> {
    answer.expect(200).json()["items"].as_array().unwrap().clone()
}

fn ids(answer: Answer) -> Vec<String> {
    items(answer).iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The ids of the sessions that a query finds, through all pages.
async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let answer = app.get(&format!("/sessions?limit=3&{query}&page_token={token}")).await.expect(200);
        let page = answer.json();
        all.extend(ids(answer));
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return all,
        }
    }
}

on_both! {
    async fn one_sees_where_one_is_signed_in_and_ends_what_one_does_not_know(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let here = from(&app, &ana, "198.51.100.1", WINDOWS).await;
        let there = from(&app, &ana, "198.51.100.2", LINUX).await;
        let third = from(&app, &ana, "198.51.100.3", LINUX).await;
        let list = items(by(&app, Method::GET, "/account/sessions", &here).await);
        assert_eq!(list.len(), 3);
        let this: Vec<&Value> = list.iter().filter(|item| item["this"] == true).collect();
        assert_eq!(this.len(), 1);
        assert_eq!((&this[0]["address"], &this[0]["device"]["platform"], &this[0]["device"]["browser"]), (&json!("198.51.100.1"), &json!("windows"), &json!("Firefox 132")));
        assert_eq!((&this[0]["device"]["system"], &this[0]["method"], &this[0]["place"]), (&json!("Windows 10"), &json!("password"), &json!("Private network")));
        let other = list.iter().find(|item| item["address"] == "198.51.100.2").unwrap();
        let path = format!("/account/sessions/{}", other["id"].as_str().unwrap());
        by(&app, Method::DELETE, &format!("{path}?dry_run=true"), &here).await.expect(204);
        assert!(holds(&app, &there.cookie).await);
        by(&app, Method::DELETE, &path, &here).await.expect(204);
        assert!(!holds(&app, &there.cookie).await && holds(&app, &third.cookie).await);
        by(&app, Method::DELETE, &path, &here).await.expect(404);
        assert_eq!(by(&app, Method::DELETE, "/account/sessions?others=true", &here).await.expect(200).json(), json!({"sessions": 1}));
        assert!(holds(&app, &here.cookie).await && !holds(&app, &third.cookie).await);
        assert_eq!(by(&app, Method::DELETE, "/account/sessions", &here).await.expect(200).json(), json!({"sessions": 1}));
        assert!(!holds(&app, &here.cookie).await);
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.iter().filter(|event| *event == "session.ended").count(), 3, "{events:?}");
    }

    async fn nobody_sees_or_ends_anothers_session_as_ones_own(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let (hers, his) = (from(&app, &ana, "198.51.100.1", LINUX).await, from(&app, &bo, "198.51.100.2", LINUX).await);
        let id = ids(by(&app, Method::GET, "/account/sessions", &hers).await).remove(0);
        by(&app, Method::DELETE, &format!("/account/sessions/{id}"), &his).await.expect(404);
        let path = format!("/users/{}/sessions/{id}", bo.id);
        app.call(Method::DELETE, &path, &app.owner.token, Value::Null).await.expect(404);
        assert!(holds(&app, &hers.cookie).await);
        let token = app.call(Method::DELETE, "/account/sessions?others=true", &ana.token, Value::Null).await.expect(200).json();
        assert_eq!(token, json!({"sessions": 1}), "a token is no session: all are others");
    }

    async fn an_administrator_ends_one_session_or_all_and_the_next_request_is_refused(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let path = format!("/users/{}/sessions", ana.id);
        for _ in 0..20 {
            let (one, two) = (from(&app, &ana, "198.51.100.1", WINDOWS).await, from(&app, &ana, "198.51.100.2", LINUX).await);
            assert!(holds(&app, &one.cookie).await && holds(&app, &two.cookie).await);
            let listed = items(app.get(&path).await);
            let first = listed.iter().find(|item| item["address"] == "198.51.100.1").unwrap()["id"].as_str().unwrap();
            app.call(Method::DELETE, &format!("{path}/{first}"), &app.owner.token, Value::Null).await.expect(204);
            assert!(!holds(&app, &one.cookie).await && holds(&app, &two.cookie).await);
            let ended = app.call(Method::DELETE, &path, &app.owner.token, Value::Null).await.expect(200).json();
            assert_eq!(ended, json!({"sessions": 1}));
            assert!(!holds(&app, &two.cookie).await);
        }
        assert_eq!(items(app.get(&path).await), Vec::<Value>::new());
        app.get(&format!("/users/{NEVER}/sessions")).await.expect(404);
        let events = app.events(&ana.id.to_string()).await;
        assert_eq!(events.iter().filter(|event| *event == "session.ended").count(), 40);
    }

    async fn a_stronger_persons_sessions_are_looked_at_and_left_alone(app: TestApp) {
        let guard = app.person("Guard", Role::SecurityAdministrator).await;
        let ana = app.person("Ana", Role::Member).await;
        let owner = from(&app, &app.owner, "198.51.100.1", LINUX).await;
        let hers = from(&app, &ana, "198.51.100.1", LINUX).await;
        let path = format!("/users/{}/sessions", app.owner.id);
        let id = ids(app.call(Method::GET, &path, &guard.token, Value::Null).await).remove(0);
        for path in [path.clone(), format!("{path}/{id}")] {
            let refused = app.call(Method::DELETE, &path, &guard.token, Value::Null).await.expect(403);
            assert_eq!(refused.code(), "access.stronger_person");
        }
        let body = json!({"address": "198.51.100.0/24"});
        let ended = app.call(Method::POST, "/sessions/revoke", &guard.token, body).await.expect(200).json();
        assert_eq!(ended, json!({"sessions": 1, "people": 1, "spared": 1, "more": false}));
        assert!(holds(&app, &owner.cookie).await && !holds(&app, &hers.cookie).await);
    }

    async fn every_filter_finds_exactly_what_it_says(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let office = from(&app, &ana, "198.51.100.7", WINDOWS).await;
        from(&app, &ana, "203.0.113.9", LINUX).await;
        from(&app, &bo, "198.51.100.8", LINUX).await;
        from(&app, &bo, "2001:db8:1::7", WINDOWS).await;
        browser_from(&app, &app.org, &bo, "::ffff:198.51.100.7", true).await;
        let (ana, bo) = (ana.id.to_string(), bo.id.to_string());
        let all = found(&app, "").await;
        assert_eq!(all.len(), 5);
        for (query, expected) in [
            (format!("user={ana}"), 2),
            ("address=198.51.100.7".to_owned(), 2),
            ("address=198.51.100.0/24".to_owned(), 3),
            ("address=2001:db8::/32".to_owned(), 1),
            ("address=::/0".to_owned(), 5),
            ("address=203.0.113.0/28".to_owned(), 1),
            ("address=192.0.2.1".to_owned(), 0),
            ("platform=windows".to_owned(), 2),
            ("platform=linux&address=198.51.100.0/24".to_owned(), 1),
            (format!("user={bo}&platform=linux"), 1),
            (format!("user={bo}&address=198.51.100.0/24"), 2),
            ("method=password".to_owned(), 5),
            ("method=passkey".to_owned(), 0),
            ("remembered=true".to_owned(), 1),
            ("remembered=false&platform=windows".to_owned(), 2),
            ("active_since=2026-11-20T00:00:00Z".to_owned(), 5),
            ("active_since=2027-01-01T00:00:00Z".to_owned(), 0),
        ] {
            let matching = found(&app, &query).await;
            assert_eq!(matching.len(), expected, "{query}");
            assert!(matching.iter().all(|id| all.contains(id)), "{query}");
            let order: Vec<&String> = all.iter().filter(|id| matching.contains(id)).collect();
            assert_eq!(order, matching.iter().collect::<Vec<_>>(), "{query}: in the same order");
        }
        for wrong in ["address=acme", "platform=amiga", "user=ana", "active_since=soon", "limit=0"] {
            app.get(&format!("/sessions?{wrong}")).await.expect(422);
        }
        app.get("/sessions?page_token=x").await.expect(400);
        assert!(holds(&app, &office.cookie).await);
    }

    async fn pages_lead_forth_and_back_in_the_order_of_last_use(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        for place in 0..7 {
            from(&app, &ana, &format!("198.51.100.{place}"), LINUX).await;
        }
        let first = app.get("/sessions?limit=3").await.json();
        let addresses = |page: &Value| page["items"].as_array().unwrap().iter().map(|item| item["address"].as_str().unwrap()[11..].to_owned()).collect::<Vec<_>>().concat();
        assert_eq!(addresses(&first), "654");
        assert!(first["previous_page_token"].is_null());
        let next = async |page: &Value, name: &str| app.get(&format!("/sessions?limit=3&page_token={}", page[name].as_str().unwrap())).await.expect(200).json();
        let second = next(&first, "next_page_token").await;
        let third = next(&second, "next_page_token").await;
        assert_eq!((addresses(&second).as_str(), addresses(&third).as_str()), ("321", "0"));
        assert!(third["next_page_token"].is_null());
        assert_eq!(next(&third, "previous_page_token").await["items"], second["items"]);
        assert_eq!(next(&second, "previous_page_token").await["items"], first["items"]);
    }

    async fn what_has_ended_is_listed_nowhere(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        from(&app, &ana, "198.51.100.1", LINUX).await;
        app.later(Duration::from_secs(29 * 60));
        let fresh = from(&app, &ana, "198.51.100.2", LINUX).await;
        assert_eq!(found(&app, "").await.len(), 2);
        app.later(Duration::from_secs(60));
        assert_eq!(found(&app, "").await.len(), 1, "half an hour without use");
        assert_eq!(items(app.get(&format!("/users/{}/sessions", ana.id)).await).len(), 1);
        assert!(holds(&app, &fresh.cookie).await);
        app.post(&format!("/users/{}/suspend", ana.id), json!({"reason": "left"})).await.expect(200);
        assert_eq!(found(&app, "").await.len(), 0);
    }

    async fn all_from_an_address_end_at_once_and_what_asks_goes_on(app: TestApp) {
        let mut theirs = Vec::new();
        for name in ["Ana", "Bo", "Cleo"] {
            let somebody = app.person(name, Role::Member).await;
            theirs.push((from(&app, &somebody, "198.51.100.7", LINUX).await, from(&app, &somebody, "203.0.113.1", LINUX).await));
        }
        let mine = from(&app, &app.owner, "198.51.100.7", LINUX).await;
        let mut request = api_request(Method::POST, "acme", "/sessions/revoke", "", &json!({"address": "198.51.100.7"}));
        request.headers_mut().insert("cookie", mine.cookie.parse().unwrap());
        request.headers_mut().insert("x-csrf-token", mine.csrf.parse().unwrap());
        let dry = app.post("/sessions/revoke?dry_run=true", json!({"address": "198.51.100.7"})).await.expect(200).json();
        assert_eq!(dry, json!({"sessions": 4, "people": 4, "spared": 0, "more": false}), "a token has no session of its own");
        assert!(holds(&app, &theirs[0].0.cookie).await);
        let ended = app.send(request).await.expect(200).json();
        assert_eq!(ended, json!({"sessions": 3, "people": 3, "spared": 1, "more": false}));
        for (there, elsewhere) in &theirs {
            assert!(!holds(&app, &there.cookie).await && holds(&app, &elsewhere.cookie).await);
        }
        assert!(holds(&app, &mine.cookie).await);
        let events = app.events(&app.org.id.to_string()).await;
        assert_eq!(events.iter().filter(|event| *event == "session.ended_in_bulk").count(), 1);
        app.post("/sessions/revoke", json!({})).await.expect(422);
        assert!(holds(&app, &theirs[0].1.cookie).await, "no filter is no filter for everything");
        let ended = app.post("/sessions/revoke", json!({"all": true})).await.expect(200).json();
        assert_eq!((&ended["sessions"], &ended["more"]), (&json!(4), &json!(false)));
        assert!(!holds(&app, &mine.cookie).await && !holds(&app, &theirs[0].1.cookie).await);
    }

    async fn many_people_are_signed_out_only_with_their_number(app: TestApp) {
        let mut browsers = Vec::new();
        for number in 0..6 {
            let somebody = app.person(&format!("P{number}"), Role::Member).await;
            browsers.push(from(&app, &somebody, "198.51.100.7", LINUX).await);
        }
        let filter = |confirm: Value| json!({"address": "198.51.100.7", "confirm": confirm});
        for wrong in [Value::Null, json!(5), json!(0)] {
            let refused = app.post("/sessions/revoke", filter(wrong)).await.expect(422);
            assert!(refused.text.contains("sessions.not_confirmed") && refused.text.contains("Type 6"), "{}", refused.text);
        }
        assert!(holds(&app, &browsers[0].cookie).await);
        app.post("/sessions/revoke", filter(json!(6))).await.expect(200);
        for browser in &browsers {
            assert!(!holds(&app, &browser.cookie).await);
        }
    }

    async fn more_than_one_request_ends_are_ended_by_asking_again(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let kept = from(&app, &ana, "203.0.113.1", LINUX).await;
        for number in 0..520 {
            browser_from(&app, &app.org, &ana, &format!("198.51.100.{}", number % 250), false).await;
        }
        let body = json!({"address": "198.51.100.0/24"});
        let once = app.post("/sessions/revoke", body.clone()).await.expect(200).json();
        assert_eq!(once, json!({"sessions": 500, "people": 1, "spared": 0, "more": true}));
        let twice = app.post("/sessions/revoke", body).await.expect(200).json();
        assert_eq!(twice, json!({"sessions": 20, "people": 1, "spared": 0, "more": false}));
        assert!(holds(&app, &kept.cookie).await);
    }

    async fn only_so_many_sessions_at_once_if_the_policy_says_so(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let before = from(&app, &ana, "198.51.100.1", LINUX).await;
        app.patch("/org", json!({"settings": {"session": {"maximum": 2}}})).await.expect(200);
        let second = from(&app, &ana, "198.51.100.2", LINUX).await;
        assert!(holds(&app, &before.cookie).await && holds(&app, &second.cookie).await);
        let third = from(&app, &ana, "198.51.100.3", LINUX).await;
        assert!(!holds(&app, &before.cookie).await, "the oldest goes");
        assert!(holds(&app, &second.cookie).await && holds(&app, &third.cookie).await);
        app.patch("/org", json!({"settings": {"session": {"maximum": 101}}})).await.expect(422);
    }

    async fn sessions_of_another_organization_are_nowhere_to_be_found(app: TestApp) {
        let (zeta, otto) = neighbour(&app).await;
        let theirs = browser_from(&app, &zeta, &otto, "198.51.100.7", false).await;
        let listed = app.send(api_request(Method::GET, "zeta", "/sessions", &otto.token, &Value::Null)).await;
        let foreign = ids(listed).remove(0);
        assert_eq!(found(&app, "").await, Vec::<String>::new());
        assert_eq!(found(&app, "address=198.51.100.7").await, Vec::<String>::new());
        app.post("/sessions/revoke", json!({"all": true})).await.expect(200);
        app.post("/sessions/revoke", json!({"user": otto.id.to_string()})).await.expect(200);
        for path in [format!("/account/sessions/{foreign}"), format!("/users/{}/sessions/{foreign}", app.owner.id), format!("/users/{}/sessions", otto.id)] {
            app.call(Method::DELETE, &path, &app.owner.token, Value::Null).await.expect(404);
        }
        let whoami = web::declared().into_iter().find(|route| route.path.ends_with("/whoami")).unwrap();
        let request = crate::matrix::request(&whoami, "zeta", NEVER, Proves::Browser(&theirs), &Value::Null);
        app.send(request).await.expect(200);
        assert!(address(&whoami, "zeta", NEVER).contains("zeta"));
    }

    /// The pages say the same, to those who may see it.
    async fn the_pages_show_the_sessions_and_end_them(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let owner = browser(&app, &app.org, &app.owner).await;
        let hers = from(&app, &ana, "198.51.100.7", LINUX).await;
        let other = from(&app, &ana, "198.51.100.8", WINDOWS).await;
        let own = page(&app, "/account/sessions", &hers.cookie).await.expect(200).text;
        assert!(own.contains("This session") && own.contains("Windows 10") && own.contains("198.51.100.8"));
        assert!(!own.contains("geo install"), "what only the operator can change is not said to everybody");
        let listed = page(&app, "/sessions?q=198.51.100.0/24", &owner.cookie).await.expect(200).text;
        assert!(listed.contains("2 sessions of 1 person") && listed.contains("Ana Person") && listed.contains("geo install"));
        assert_eq!(listed.matches("geo install").count(), 1, "said once");
        let by_name = page(&app, "/sessions?q=ana%20pers", &owner.cookie).await.expect(200).text;
        assert!(by_name.contains("2 sessions of 1 person"));
        page(&app, "/sessions", &hers.cookie).await.expect(403);
        let end = format!("/o/acme/users/{}/sessions/end", ana.id);
        let ended = app.send(crate::app::form_request(&end, &owner.cookie, &crate::app::form(&[("csrf", &owner.csrf)]))).await;
        ended.expect(303);
        assert!(!holds(&app, &hers.cookie).await && !holds(&app, &other.cookie).await && holds(&app, &owner.cookie).await);
    }
}
