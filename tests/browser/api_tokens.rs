//! Tokens of programs and of everybody: a service user is made and given a token, which is found in the list and revoked.

use crate::support::{Site, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_tokens() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.click_text("Create user").await;
    browser.fill("Username", "payroll").await;
    browser.select("Type", "Service").await;
    browser.fill("Responsible", "ana.muller").await;
    browser.tick("Auditor").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("payroll was created").await;
    open(&browser, "payroll").await;
    browser.goto(&format!("/o/acme/users/{}/tokens", site.id_of("payroll").await)).await;
    browser.wait_for_text("it needs a token to call the API").await;
    browser.check_page("service-tokens-none").await;
    browser.click_text("Create token").await;
    browser.wait_for_text("Create an API token for payroll").await;
    browser.fill("Name", "Nightly export").await;
    browser.fill("Valid for", "10").await;
    browser.tick("user:list").await;
    browser.check_page("service-token-new").await;
    browser.click_text("Create token").await;
    browser.wait_for_text("was created").await;
    let token = browser.text(".secret-value code").await;
    assert_eq!(site.list_with(&token).await, 200);
    browser.click_text("Go on to the tokens").await;
    browser.wait_for_text("Nightly export").await;
    browser.check_page("service-tokens").await;
    browser.click_text("Revoke all tokens").await;
    browser.wait_for_text("Revoke all API tokens of payroll?").await;
    browser.check_page("service-tokens-revoke-all").await;
    browser.click_text("Cancel").await;
    browser.goto("/o/acme/users").await;
    browser.click_text("Settings").await;
    browser.wait_for_text("Policies").await;
    browser.click(".tabs a[href$='/settings/tokens']").await;
    browser.wait_for_text("Nightly export").await;
    browser.check_page("all-tokens").await;
    browser.click_text("Unused for 90 days").await;
    browser.wait_for_text("No such tokens").await;
    browser.click_text("End within 14 days").await;
    browser.wait_for_text("Nightly export").await;
    browser.click_text("Revoke Nightly export").await;
    browser.wait_for_text("Revoke a token of payroll?").await;
    browser.click_text("Revoke token").await;
    browser.wait_for_text("The token was revoked").await;
    assert_eq!(site.list_with(&token).await, 401);
    browser.finish().await;
}
