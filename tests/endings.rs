//! What is given until an end: it counts to the microsecond whether or not the worker runs, in what is in memory and on
//! another node too; the worker takes it away once, and says so before.

use std::time::Duration;

use axum::http::Method;
use model::{GroupId, Role, UserId, grant::GrantTerms, role::Scope};
use serde_json::{Value, json};
use store::{Attempt, Lane, Proof};

use crate::{
    app::{Engine, TestApp, api_request, send},
    matrix::{Proves, browser, request},
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A group that carries a role, and is decided about by somebody.
pub(crate) async fn group(app: &TestApp, name: &str, role: Option<Role>, owner: Option<UserId>) -> GroupId {
    let id =
        GroupId(uuid::Uuid::from_u128(name.bytes().fold(7, |sum: u128, byte| sum * 257 + u128::from(byte))));
    let (org, name, now) = (app.org.id, name.to_owned(), app.app.now());
    let proof = Proof { org, entry: model::EntryId(uuid::Uuid::from_u128(9)) };
    let work = async move |connection: &mut store::Connection<'_>| {
        let (key, by) = (model::group::name_key(&name), "operator");
        let bound = [org.into(), id.into(), name.as_str().into(), key.as_str().into(), now.into()];
        let sql = "INSERT INTO groups (org_id, id, name, name_key, description, source, created_at, updated_at, version) \
                   VALUES ($1, $2, $3, $4, '', 'local', $5, $5, 1)";
        connection.execute(sql, &bound).await?;
        if let Some(role) = role {
            let sql = "INSERT INTO group_roles (org_id, group_id, role, scope_id, granted_by, granted_at, reason) \
                       VALUES ($1, $2, $3, $1, $4, $5, '')";
            connection
                .execute(sql, &[org.into(), id.into(), role.as_str().into(), by.into(), now.into()])
                .await?;
        }
        if let Some(owner) = owner {
            let sql = "INSERT INTO group_owners (org_id, user_id, group_id, granted_by, granted_at) \
                       VALUES ($1, $2, $3, $4, $5)";
            connection.execute(sql, &[org.into(), owner.into(), id.into(), by.into(), now.into()]).await?;
        }
        Ok(Attempt::Commit(()))
    };
    app.app.database().transaction(proof, Lane::Interactive, work, |(), _| ()).await.unwrap();
    app.app.cache().forget_everything();
    id
}

fn until(app: &TestApp, span: Duration) -> GrantTerms {
    GrantTerms::until(Some(app.app.now().plus(span)), "stands in for Bo")
}

async fn may_list(app: &TestApp, token: &str) -> bool {
    app.send(api_request(Method::GET, "acme", "/users", token, &Value::Null)).await.status == 200
}

/// Moves to a microsecond before that time.
fn until_just_before(app: &TestApp, at: model::Timestamp) {
    let left = u64::try_from(at.micros() - app.app.now().micros()).unwrap();
    app.later(Duration::from_micros(left - 1));
}

