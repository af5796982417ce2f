//! Invitations that could be forged, accepted as somebody else, used for more than they were for, or after their time.

use std::time::Duration;

use axum::http::Method;
use model::{Permission, Permissions, Role};
use serde_json::json;

use crate::{
    app::{PASSWORD, TestApp, form, form_request},
    invitations::{
        secret_in,
        tokens::{KINDS, linked, look, press, state},
    },
    matrix::neighbour,
};

on_both! {
    /// An invitation was a signed document whose signature nobody looked at: another organization was joined by editing it.
    async fn keycloak_cve_2026_1529_an_invitation_says_nothing_that_could_be_edited(app: TestApp) {
        let (zeta, _) = neighbour(&app).await;
        let (user, secret) = linked(&app, "invitation", "ana@acme.example").await;
        assert!(secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{secret}");
        for claim in [app.org.id.to_string(), user.to_string(), zeta.id.to_string(), "ana@acme.example".to_owned()] {
            for forged in [claim.clone(), format!("{claim}.{secret}"), format!("{secret}.{claim}"), format!("eyJhbGciOiJub25lIn0.{claim}.")] {
                press(&app, "invitation", &forged).await.expect(404);
            }
        }
        let path = format!("/o/{}/invitation/{secret}", zeta.slug);
        app.send(form_request(&path, "", &form(&[("password", PASSWORD), ("repeat_password", PASSWORD)]))).await.expect(404);
        assert_eq!(state(&app, user).await, "invited");
    }

    /// A token of one flow was taken by every other one that had more rights to give.
    async fn authentik_cve_2022_23555_an_invitation_gives_what_it_was_made_for(app: TestApp) {
        app.post("/invitations", json!({"email": "boss@acme.example", "roles": ["administrator"]})).await.expect(201);
        for kind in KINDS {
            let (user, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            let other = KINDS.into_iter().find(|other| *other != kind).unwrap();
            press(&app, other, &secret).await.expect(404);
            press(&app, kind, &secret).await.expect(303);
            assert_eq!(app.get(&format!("/users/{user}")).await.json()["roles"], json!([]));
        }
    }

    /// What had expired went on until a task had cleaned up. Here no task ever runs.
    async fn authentik_cve_2025_64708_nobody_cleans_up_and_it_has_expired_all_the_same(app: TestApp) {
        app.post("/invitations", json!({"email": "ana@acme.example", "expires_in_hours": 1})).await.expect(201);
        let secret = secret_in(&app.mail_to("ana@acme.example").await, "invitation");
        app.later(Duration::from_secs(3601));
        look(&app, "invitation", &secret).await.expect(410);
        press(&app, "invitation", &secret).await.expect(410);
        assert_eq!(app.count("SELECT count(*) FROM links WHERE ended_at IS NULL").await, 1, "nothing has cleaned up");
    }

    /// An invitee signed up under another name and address than those that were invited.
    async fn grafana_cve_2022_39306_nobody_accepts_as_somebody_else(app: TestApp) {
        for kind in KINDS {
            let (user, secret) = linked(&app, kind, &format!("{kind}@acme.example")).await;
            for field in ["email", "username", "personal_email", "roles", "role", "id", "user", "type", "org", "state", "valid_until"] {
                let fields = form(&[("given_name", "Eve"), ("password", PASSWORD), ("repeat_password", PASSWORD), (field, "owner")]);
                let answer = app.send(form_request(&format!("/o/acme/{kind}/{secret}"), "", &fields)).await.expect(422);
                assert!(answer.headers.get("set-cookie").is_none(), "{field}");
            }
            assert_eq!(state(&app, user).await, "invited");
            press(&app, kind, &secret).await.expect(303);
            assert_eq!(app.get(&format!("/users/{user}")).await.json()["email"], format!("{kind}@acme.example"));
        }
    }

    /// Inviters gave roles above their own; the ceiling was a word, not the rights.
    async fn ezauth_131_agenticos_696_formbricks_4890_nobody_invites_above_himself(app: TestApp) {
        let mut number = 0;
        for actor_role in Role::ALL {
            let actor = app.person(&format!("A{}", actor_role.as_str().replace('_', "")), *actor_role).await;
            let own = Permissions::of_roles(&[*actor_role]);
            for role in Role::ALL.iter().filter(|role| **role != Role::Member) {
                number += 1;
                let target = Permissions::of_roles(&[*role]).beyond_member();
                let may = own.contains(Permission::UserInvite) && own.contains(Permission::RoleAssign) && own.covers(target);
                let one = json!({"email": format!("p{number}@acme.example"), "roles": [role]});
                let answer = app.call(Method::POST, "/invitations?dry_run=true", &actor.token, one.clone()).await;
                assert_eq!(answer.status.as_u16(), if may { 201 } else { 403 }, "{actor_role} invites {role}: {}", answer.text);
                let batch = app.call(Method::POST, "/invitations/batch?dry_run=true", &actor.token, json!({"invitations": [one]})).await;
                let invited = batch.status == 200 && batch.json()["invited"] == 1;
                assert_eq!(invited, may, "{actor_role} invites {role} among others: {}", batch.text);
            }
        }
    }
}
