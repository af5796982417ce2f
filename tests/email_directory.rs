//! The directory of proven addresses, by which somebody's organizations are found: it follows every change of an address,
//! and is filled for users from before there was one.

use ::app::keys::Keys;
use model::{OrgId, Role, UserId};
use serde_json::json;
use store::Connection;

use crate::{
    addresses::{confirm, undo, verification},
    app::{Somebody, TestApp},
    recovery::{NEW, reset, reset_secret, secret_in},
};

/// Who is in it, with the hash.
async fn directory(app: &TestApp) -> Vec<(OrgId, UserId, [u8; 32])> {
    let sql = "SELECT org_id, user_id, email_hash FROM email_directory ORDER BY org_id, user_id";
    let read = async |connection: &mut Connection<'_>| connection.all(sql, &[]).await;
    app.app.database().read(read).await.unwrap()
}

/// Who should be: everybody who has proven the address that is theirs now.
async fn proven(app: &TestApp) -> Vec<(OrgId, UserId, [u8; 32])> {
    let sql = "SELECT org_id, id, email_key FROM users WHERE email_verified AND email_key IS NOT NULL \
               AND state <> 'purged' ORDER BY org_id, id";
    let read = async |connection: &mut Connection<'_>| connection.all(sql, &[]).await;
    let rows: Vec<(OrgId, UserId, String)> = app.app.database().read(read).await.unwrap();
    let hash = |key: &str| Keys::new([7; 32]).derive("email directory", &[key.as_bytes()]);
    rows.into_iter().map(|(org, user, key)| (org, user, hash(&key))).collect()
}

/// That the directory is right, and whether a user is in it.
async fn holds(app: &TestApp, somebody: &Somebody) -> bool {
    let directory = directory(app).await;
    assert_eq!(directory, proven(app).await);
    directory.iter().any(|(_, user, _)| *user == somebody.id)
}

on_both! {
    async fn it_follows_every_change_of_an_address(app: TestApp) {
        let ana = app.person("Ana", Role::Member).await;
        let path = format!("/users/{}", ana.id);
        assert!(!holds(&app, &ana).await, "nobody has proven it");
        // One's own change, and the way back.
        confirm(&app, &verification(&app, &ana, "ana.new@acme.example").await).await.expect(200);
        assert!(holds(&app, &ana).await);
        undo(&app, &secret_in(&app.mail_to("ana@acme.example").await, "undo-email")).await.expect(303);
        assert!(holds(&app, &ana).await);
        app.patch(&path, json!({"title": "Head"})).await.expect(200);
        assert!(holds(&app, &ana).await);
        app.patch(&path, json!({"email": "anna@acme.example"})).await.expect(200);
        assert!(!holds(&app, &ana).await, "an administrator's address is not proven");
        let secret = reset_secret(&app, &Somebody { email: "anna@acme.example".to_owned(), ..ana.clone() }).await;
        reset(&app, &secret, "marble-lantern-orchard").await.expect(303);
        assert!(holds(&app, &ana).await);
        // The trash keeps it, as it keeps the address; erasure does not.
        app.post(&format!("{path}/suspend"), json!({"reason": "left"})).await.expect(200);
        app.post(&format!("{path}/delete"), json!({"confirm": "anna@acme.example"})).await.expect(200);
        assert!(holds(&app, &ana).await);
        app.post(&format!("{path}/purge"), json!({"confirm": "anna@acme.example"})).await.expect(200);
        assert!(!holds(&app, &ana).await);
    }

    async fn users_from_before_it_are_filled_in(app: TestApp) {
        let (_, otto) = app.other_org("zeta").await;
        let ana = app.person("Ana", Role::Member).await;
        let secret = reset_secret(&app, &ana).await;
        reset(&app, &secret, NEW).await.expect(303);
        // As an earlier version left the database.
        app.force(vec!["DELETE FROM email_directory", "UPDATE email_directory_rules SET version = 0"]).await;
        assert!(directory(&app).await.is_empty());
        app.app.fill_email_directory().await.unwrap();
        assert!(holds(&app, &ana).await);
        assert!(!holds(&app, &otto).await);
        // Once is enough: a second start does nothing.
        let before = directory(&app).await;
        app.app.fill_email_directory().await.unwrap();
        assert_eq!(directory(&app).await, before);
    }
}