on_both! {
    /// The worker never runs: the row stands there, and counts for nothing.
    async fn nothing_waits_for_the_worker(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let auditors = group(&app, "Auditors", Some(Role::Auditor), None).await;
        let terms = until(&app, HOUR / 3);
        let end = terms.valid_until.unwrap();
        app.app.grant_role(&app.operator(), ana.id, Role::Auditor.into(), Scope::Org, terms.clone()).await.unwrap();
        app.app.add_member(&app.operator(), auditors, bo.id, terms).await.unwrap();
        let session = browser(&app, &app.org, &ana).await;
        let list = web::declared().into_iter().find(|route| route.path == "/o/{slug}/users" && route.method == Method::GET).unwrap();
        let page = async || app.send(request(&list, "acme", "", Proves::Browser(&session), &Value::Null)).await.status.as_u16();
        for _ in 0..3 {
            assert!(may_list(&app, &ana.token).await && may_list(&app, &bo.token).await && page().await == 200);
        }
        until_just_before(&app, end);
        assert!(may_list(&app, &ana.token).await && may_list(&app, &bo.token).await && page().await == 200);
        app.later(Duration::from_micros(1));
        assert!(!may_list(&app, &ana.token).await && !may_list(&app, &bo.token).await && page().await == 403);
        assert_eq!(app.count("SELECT count(*) FROM role_grants WHERE role = 'auditor'").await, 1, "nobody has tidied");
    }

    async fn the_worker_takes_away_what_has_ended_and_writes_it_down(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let auditors = group(&app, "Auditors", Some(Role::Auditor), None).await;
        let terms = until(&app, HOUR);
        app.app.grant_role(&app.operator(), ana.id, Role::Helpdesk.into(), Scope::Org, terms.clone()).await.unwrap();
        app.app.add_member(&app.operator(), auditors, ana.id, terms).await.unwrap();
        app.later(HOUR - Duration::from_secs(1));
        app.worked().await;
        let held = async || {
            let shown = app.get(&format!("/users/{}", ana.id)).await.json();
            (shown["roles"].as_array().map_or(0, Vec::len), shown["groups"].as_array().map_or(0, Vec::len))
        };
        assert_eq!(held().await, (1, 1));
        app.later(Duration::from_secs(2));
        app.worked().await;
        assert_eq!(held().await, (0, 0));
        let events = app.events(&ana.id.to_string()).await;
        let ended: Vec<&String> = events.iter().filter(|event| event.ends_with(".expired")).collect();
        assert_eq!(ended.len(), 2, "{events:?}");
        let entries = app.get(&format!("/audit?target={}", ana.id)).await.json();
        let entry = entries["items"].as_array().unwrap().iter().find(|entry| entry["event"] == "role.expired").unwrap();
        assert_eq!(entry["actor"], "system", "{entry}");
        assert!(entry["reason"].as_str().unwrap().starts_with("stands in for Bo"), "{entry}");
    }

    async fn what_is_extended_ends_when_it_does_now(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let grant = async |terms: GrantTerms| {
            app.app.grant_role(&app.operator(), ana.id, Role::Auditor.into(), Scope::Org, terms).await.unwrap();
        };
        grant(until(&app, HOUR)).await;
        app.later(HOUR / 2);
        grant(until(&app, DAY)).await;
        app.later(HOUR);
        app.worked().await;
        assert!(may_list(&app, &ana.token).await);
        grant(GrantTerms::default()).await;
        app.later(2 * DAY);
        app.worked().await;
        assert!(may_list(&app, &ana.token).await);
        assert!(!app.events(&ana.id.to_string()).await.contains(&"role.expired".to_owned()));
    }

    /// A warning comes three days before; once, and again only for another end.
    async fn holder_and_granter_are_told_in_time_and_once(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let path = format!("/users/{}/roles", ana.id);
        let give = async |days: u32| {
            let end = app.app.now().plus(days * DAY);
            app.post(&path, json!({"role": "auditor", "valid_until": end.to_string()})).await.expect(200);
        };
        let told = async || {
            let letters = app.worked().await;
            let subjects = letters.iter().filter(|letter| letter.subject.starts_with("Ends soon"));
            let mut told: Vec<(String, String)> = subjects.map(|letter| (letter.to.clone(), letter.subject.clone())).collect();
            told.sort();
            told
        };
        give(12).await;
        app.later(8 * DAY);
        assert_eq!(told().await, []);
        app.later(DAY + HOUR);
        let first = told().await;
        assert_eq!(first.len(), 2, "{first:?}");
        assert!(first[0].0 == "ana@acme.example" && first[0].1.starts_with("Ends soon: your role Auditor in Acme"), "{first:?}");
        assert!(first[1].0 == app.owner.email && first[1].1.starts_with("Ends soon: Ana Person’s role Auditor in Acme"), "{first:?}");
        app.later(DAY);
        assert_eq!(told().await.len(), 2);
        give(20).await;
        app.later(4 * DAY);
        assert_eq!(told().await.len(), 2);
        app.later(14 * DAY);
        assert_eq!(told().await.len(), 4);
    }

    async fn who_wants_no_notice_or_is_gone_gets_none(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Owner).await);
        let end = app.app.now().plus(10 * DAY).to_string();
        app.call(Method::POST, &format!("/users/{}/roles", ana.id), &bo.token, json!({"role": "auditor", "valid_until": end})).await.expect(200);
        app.call(Method::PUT, "/account/notices", &ana.token, json!({"muted": ["access_ending"]})).await.expect(204);
        app.post(&format!("/users/{}/suspend", bo.id), json!({"reason": "left"})).await.expect(200);
        app.later(8 * DAY);
        assert!(app.worked().await.iter().all(|letter| !letter.subject.starts_with("Ends soon")));
    }

    /// Its members may be many: who decides about the group hears of the group's role.
    async fn of_a_groups_role_its_owners_are_told(app: TestApp) {
        let (ana, bo) = (app.person("Ana", Role::Member).await, app.person("Bo", Role::Member).await);
        let auditors = group(&app, "Auditors", Some(Role::Auditor), Some(bo.id)).await;
        app.app.add_member(&app.operator(), auditors, ana.id, GrantTerms::default()).await.unwrap();
        let end = app.app.now().plus(10 * DAY);
        let key = model::grant::GrantKey::Role {
            holder: model::grant::Holder::Group(auditors), role: Role::Auditor.into(), scope: Scope::Org,
        };
        let (context, at) = (app.context(), app.app.now());
        let proof = Proof { org: app.org.id, entry: model::EntryId(uuid::Uuid::from_u128(10)) };
        let work = async move |connection: &mut store::Connection<'_>| {
            let sql = "UPDATE group_roles SET valid_until = $1, granted_at = $2";
            connection.execute(sql, &[end.into(), at.into()]).await?;
            for (number, (work, run_at)) in (1_u128..).zip([
                (model::job::Work::WarnGrant { grant: key, given_at: at }, end.minus(3 * DAY)),
                (model::job::Work::EndGrant { grant: key }, end),
            ]) {
                let job = model::job::Job { id: model::JobId(uuid::Uuid::from_u128(number)), org: context, work, run_at, attempts: 0 };
                store::jobs::insert(connection, context, &[job], at).await?;
            }
            Ok(Attempt::Commit(()))
        };
        app.app.database().transaction(proof, Lane::Interactive, work, |(), _| ()).await.unwrap();
        app.app.cache().forget_everything();
        assert!(may_list(&app, &ana.token).await);
        app.later(8 * DAY);
        let letters = app.worked().await;
        let told: Vec<&str> = letters.iter().filter(|letter| letter.subject.starts_with("Ends soon")).map(|letter| letter.to.as_str()).collect();
        assert_eq!(told, ["bo@acme.example"]);
        app.later(2 * DAY);
        assert!(!may_list(&app, &ana.token).await);
        app.worked().await;
        assert_eq!(app.events(&auditors.to_string()).await, ["group.role_expired"]);
        assert_eq!(app.count("SELECT count(*) FROM group_roles").await, 0);
    }

    /// Whoever is an owner until an end was never counted: what ends can't leave nobody, and must not be in the way.
    async fn an_owner_with_an_end_is_none_that_is_left(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        app.app.grant_role(&app.operator(), ana.id, Role::Owner.into(), Scope::Org, until(&app, DAY)).await.unwrap();
        let own = format!("/users/{}/roles/owner", app.owner.id);
        let refused = app.call(Method::DELETE, &own, &app.owner.token, Value::Null).await.expect(409);
        assert_eq!(refused.code(), "org.last_owner");
        let end = app.app.now().plus(DAY).to_string();
        let refused = app.post(&format!("/users/{}/roles", app.owner.id), json!({"role": "owner", "valid_until": end})).await.expect(409);
        assert_eq!(refused.code(), "org.last_owner");
        app.later(2 * DAY);
        app.worked().await;
        assert!(app.events(&ana.id.to_string()).await.contains(&"role.expired".to_owned()));
        app.get("/org").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_ends_on_another_node_at_the_same_instant() {
    let app = TestApp::new(Engine::Postgres).await;
    let (_, other) = app.second().await;
    let ana = app.person("Ana", Role::Member).await;
    let terms = until(&app, HOUR);
    let end = terms.valid_until.unwrap();
    app.app.grant_role(&app.operator(), ana.id, Role::Auditor.into(), Scope::Org, terms).await.unwrap();
    let status = async || {
        send(&other, api_request(Method::GET, "acme", "/users", &ana.token, &Value::Null))
            .await
            .status
            .as_u16()
    };
    until_just_before(&app, end);
    assert_eq!(status().await, 200);
    app.later(Duration::from_micros(1));
    assert_eq!(status().await, 403);
}
