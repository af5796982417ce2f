//! The audit log proves itself: what was altered is found, what was done by the rules is not, and others' tools agree.

mod altered;
mod clean;
mod log;
mod proofs;
mod tampered;
mod unsure;

use std::time::Duration;

use ::app::{
    audit::{checkpoint::Keeping, verify::Report},
    users::{InitialPassword, NewUser},
};
use model::{Action, Role, UserFields, UserId, audit::checkpoint::Checkpoint};
use serde_json::{Map, Value, json};
use store::{Attempt, Connection, Lane, Proof, Value as Bound, testing::Scratch};
use uuid::Uuid;

use crate::app::{TestApp, page_request, program, send, web_options};

impl TestApp {
    /// The program begun again over the database that is open: what was in memory is gone.
    fn restarted(&self) -> ::app::App {
        program(self.app.database().clone(), self.clock.clone(), std::sync::Arc::default())
    }
}

/// Verifies, against these checkpoints, with nothing in memory: as after a restart of a server that keeps no heads.
async fn verify(app: &TestApp, checkpoints: &[Checkpoint]) -> Report {
    app.restarted().verify_audit(app.context(), checkpoints.to_vec(), |_, _| ()).await.unwrap()
}

/// Does something behind Muster's back.
async fn tamper<F>(app: &TestApp, work: F)
where
    F: AsyncFn(&mut Connection<'_>) -> model::Result<()> + Send + Sync + 'static,
{
    let proof = Proof { org: app.context().org, entry: model::EntryId(Uuid::max()) };
    let work = async move |connection: &mut Connection<'_>| Ok(Attempt::Commit(work(connection).await?));
    app.app.database().transaction(proof, Lane::Interactive, work, |(), _| ()).await.unwrap();
}

/// Runs statements without parameters behind Muster's back.
async fn run(app: &TestApp, statements: &'static [&'static str]) {
    tamper(app, async move |connection| {
        for statement in statements {
            connection.execute(*statement, &[] as &[Bound<'_>]).await?;
        }
        Ok(())
    })
    .await;
}

/// A new active person, by the operator.
async fn person(app: &TestApp, org: &model::Org, name: &str) -> UserId {
    app.later(Duration::from_millis(1));
    let fields = UserFields {
        given_name: Some(name.to_owned()),
        email: Some(format!("{}@acme.example", name.to_lowercase())),
        ..UserFields::default()
    };
    let new = NewUser { fields, roles: Vec::new(), groups: Vec::new(), password: InitialPassword::None };
    let operator = ::app::Actor::operator(org.id.into());
    app.app.create_user(&operator, org, new).await.unwrap().person.user.id
}

/// Changes the title.
async fn edit(app: &TestApp, org: &model::Org, id: UserId, title: &str) {
    app.later(Duration::from_millis(1));
    let patch = Map::from_iter([("title".to_owned(), Value::from(title))]);
    app.app.edit_user(&::app::Actor::operator(org.id.into()), id, patch, None).await.unwrap();
}

/// Deletes and purges.
async fn purge(app: &TestApp, org: &model::Org, id: UserId, email: &str) {
    let operator = ::app::Actor::operator(org.id.into());
    let confirm = email.to_owned();
    let steps = [Action::Delete { confirm: confirm.clone() }, Action::Purge { confirm: Some(confirm) }];
    for step in steps {
        app.later(Duration::from_millis(1));
        app.app.transition(&operator, org, id, step, None).await.unwrap();
    }
}

/// Where checkpoints go in this test.
fn keeping(scratch: &Scratch) -> Keeping {
    Keeping { directory: scratch.path().join("checkpoints"), every: Duration::from_secs(3600), url: None }
}

/// Writes a checkpoint now, and reads all that there are.
async fn checkpoint(app: &TestApp, keeping: &Keeping) -> Vec<Checkpoint> {
    app.app.checkpoint_all(keeping, Duration::ZERO).await.unwrap();
    let file = std::fs::read_to_string(keeping.file(app.org.id)).unwrap();
    app.app.read_checkpoints(app.org.id, &file).unwrap()
}

/// An organization with some history: hundreds of entries, purged and edited people, all in the tree.
async fn history(app: &TestApp, people: usize) -> Vec<UserId> {
    let (mut ids, org) = (Vec::new(), app.org.clone());
    for number in 0..people {
        let id = person(app, &org, &format!("P{number}")).await;
        edit(app, &org, id, &format!("Title {number}")).await;
        if number % 3 == 0 {
            edit(app, &org, id, "Lead").await;
        }
        if number % 25 == 7 {
            purge(app, &org, id, &format!("p{number}@acme.example")).await;
        } else {
            ids.push(id);
        }
    }
    let owner = app.owner.clone();
    for name in ["Ana", "Bo"] {
        let id = app.person(name, Role::Auditor).await.id;
        app.call(axum::http::Method::PATCH, &format!("/users/{id}"), &owner.token, json!({"title": "x"}))
            .await
            .expect(200);
    }
    app.app.sequence_all().await.unwrap();
    ids
}

on_both! {
    async fn a_log_proves_itself_and_goes_on_doing_so(app: TestApp) {
        let scratch = Scratch::new();
        let (keeping, ids) = (keeping(&scratch), history(&app, 130).await);
        let first = checkpoint(&app, &keeping).await;
        let report = verify(&app, &first).await;
        assert!(report.is_clean(), "{report:?}");
        assert!(report.entries > 300 && report.sequenced == report.entries && report.erased > 10 && report.late == 0);
        // What has come since waits, or has its place.
        edit(&app, &app.org, ids[0], "Chief").await;
        assert_eq!(app.app.checkpoint_all(&keeping, Duration::from_secs(3600)).await.unwrap(), 0, "not due yet");
        app.later(Duration::from_secs(3600));
        assert_eq!(app.app.checkpoint_all(&keeping, Duration::from_secs(3600)).await.unwrap(), 1);
        assert_eq!(app.app.checkpoint_all(&keeping, Duration::ZERO).await.unwrap(), 0, "nothing has happened");
        let both = checkpoint(&app, &keeping).await;
        assert_eq!((both.len(), both[1].size), (2, first[0].size + 1));
        purge(&app, &app.org, ids[1], "p1@acme.example").await;
        let report = verify(&app, &both).await;
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(report.entries, both[1].size + 2);
    }
}
