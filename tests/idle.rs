//! What a server does while nobody asks for anything: it does not grow with the number of organizations.

use std::time::Duration;

use ::app::audit::checkpoint::Keeping;
use axum::http::Method;
use serde_json::json;
use store::testing::{Scratch, counting_statements};

use crate::app::{Engine, TestApp, api_request};

const HOUR: Duration = Duration::from_secs(3600);
/// As if all checkpoints had reached the outside.
const SENT: &str = "UPDATE audit_trees SET sent_size = checkpoint_size";

/// One round of everything that looks for work, where there is none.
async fn look_for_work(app: &TestApp, keeping: &Keeping) -> usize {
    let looking = async {
        assert_eq!(app.app.sequence_all().await.unwrap(), 0);
        assert_eq!(app.app.checkpoint_all(keeping, HOUR).await.unwrap(), 0);
        assert_eq!(app.app.send_checkpoints(keeping).await.unwrap(), 0);
        assert_eq!(app.app.work_once().await.unwrap(), 0);
        assert_eq!(app.app.send_due().await.unwrap(), 0);
        app.app.expire_audit().await.unwrap();
    };
    counting_statements(looking).await.1
}

on_both! {
    async fn idle_statements_do_not_grow_with_organizations(app: TestApp) {
        let scratch = Scratch::new();
        let keeping = Keeping { directory: scratch.path().join("checkpoints"), every: HOUR, url: Some("http://127.0.0.1:9/".to_owned()) };
        app.worked().await;
        app.app.checkpoint_all(&keeping, Duration::ZERO).await.unwrap();
        app.force(vec![SENT]).await;
        let alone = look_for_work(&app, &keeping).await;
        for number in 0..30 {
            let slug = format!("org-{number}");
            let (_, otto) = app.other_org(&slug).await;
            let limit = json!({"settings": {"audit": {"retention_days": 30}}});
            app.send(api_request(Method::PATCH, &slug, "/org", &otto.token, &limit)).await.expect(200);
        }
        // Once, to find out when there is something to erase.
        app.app.sequence_all().await.unwrap();
        app.app.expire_audit().await.unwrap();
        app.worked().await;
        // The last pass of a stop: all that have grown, found and signed together.
        app.app.sequence_all().await.unwrap();
        let stopping = app.app.checkpoint_all(&keeping, Duration::ZERO);
        let (written, statements) = counting_statements(stopping).await;
        assert_eq!(written.unwrap(), 30);
        let made = std::fs::read_dir(&keeping.directory).unwrap().count();
        assert_eq!(made, 31);
        if app.app.database().engine() == Engine::Sqlite {
            assert!(statements <= 4, "{statements} statements to find 30");
        }
        app.force(vec![SENT]).await;
        assert_eq!(look_for_work(&app, &keeping).await, alone);
        assert!(alone <= 8, "{alone} statements");
    }
}
