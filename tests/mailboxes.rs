//! Addresses that are one name here and two mailboxes where mail goes; and the way back to an address that a weaker actor wrote
//! and nobody has proven.

use axum::http::Method;
use model::Role;
use serde_json::json;

use crate::{
    addresses::{confirm, undo, verification},
    app::TestApp,
    recovery::{NEW, reset, reset_secret, secret_in},
};

on_both! {
    async fn a_mailbox_of_the_same_name_is_another_one(app: TestApp) {
        let jess = app.person("Jess", Role::UserManager).await;
        reset(&app, &reset_secret(&app, &jess).await, NEW).await.expect(303);
        let path = format!("/users/{}", jess.id);
        let token = app.token_for(jess.id, &["*"]).await;
        let own = async |email: &str| app.call(Method::PATCH, &path, &token, json!({"email": email})).await;
        assert_eq!(own("je\u{df}@acme.example").await.expect(422).code(), "invalid");
        own("JESS@acme.example").await.expect(200);
        assert_eq!(app.get(&path).await.json()["email_verified"], true, "the same mailbox");
        app.patch(&path, json!({"email": "je\u{df}@acme.example"})).await.expect(200);
        assert_eq!(app.get(&path).await.json()["email_verified"], false);
        assert!(app.mails().await.iter().any(|letter| letter.to == "JESS@acme.example" && letter.text.contains("je\u{df}@")), "told");
    }

    async fn what_a_weaker_one_wrote_is_no_way_back_to_more(app: TestApp) {
        let uma = app.person("Uma", Role::UserManager).await;
        for (name, rises) in [("Ana", true), ("Bea", false)] {
            let somebody = app.person(name, Role::Member).await;
            let written = format!("{}@evil.example", name.to_lowercase());
            let patch = json!({"email": written});
            app.call(Method::PATCH, &format!("/users/{}", somebody.id), &uma.token, patch).await.expect(200);
            let secret = verification(&app, &somebody, &format!("{}.own@acme.example", name.to_lowercase())).await;
            confirm(&app, &secret).await.expect(200);
            let back = secret_in(&app.mail_to(&written).await, "undo-email");
            if rises {
                // The link to what the weaker one wrote ends; who gives the role confirms that.
                let roles = format!("/users/{}/roles", somebody.id);
                app.confirmed(Method::POST, &roles, &app.owner.token, json!({"role": "owner"})).await.expect(200);
            }
            let answer = undo(&app, &back).await;
            assert_eq!(answer.status, if rises { 410 } else { 303 }, "{name}");
        }
    }
}
