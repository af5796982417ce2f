//! Entries of former versions that name somebody by a name that several have, or by an address that several share: after
//! an upgrade each is erased with its own person, and with nobody else.

use model::EntryId;
use store::{Attempt, Connection, Lane, Proof, Value as Bound, values};

use ::app::signin;

use super::{
    former::{BEFORE, entries, unsealed},
    *,
};

/// An entry as somebody reads it in the database: event, reason, changes.
type Entry = (String, String, String);

/// The entries that the operations of former versions have left about somebody, oldest first.
async fn about(app: &TestApp, target: uuid::Uuid, event: &str) -> Vec<Entry> {
    let (org, event) = (app.org.id, event.to_owned());
    let read = async |connection: &mut Connection<'_>| {
        let sql = "SELECT event, reason, changes FROM audit_entries WHERE org_id = $1 AND target = $2 AND event = $3 ORDER BY id";
        connection.all(sql, values![org, target, event.as_str()]).await
    };
    app.app.database().read(read).await.unwrap()
}

async fn clean(app: &TestApp) {
    app.app.sequence_all().await.unwrap();
    let report = app.app.verify_audit(app.context(), Vec::new(), |_, _| ()).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
}

/// Deletes somebody permanently.
async fn purge(app: &TestApp, id: UserId, email: &str) {
    app.later(Duration::from_millis(1));
    // Who never came is not suspended first.
    app.post(&format!("/users/{id}/suspend"), json!({"reason": "left"})).await;
    for step in ["delete", "purge"] {
        app.post(&format!("/users/{id}/{step}"), json!({"confirm": email})).await.expect(200);
    }
}

