//! Making somebody an admin and an admin no more, and handing over access.

use crate::support::{Site, more, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promoting() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    open(&browser, "minh").await;
    more(&browser, "Make admin…").await;
    browser.wait_for_text("becomes an owner of Acme").await;
    browser.check_page("make-admin").await;
    browser.click_text("Make admin").await;
    browser.wait_for_text("Minh Nguyễn is an owner now").await;
    open(&browser, "minh").await;
    more(&browser, "Remove admin…").await;
    browser.wait_for_text("is no longer an owner of Acme").await;
    browser.check_page("remove-admin").await;
    browser.click_text("Remove admin").await;
    browser.wait_for_text("The owner’s role of Minh Nguyễn was taken").await;
    // Somebody takes over another's work: first from nobody, then from Chidi, who holds two roles.
    more(&browser, "Copy access…").await;
    browser.wait_for_text("the access of somebody else").await;
    browser.fill("From", "nobody").await;
    browser.click_text("Copy access").await;
    browser.wait_for_text("There is no such user").await;
    browser.check_page("copy-access-refused").await;
    browser.fill("From", "chidi.okafor@acme.example").await;
    assert!(
        browser.is_ticked("Keep the ends").await && !browser.is_ticked("Leave out what I can't give").await
    );
    browser.click_text("Copy access").await;
    browser.wait_for_text("Minh Nguyễn has the access now").await;
    browser.wait_for_text("as Chidi Okafor").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_owner_can_not_be_removed() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("409");
    let owner = site.id_of(crate::support::OWNER).await;
    browser.goto(&format!("/o/acme/users/{owner}")).await;
    more(&browser, "Remove admin…").await;
    browser.click_text("Remove admin").await;
    browser.wait_for_text("without an owner who can sign in").await;
    browser.check_page("remove-last-admin").await;
    browser.finish().await;
}
