//! The essentials in a browser that runs no script: signing in, finding, creating, suspending, signing out.

use crate::{
    browser::{Browser, Look},
    support::{OWNER, PASSWORD, Site, sign_in},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_essentials_without_scripts() {
    let site = Site::with_company().await;
    let browser = Browser::start(Look::DESK).await;
    browser.expect_in_console("422");
    browser.goto(&site.url).await;
    browser.set_scripts(false).await;
    browser.goto("/o/acme/").await;
    sign_in(&browser, OWNER, PASSWORD).await;
    browser.wait_for_path("/o/acme/users").await;
    browser.screenshot("without-scripts-users").await;

    browser.fill("Search users", "muller").await;
    browser.press("Enter").await;
    browser.wait_for_path("/o/acme/users?q=muller").await;
    assert_eq!(browser.texts(".row-link b").await, ["Ana Müller"]);
    browser.click_text("Actions for Ana Müller").await;
    browser.click_text("Suspend…").await;
    browser.wait_for_text("Suspend Ana Müller?").await;
    browser.screenshot("without-scripts-suspend").await;
    browser.click_text("Suspend").await;
    browser.wait_for_text("Choose a reason.").await;
    browser.select("Reason", "Security").await;
    browser.click_text("Suspend").await;
    browser.wait_for_text("Ana Müller was suspended").await;
    browser.wait_for_text("Suspended: security").await;

    browser.goto("/o/acme/users").await;
    browser.click_text("Create user").await;
    browser.fill("Given name", "Bo").await;
    browser.fill("Email", "bo@acme.example").await;
    browser.screenshot("without-scripts-create").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("Bo was created").await;
    browser.screenshot("without-scripts-created").await;
    browser.click_text("Go on to Bo").await;
    browser.wait_for_text("A temporary password is out").await;
    browser.click(".account-button").await;
    browser.click_text("Sign out").await;
    browser.wait_for_text("You are signed out").await;
    browser.finish().await;
}
