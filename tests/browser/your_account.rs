//! One's own pages: profile, password, API tokens.

use crate::support::{PASSWORD, Site, sign_in, sign_out};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn your_account() {
    let site = Site::new().await;
    site.person("Ana", "Müller", &[]).await;
    let browser = site.signed_in("ana@acme.example").await;
    browser.expect_in_console("422");
    browser.click_text("My account").await;
    browser.wait_for_text("Set by your administrators").await;
    browser.check_page("account").await;
    browser.fill("Mobile", "call me").await;
    browser.click_text("Save").await;
    browser.wait_for_text("Write a phone number such as").await;
    browser.check_page("account-refused").await;
    browser.fill("Mobile", "+49 151 5550100").await;
    browser.fill("Display name", "Ana M.").await;
    browser.click_text("Save").await;
    browser.wait_for_text("The changes to your profile were saved").await;
    assert_eq!(browser.text("h1").await, "Ana M.");

    browser.click(".tabs a:nth-child(3)").await;
    browser.wait_for_text("Present password").await;
    browser.check_page("account-password").await;
    let change = async |present: &str| {
        browser.fill("Present password", present).await;
        browser.fill("New password", "lantern-opera-forest").await;
        browser.fill("New password again", "lantern-opera-forest").await;
        browser.click_text("Change password").await;
    };
    // While one types, one is told.
    browser.fill("New password", "Ana Müller 1").await;
    browser.wait_for_text("This is little more than names that others know").await;
    browser.check_page("account-password-weak").await;
    browser.fill("New password", "lantern-opera-forest").await;
    browser.wait_for_text("Strong: very hard to guess").await;
    browser.check_page("account-password-strong").await;
    change("a-wrong-password").await;
    browser.wait_for_css("[data-refusals]").await;
    browser.check_page("account-password-refused").await;
    browser.click_text("Show present password").await;
    change(PASSWORD).await;
    browser.wait_for_text("Your password was changed").await;
    sign_out(&browser).await;
    browser.click_text("Sign in again").await;
    sign_in(&browser, "ana@acme.example", "lantern-opera-forest").await;
    browser.wait_for_path("/o/acme/account").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    browser.click_text("My account").await;
    browser.wait_for_text("Set by your administrators").await;
    browser.click_text("API tokens").await;
    browser.wait_for_text("No tokens yet").await;
    browser.check_page("tokens-empty").await;
    browser.click_text("Create token").await;
    browser.wait_for_text("Create an API token").await;
    browser.check_page("token-create").await;
    browser.fill("Valid for", "999").await;
    browser.click_text("Create token").await;
    browser.wait_for_css("dialog [data-refusals]").await;
    browser.check_page("token-create-refused").await;
    browser.fill("Name", "Nightly export").await;
    browser.fill("Valid for", "30").await;
    browser.tick("user:list").await;
    browser.tick("user:read").await;
    browser.click_text("Create token").await;
    browser.wait_for_text("“Nightly export” was created").await;
    browser.check_page("token-created").await;
    let secret = browser.text(".secret-value code").await;
    assert!(secret.starts_with("mst_pat_"), "{secret}");
    browser.click_text("Go on to the tokens").await;
    browser.wait_for_text("Nightly export").await;
    browser.wait_for_no_text(&secret).await;
    browser.check_page("tokens").await;

    assert_eq!(site.list_with(&secret).await, 200);
    browser.click_text("Revoke Nightly export").await;
    browser.wait_for_text("Revoke “Nightly export”?").await;
    browser.check_page("token-revoke").await;
    browser.click_text("Revoke token").await;
    browser.wait_for_text("The token was revoked").await;
    browser.wait_for_text("No tokens yet").await;
    assert_eq!(site.list_with(&secret).await, 401);
    browser.finish().await;
}
