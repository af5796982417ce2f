//! Two servers on one PostgreSQL: what one has acknowledged holds on the other, also when they can't hear each other;
//! and nothing that may happen once happens twice because two were asked.

use std::time::{Duration, Instant};

use axum::{
    Router,
    http::{Method, StatusCode},
};
use futures_util::future::join_all;
use model::{Role, role::Scope};
use serde_json::{Value, json};
use store::testing::{PgBouncer, Postgres};

use crate::{
    app::{Answer, Engine, Somebody, TestApp, api_request, send},
    patience::{Dice, eventually},
    wire::{Line, Wire},
};

/// Far more than the second that is promised, for machines that do ten things at once.
const BOUND: Duration = Duration::from_secs(5);

async fn call(node: &Router, method: Method, path: &str, token: &str, body: Value) -> Answer {
    send(node, api_request(method, "acme", path, token, &body)).await
}

async fn status(node: &Router, path: &str, token: &str) -> StatusCode {
    call(node, Method::GET, path, token, Value::Null).await.status
}

/// Asks `node` until it answers `expected`: within the bound, and from then on always.
async fn becomes(node: &Router, path: &str, token: &str, expected: StatusCode) {
    #[expect(clippy::disallowed_methods, reason = "a bound in real time is what is promised")]
    let start = Instant::now();
    while status(node, path, token).await != expected {
        assert!(start.elapsed() < BOUND, "{path} was not {expected} within {BOUND:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..20 {
        assert_eq!(status(node, path, token).await, expected, "{path}, once it had been {expected}");
    }
}

/// Two nodes, the second through a wire.
async fn two() -> (TestApp, Router, Wire) {
    let app = TestApp::new(Engine::Postgres).await;
    let wire = Wire::to(&app.url).await;
    let (_, other) = app.second_through(&wire.url).await;
    (app, other, wire)
}

async fn suspend(app: &TestApp, person: &Somebody) {
    app.post(&format!("/users/{}/suspend", person.id), json!({"reason": "security"})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspended_on_one_node_is_refused_on_the_other() {
    let (app, other, _wire) = two().await;
    for round in 0..20 {
        let person = app.person(&format!("Ana{round}"), Role::Member).await;
        becomes(&other, "/whoami", &person.token, StatusCode::OK).await;
        suspend(&app, &person).await;
        becomes(&other, "/whoami", &person.token, StatusCode::UNAUTHORIZED).await;
        assert_eq!(status(&app.router, "/whoami", &person.token).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hears_nothing_believes_only_what_it_reads() {
    for line in [Line::Silent, Line::Cut] {
        let (app, other, wire) = two().await;
        let bystander = app.person("Bo", Role::Member).await;
        for round in 0..3 {
            let person = app.person(&format!("Ana{round}"), Role::Member).await;
            becomes(&other, "/whoami", &person.token, StatusCode::OK).await;
            becomes(&other, "/users", &person.token, StatusCode::FORBIDDEN).await;
            // The channel breaks and something changes, one right after the other: nobody knows of it yet.
            wire.set(line);
            let roles = format!("/users/{}/roles", person.id);
            app.post(&roles, json!({"role": "auditor"})).await.expect(200);
            becomes(&other, "/users", &person.token, StatusCode::OK).await;
            suspend(&app, &person).await;
            becomes(&other, "/whoami", &person.token, StatusCode::UNAUTHORIZED).await;
            // It serves everybody else meanwhile …
            assert_eq!(status(&other, "/whoami", &bystander.token).await, StatusCode::OK);
            // … and has not learned anything wrong when it hears again.
            wire.set(Line::Open);
            for _ in 0..50 {
                assert_eq!(status(&other, "/whoami", &person.token).await, StatusCode::UNAUTHORIZED);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_ended_again_and_again_leaves_nobody_in() {
    let app = TestApp::new(Engine::Postgres).await;
    let (_, other) = app.second().await;
    for round in 0..10 {
        let person = app.person(&format!("Ana{round}"), Role::Member).await;
        becomes(&other, "/whoami", &person.token, StatusCode::OK).await;
        let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                         WHERE datname = current_database() AND query LIKE 'LISTEN access%'";
        let (ended, ()) = tokio::join!(app.count(terminate), suspend(&app, &person));
        // One that was just connecting does not listen yet.
        assert!(ended <= 2, "{ended}");
        becomes(&other, "/whoami", &person.token, StatusCode::UNAUTHORIZED).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_rules_and_addresses_reach_the_other_node() {
    let (app, other, _wire) = two().await;
    let person = app.person("Ana", Role::Member).await;
    let roles = format!("/users/{}/roles", person.id);
    becomes(&other, "/users", &person.token, StatusCode::FORBIDDEN).await;
    app.post(&roles, json!({"role": "auditor"})).await.expect(200);
    becomes(&other, "/users", &person.token, StatusCode::OK).await;
    app.call(Method::DELETE, &format!("{roles}/auditor"), &app.owner.token, Value::Null).await.expect(200);
    becomes(&other, "/users", &person.token, StatusCode::FORBIDDEN).await;

    let idle = async || {
        let org = call(&other, Method::GET, "/org", &app.owner.token, Value::Null).await.expect(200).json();
        org["settings"]["session"]["idle_minutes"].as_i64()
    };
    assert_eq!(idle().await, Some(30));
    app.patch("/org", json!({"settings": {"session": {"idle_minutes": 7}}})).await.expect(200);
    eventually("the new rule", async || idle().await == Some(7)).await;

    let at = async |slug: &str| {
        let asked = api_request(Method::GET, slug, "/org", &app.owner.token, &Value::Null);
        let answer = send(&other, asked).await;
        (
            answer.status,
            answer.status.is_success().then(|| answer.json()["slug"].as_str().unwrap().to_owned()),
        )
    };
    assert_eq!(at("apex").await.0, StatusCode::NOT_FOUND);
    app.post("/org/rename", json!({"slug": "apex"})).await.expect(200);
    eventually("the new address", async || at("acme").await == (StatusCode::OK, Some("apex".to_owned())))
        .await;
    assert_eq!(at("apex").await, (StatusCode::OK, Some("apex".to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_on_both_nodes_creates_once() {
    let (app, other, _wire) = two().await;
    for round in 0..20 {
        let body = json!({"given_name": "Ana", "email": format!("ana{round}@acme.example")});
        let ask = |node: &Router| {
            let mut request = api_request(Method::POST, "acme", "/users", &app.owner.token, &body);
            request.headers_mut().insert("idempotency-key", format!("key {round}").parse().unwrap());
            let node = node.clone();
            async move { send(&node, request).await.expect(201).json()["id"].to_string() }
        };
        let asked = join_all([&app.router, &other, &app.router, &other].map(ask)).await;
        assert!(asked.iter().all(|id| *id == asked[0]), "{asked:?}");
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 21);
    assert_eq!(app.count("SELECT count(*) FROM audit_entries WHERE event = 'user.created'").await, 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_email_in_every_spelling_on_both_nodes_one_is_created() {
    let (app, other, _wire) = two().await;
    let spellings = ["ana@acme.example", "ANA@acme.example", "Ana@ACME.example", "Ａｎａ@acme.example"];
    let create = |number: usize| {
        let node = if number.is_multiple_of(2) { &app.router } else { &other };
        let body = json!({"given_name": "Ana", "family_name": "Ng", "email": spellings[number / 2 % 4]});
        call(node, Method::POST, "/users", &app.owner.token, body)
    };
    let answers = join_all((0..64).map(create)).await;
    let mut codes: Vec<String> = answers
        .into_iter()
        .filter(|answer| answer.status != StatusCode::CREATED)
        .map(|refused| refused.expect(409).code())
        .collect();
    assert_eq!(codes.len(), 63);
    codes.dedup();
    assert_eq!(codes, ["email.taken"]);
    assert_eq!(app.count("SELECT count(*) FROM users").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_change_to_one_value_on_two_nodes_one_has_it() {
    let (app, other, _wire) = two().await;
    let ids =
        [app.create("Ana", "Ng", "a@acme.example").await, app.create("Bo", "Ng", "b@acme.example").await];
    for round in 0..30 {
        for (field, value) in [("email", format!("p{round}@acme.example")), ("username", format!("p{round}"))]
        {
            let edit = async |node: &Router, id: &str| {
                let body = json!({field: value});
                call(node, Method::PATCH, &format!("/users/{id}"), &app.owner.token, body).await
            };
            let (one, two) = tokio::join!(edit(&app.router, &ids[0]), edit(&other, &ids[1]));
            let refused = if one.status == StatusCode::OK { two } else { one };
            assert_eq!(refused.clone().expect(409).code(), format!("{field}.taken"));
            assert_eq!(refused.json()["errors"][0]["field"], field);
        }
    }
}

/// An email that many want, and that whoever gets it gives up at once: who asks gets it or is refused, and nobody hears
/// of a defect.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_being_given_up_is_taken_or_refused() {
    let (app, other, _wire) = two().await;
    let owner = &app.owner.token;
    let person = async |task: usize| {
        let node = if task.is_multiple_of(2) { &app.router } else { &other };
        let mut had = 0;
        for round in 0..40 {
            let body = json!({"given_name": "Ana", "family_name": format!("{task}-{round}"), "email": "ana@acme.example"});
            let answer = call(node, Method::POST, "/users", owner, body).await;
            if answer.status == StatusCode::CONFLICT {
                assert_eq!(answer.code(), "email.taken");
                continue;
            }
            had += 1;
            let user = format!("/users/{}", answer.expect(201).json()["id"].as_str().unwrap());
            let away = json!({"email": format!("ana-{task}-{round}@acme.example")});
            call(node, Method::PATCH, &user, owner, away).await.expect(200);
        }
        had
    };
    let had: usize = join_all((0..12).map(person)).await.into_iter().sum();
    assert!(had > 12, "{had}");
    let counted = i64::try_from(had).unwrap() + 1;
    assert_eq!(app.count("SELECT count(*) FROM users").await, counted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_owners_who_remove_each_other_on_two_nodes_leave_one() {
    let (app, other, _wire) = two().await;
    let mut dice = Dice::new(7);
    let mut both_refused = 0;
    for round in 0..50 {
        let (one, two) = (
            app.person(&format!("One{round}"), Role::Owner).await,
            app.person(&format!("Two{round}"), Role::Owner).await,
        );
        let others = "SELECT count(*) FROM role_grants WHERE role = 'owner'";
        let operator = app.operator();
        for id in owners(&app).await {
            if id != one.id && id != two.id {
                app.app.revoke_role(&operator, id, Role::Owner.into(), Scope::Org).await.unwrap();
            }
        }
        assert_eq!(app.count(others).await, 2);
        let mut remove = |victim: &Somebody| {
            let user = format!("/users/{}", victim.id);
            match dice.roll(6) {
                0 => (Method::POST, format!("{user}/suspend"), json!({"reason": "left"})),
                1 => (Method::POST, format!("{user}/lock"), json!({"note": "odd"})),
                2 => (Method::POST, format!("{user}/deprovision"), json!({"reason": "left"})),
                3 => (Method::DELETE, format!("{user}/roles/owner"), Value::Null),
                4 => (Method::PUT, format!("{user}/roles"), json!({"roles": ["auditor"]})),
                _ => (Method::PATCH, user, json!({"valid_until": "2027-01-01T00:00:00Z"})),
            }
        };
        let ((first, first_path, first_body), (second, second_path, second_body)) =
            (remove(&two), remove(&one));
        let (first, second) = tokio::join!(
            call(&app.router, first, &first_path, &one.token, first_body),
            call(&other, second, &second_path, &two.token, second_body),
        );
        let done = [&first, &second].into_iter().filter(|answer| answer.status.is_success()).count();
        assert!(done <= 1, "round {round}: {} {}", first.text, second.text);
        both_refused += usize::from(done == 0);
        for refused in [first, second].iter().filter(|answer| !answer.status.is_success()) {
            // The other was quicker: the actor is out, or may not any more; or would have left nobody.
            assert!([401, 403, 409].contains(&refused.status.as_u16()), "{}", refused.text);
        }
        let context = app.context();
        let now = app.app.now();
        let read = async |connection: &mut store::Connection<'_>| {
            store::access::has_able_owner(connection, context, now).await
        };
        assert!(app.app.database().read(read).await.unwrap(), "round {round}");
    }
    assert!(both_refused < 50, "nothing was done");
}

/// Statements go through a pooler that gives each transaction another connection; what nodes tell each other goes around
/// it. A pooler that forgets prepared statements is refused, also with a way around it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_a_suspension_on_one_node_counts_on_the_other() {
    let app = TestApp::new(Engine::Postgres).await;
    let pooler = PgBouncer::start(Postgres::shared(), "transaction");
    if !PgBouncer::keeps_statements() {
        let options = store::Options {
            listen_url: Some(app.url.clone()),
            ..store::Options::new(pooler.through(&app.url))
        };
        let refused = store::Database::open(&options).await.err().unwrap();
        assert_eq!(refused.code(), "database.pooler_statements");
        assert!(refused.message().contains("PgBouncer 1.21 or newer"), "{}", refused.message());
        return;
    }
    let refused = store::Database::open(&store::Options::new(pooler.through(&app.url))).await.err().unwrap();
    assert!(refused.code() == "database.pooler" && refused.message().contains("database.listen_url"));
    let (_, one) = app.second_behind(&pooler.through(&app.url)).await;
    let (_, other) = app.second_behind(&pooler.through(&app.url)).await;
    for round in 0..30 {
        let person = app.person(&format!("Ana{round}"), Role::Member).await;
        becomes(&other, "/whoami", &person.token, StatusCode::OK).await;
        let path = format!("/users/{}/suspend", person.id);
        let done = call(&one, Method::POST, &path, &app.owner.token, json!({"reason": "security"}));
        let (done, ()) = tokio::join!(done, async {
            for _ in 0..20 {
                status(&other, "/whoami", &person.token).await;
            }
        });
        done.expect(200);
        becomes(&other, "/whoami", &person.token, StatusCode::UNAUTHORIZED).await;
        assert_eq!(status(&one, "/whoami", &person.token).await, StatusCode::UNAUTHORIZED);
    }
}

/// Everybody who holds the role.
async fn owners(app: &TestApp) -> Vec<model::UserId> {
    let read = async |connection: &mut store::Connection<'_>| {
        connection.all::<(model::UserId,)>("SELECT user_id FROM role_grants WHERE role = 'owner'", &[]).await
    };
    app.app.database().read(read).await.unwrap().into_iter().map(|(id,)| id).collect()
}
