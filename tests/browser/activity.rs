//! What somebody did and what was done to them, on a user's page and in one's own account.

use crate::support::{PASSWORD, Site, open, sign_in, sign_out};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn activity() {
    let site = Site::with_company().await;
    let ana = site.id_of("ana.muller").await;
    let browser = site.visitor().await;
    browser.expect_in_console("422");
    sign_in(&browser, "ana.muller@acme.example", "not-my-password").await;
    browser.wait_for_text("That did not work").await;
    sign_in(&browser, "ana.muller@acme.example", PASSWORD).await;
    browser.wait_for_text("Set by your administrators").await;

    // One's own.
    browser.click_text("My account").await;
    browser.click_text("Activity").await;
    browser.wait_for_text("You signed in").await;
    browser.wait_for_text("could not sign in").await;
    browser.wait_for_text("1 sign-in, 1 refused in the last 30 days").await;
    browser.check_page("account-activity").await;
    sign_out(&browser).await;
    browser.click_text("Sign in again").await;

    // Somebody else's.
    site.change(ana, "title", "Head of Finance").await;
    sign_in(&browser, "olivia@acme.example", PASSWORD).await;
    open(&browser, "ana.muller").await;
    browser.click_text("Activity").await;
    browser.wait_for_text("The operator changed the record of Ana Müller").await;
    browser.wait_for_text("Details").await;
    browser.click(".activity summary").await;
    browser.wait_for_text("Head of Finance").await;
    browser.click_text("Show the numbers").await;
    browser.wait_for_text("Refused").await;
    browser.check_page("activity").await;
    browser.click_text("90 days").await;
    browser.wait_for_text("in the last 90 days").await;
    browser.click_text("Sign-ins").await;
    browser.wait_for_no_text("Head of Finance").await;
    browser.wait_for_text("Ana Müller signed in").await;
    browser.click_text("Administration").await;
    browser.wait_for_text("Nothing here").await;
    browser.check_page("activity-empty").await;
    browser.click_text("Everything").await;
    browser.wait_for_text("Export CSV").await;
    browser.wait_for_text("Export JSON lines").await;
    browser.wait_for_text("Addresses").await;
    browser.wait_for_text("Devices signed in now").await;
    browser.finish().await;
}
