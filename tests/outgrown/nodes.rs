//! The same on two nodes: what ends with a promotion on one opens nothing on the other.

use super::*;
use crate::{app::Engine, patience::eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_on_one_node_ends_what_weaker_actors_made_on_the_other() {
    let app = TestApp::new(Engine::Postgres).await;
    let other = app.other_node().await;
    let weak = weaker(&app).await;
    // What is tried out by a mail, which either node may send.
    let by_mail = [Secret::Address, Secret::ProvenAddress, Secret::ExpiredLink];
    for secret in SECRETS.into_iter().filter(|secret| !by_mail.contains(secret)) {
        for rise in [Rise::Grant, Rise::RoleEdit, Rise::DatedGrant] {
            let what = format!("{secret:?} after {rise:?}");
            let name = format!("{secret:?}{rise:?}").to_lowercase();
            let made = make(&app, &weak, secret, Some(rise), &name).await;
            // The other node has what it needs to let it in without asking the database.
            let is_kept = matches!(
                secret,
                Secret::ServiceToken
                    | Secret::TokenOfSession
                    | Secret::AccountToken
                    | Secret::TokenOfToken
                    | Secret::SessionOfPassword
                    | Secret::SessionOfTemporary
            );
            if is_kept {
                for _ in 0..3 {
                    assert!(opens(&other, secret, &made.copy, &made.email).await, "{what}: before");
                }
            }
            raise(&app, secret, rise, made.user, &made.prepared, &name).await;
            if is_kept {
                // Until it has heard of it, which is a moment.
                eventually(&what, async || !opens(&other, secret, &made.copy, &made.email).await).await;
            }
            for _ in 0..3 {
                assert!(!opens(&other, secret, &made.copy, &made.email).await, "{what}");
            }
        }
    }
}