/// The database as a former version would have left it, upgraded.
async fn aged(app: &TestApp, named: Vec<(UserId, &'static str)>, more: Vec<&'static str>) -> TestApp {
    let proof = Proof { org: app.org.id, entry: EntryId(uuid::Uuid::max()) };
    let work = async move |connection: &mut Connection<'_>| {
        for (person, name) in &named {
            entries(connection, *person, name).await?;
            for table in ["role_grants", "group_members"] {
                let sql = format!("UPDATE {table} SET reason = $1 WHERE reason = $2").leak();
                let (before, after) = (format!("as {person}"), format!("as {name}"));
                connection.execute(&*sql, values![after.as_str(), before.as_str()]).await?;
            }
        }
        for sql in &more {
            connection.execute(*sql, &[] as &[Bound<'_>]).await?;
        }
        unsealed(connection).await?;
        Ok(Attempt::Commit(()))
    };
    app.app.database().transaction(proof, Lane::Interactive, work, |(), _| ()).await.unwrap();
    let app = app.upgraded_from(BEFORE).await;
    app.app.seal_late_entries().await.unwrap();
    clean(&app).await;
    app
}

on_both! {
    async fn of_two_namesakes_each_takes_only_their_own(app: TestApp) {
        let mut annas = Vec::new();
        for (email, roles) in [("anna1@acme.example", vec!["helpdesk"]), ("anna2@acme.example", vec!["auditor", "group_manager"])] {
            let id: UserId = app.create("Anna", "Meier", email).await.parse().unwrap();
            for role in roles {
                let until = app.app.now().plus(Duration::from_secs(86_400));
                let ends = (role != "helpdesk").then(|| until.to_string());
                app.post(&format!("/users/{id}/roles"), json!({"role": role, "valid_until": ends})).await.expect(200);
            }
            annas.push(id);
        }
        let gone: UserId = app.create("Carl", "Gone", "carl@acme.example").await.parse().unwrap();
        app.post(&format!("/users/{gone}/roles"), json!({"role": "user_manager"})).await.expect(200);
        let bert: UserId = app.create("Bert", "Berg", "bert@acme.example").await.parse().unwrap();
        for source in annas.iter().chain([&gone]) {
            app.later(Duration::from_millis(1));
            app.post(&format!("/users/{bert}/copy-access"), json!({"from": source, "keep_ends": true})).await.expect(200);
        }
        // Somebody of whom former versions have left a name behind when they erased them.
        purge(&app, gone, "carl@acme.example").await;
        app.later(Duration::from_secs(2 * 86_400));
        app.worked().await;
        assert_eq!(about(&app, bert.0, "role.expired").await.len(), 2);
        // Of one that ended nobody can tell from whom it came.
        let lost = "UPDATE audit_entries SET changes = '{\"role\":{\"before\":\"sailor\",\"after\":null}}' \
                    WHERE event = 'role.expired' AND changes -> 'role' ->> 'before' = 'group_manager'";
        let named = vec![(annas[0], "Anna Meier"), (annas[1], "Anna Meier"), (gone, "Carl Gone")];
        let app = aged(&app, named, vec![lost]).await;

        let granted = async || about(&app, bert.0, "role.granted").await;
        let left = |entries: &[Entry]| {
            entries.iter().map(|(_, reason, changes)| (reason.split(" (").next().unwrap().to_owned(), changes != "{}")).collect::<Vec<_>>()
        };
        let (anna, nobody) = (("as Anna Meier".to_owned(), true), (String::new(), false));
        // Who had been erased before is erased now.
        assert_eq!(left(&granted().await), [anna.clone(), anna.clone(), anna.clone(), nobody.clone()]);
        purge(&app, annas[0], "anna1@acme.example").await;
        clean(&app).await;
        assert_eq!(left(&granted().await), [nobody.clone(), anna.clone(), anna.clone(), nobody.clone()]);
        assert_eq!(left(&about(&app, bert.0, "role.expired").await), [anna.clone(), anna.clone()]);
        assert_eq!(left(&about(&app, bert.0, "access.copied").await).iter().filter(|(_, kept)| *kept).count(), 1);
        purge(&app, annas[1], "anna2@acme.example").await;
        clean(&app).await;
        assert_eq!(left(&granted().await), vec![nobody.clone(); 4]);
        assert_eq!(left(&about(&app, bert.0, "role.expired").await), [nobody.clone(), nobody]);
        assert_eq!(app.count("SELECT count(*) FROM audit_mentions").await, 0);
        let named = "SELECT count(*) FROM audit_entries WHERE reason LIKE '%Anna%' OR reason LIKE '%Carl%'";
        assert_eq!(app.count(named).await, 0);
    }

    async fn an_address_that_many_share_is_theirs_whose_sessions_ended(app: TestApp) {
        let mut people = Vec::new();
        for name in ["Ana", "Bo", "Cleo"] {
            let person = app.person(name, Role::Member).await;
            let attempt = signin::Attempt { identifier: person.email.clone(), ..from(PASSWORD) };
            people.push((person, app.app.sign_in(&app.org, attempt).await.unwrap()));
        }
        // One of them works from there, too, and is signed out before.
        app.call(Method::DELETE, &format!("/users/{}/sessions", people[2].0.id), &app.owner.token, Value::Null).await.expect(200);
        app.later(Duration::from_millis(1));
        app.post("/sessions/revoke", json!({"address": NUMBERS[1]})).await.expect(200);
        let app = aged(&app, vec![(people[0].0.id, "Ana Person")], Vec::new()).await;
        let ended = async || about(&app, app.org.id.0, "session.ended_in_bulk").await.remove(0).2.contains(NUMBERS[1]);
        assert!(ended().await);
        for (number, (person, _)) in people.iter().enumerate().rev() {
            purge(&app, person.id, &person.email).await;
            clean(&app).await;
            assert_eq!(ended().await, number > 0, "after the {number}th was erased");
        }
    }

    async fn who_is_deleted_at_once_explains_what_is_gone(app: TestApp) {
        app.patch("/org", json!({"settings": {"lifecycle": {"delete_requires_suspension": false, "trash_days": 0}}})).await.expect(200);
        let ana = app.person("Ana", Role::Member).await;
        app.call(Method::PATCH, "/account", &ana.token, json!({"mobile": "+49 30 1"})).await.expect(200);
        app.post(&format!("/users/{}/delete", ana.id), json!({"confirm": ana.email})).await.expect(200);
        clean(&app).await;
        let receipt = app.get(&format!("/users/{}/erasure", ana.id)).await.expect(200).json();
        assert_eq!(receipt["user"], json!(ana.id));
    }
}
