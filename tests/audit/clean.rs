//! No false alarm, whatever is done by the rules: a thousand runs of random operations, retention, and the upgrade of a
//! log from before there were seals.

use std::sync::Arc;

use model::{Org, Permission};

use super::*;

/// Random enough, the same in every run.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

/// Runs of one organization: some operations each, now and then a checkpoint, and a look after each.
async fn runs(app: &TestApp, org: Arc<Org>, seed: u64, times: usize) {
    let (scratch, mut roll) = (Scratch::new(), dice(seed));
    let (keeping, mut people, mut number) = (keeping(&scratch), Vec::new(), 0);
    for round in 0..times {
        for _ in 0..=roll(4) {
            match roll(10) {
                0..4 => {
                    number += 1;
                    people.push((person(app, &org, &format!("N{number}")).await, number));
                }
                4 if !people.is_empty() => {
                    let (id, number) =
                        people.swap_remove(usize::try_from(roll(people.len() as u64)).unwrap());
                    purge(app, &org, id, &format!("n{number}@acme.example")).await;
                }
                _ if !people.is_empty() => {
                    let (id, _) = people[usize::try_from(roll(people.len() as u64)).unwrap()];
                    edit(app, &org, id, &format!("T{}", roll(1000))).await;
                }
                _ => {
                    // Refused: nothing may be left of it.
                    let nobody = ::app::Actor {
                        permissions: model::Permissions::default(),
                        ..::app::Actor::operator(org.id.into())
                    };
                    assert!(nobody.require(Permission::UserCreate).is_err());
                }
            }
        }
        if roll(5) == 0 {
            app.app.checkpoint_all(&keeping, Duration::ZERO).await.unwrap();
        }
        let file = std::fs::read_to_string(keeping.file(org.id)).unwrap_or_default();
        let checkpoints = app.app.read_checkpoints(org.id, &file).unwrap();
        let report = app.app.verify_audit(org.id.into(), checkpoints, |_, _| ()).await.unwrap();
        assert!(report.is_clean(), "seed {seed}, round {round}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_runs_raise_no_alarm() {
    let app = TestApp::new(crate::app::Engine::Sqlite).await;
    for number in 0..25 {
        let org = Arc::new(app.app.create_org("Some", &format!("some-{number}"), false).await.unwrap());
        runs(&app, org, number + 1, 40).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_runs_raise_no_alarm_on_postgres() {
    let app = TestApp::new(crate::app::Engine::Postgres).await;
    for number in 0..5 {
        let org = Arc::new(app.app.create_org("Some", &format!("some-{number}"), false).await.unwrap());
        runs(&app, org, number + 100, 20).await;
    }
}

on_both! {
    async fn retention_takes_values_and_leaves_proofs(app: TestApp) {
        let scratch = Scratch::new();
        let ids = history(&app, 30).await;
        let keeping = keeping(&scratch);
        let checkpoints = checkpoint(&app, &keeping).await;
        app.patch("/org", json!({"settings": {"audit": {"retention_days": 30}}})).await.expect(200);
        app.app.tidy().await.unwrap();
        let named = "SELECT count(*) FROM audit_entries WHERE actor_name = 'operator' AND event <> 'audit.expired'";
        let before = app.count(named).await;
        assert!(before > 80, "{before}");
        app.later(Duration::from_secs(29 * 86_400));
        edit(&app, &app.org, ids[0], "Young").await;
        app.later(Duration::from_secs(3 * 86_400));
        app.app.tidy().await.unwrap();
        assert_eq!(app.count(named).await, 1, "the young one keeps its values");
        let left = "SELECT count(*) FROM audit_entries WHERE by_erased_at IS NOT NULL AND (by_salt IS NOT NULL OR address <> '' \
                    OR reason <> '' OR about_salt IS NOT NULL OR target_name LIKE 'P%')";
        assert_eq!(app.count(left).await, 0);
        let report = verify(&app, &checkpoints).await;
        assert!(report.is_clean() && report.erased > 80, "{report:?}");
        // What the log knows of it stands in the log, once a day.
        app.app.tidy().await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM audit_entries WHERE event = 'audit.expired'").await, 1);
        purge(&app, &app.org, ids[0], "p0@acme.example").await;
        app.later(Duration::from_secs(40 * 86_400));
        app.app.tidy().await.unwrap();
        assert!(verify(&app, &checkpoints).await.is_clean());
        // One more than was due is one too many.
        run(&app, &[
            "UPDATE audit_entries SET actor_name = '', address = '', by_salt = NULL, by_erased_at = \
             (SELECT max(by_erased_at) FROM audit_entries) WHERE by_erased_at IS NULL",
        ]).await;
        assert!(!verify(&app, &checkpoints).await.is_clean());
    }

    async fn entries_from_before_seals_are_sealed_once(app: TestApp) {
        history(&app, 20).await;
        // As an upgrade finds it.
        run(&app, &[
            "DELETE FROM audit_trees", "DELETE FROM audit_tiles", "DELETE FROM audit_pending",
            "UPDATE audit_entries SET by_salt = NULL, by_commitment = NULL, about_salt = NULL, about_commitment = NULL, \
             by_erased_at = NULL, about_erased_at = NULL, mac = NULL, fields = ''",
            "INSERT INTO audit_pending (org_id, entry_id) SELECT org_id, id FROM audit_entries",
        ]).await;
        assert_eq!(app.app.seal_late_entries().await.unwrap(), 0, "this log is known: it was sealed before");
        let upgraded = app.restarted();
        assert!(upgraded.seal_late_entries().await.unwrap() > 50);
        let id = person(&app, &app.org, "Young").await;
        upgraded.sequence_all().await.unwrap();
        edit(&app, &app.org, id, "Chief").await;
        let report = verify(&app, &[]).await;
        assert!(report.is_clean(), "{report:?}");
        assert!(report.late > 50 && report.late == report.entries - 2, "{report:?}");
    }
}
