//! One's own email address: proving it, changing it, taking a change back; and what one is mailed about.

use crate::support::{PASSWORD, Site, sign_in, sign_out};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_email() {
    let site = Site::new().await;
    site.person("Ana", "Müller", &[]).await;
    let browser = site.signed_in("ana@acme.example").await;
    browser.expect_in_console("422");
    browser.click_text("My account").await;
    browser.wait_for_text("Set by your administrators").await;
    browser.click_text("Email").await;
    browser.wait_for_text("ana@acme.example is not confirmed").await;
    browser.check_page("account-email").await;
    browser.click_text("Send verification mail").await;
    browser.wait_for_text("Waiting for you to confirm ana@acme.example").await;
    let link = site.link_in_mail_to("ana@acme.example", "/verify-email/").await;
    browser.goto(&link).await;
    browser.wait_for_text("Is this your address?").await;
    browser.check_page("confirm-address").await;
    browser.click_text("Confirm the address").await;
    browser.wait_for_text("Your address is confirmed").await;
    browser.check_page("address-confirmed").await;
    browser.click_text("To my account").await;
    browser.wait_for_text("At present: ana@acme.example").await;

    browser.fill("New email address", "ana.muller@home.example").await;
    browser.fill("Present password", "not-the-password").await;
    browser.click_text("Send confirmation mail").await;
    browser.wait_for_text("This is not your present password").await;
    browser.check_page("account-email-refused").await;
    assert_eq!(browser.value("New email address").await, "ana.muller@home.example");
    browser.fill("Present password", PASSWORD).await;
    browser.click_text("Send confirmation mail").await;
    browser.wait_for_text("Waiting for you to confirm ana.muller@home.example").await;
    browser.check_page("account-email-pending").await;
    browser.click_text("Cancel this").await;
    browser.wait_for_text("Cancelled.").await;
    browser.fill("New email address", "ana.muller@home.example").await;
    browser.fill("Present password", PASSWORD).await;
    browser.click_text("Send confirmation mail").await;
    browser.wait_for_text("Waiting for you to confirm ana.muller@home.example").await;
    let link = site.link_in_mail_to("ana.muller@home.example", "/verify-email/").await;
    browser.goto(&link).await;
    browser.click_text("Confirm the address").await;
    browser.wait_for_text("ana.muller@home.example is the address of your account now").await;

    browser.click_text("To my account").await;
    browser.wait_for_text("At present: ana.muller@home.example").await;
    browser.tick("I am given an administrator's role").await;
    browser.click_text("Save").await;
    browser.wait_for_text("Saved.").await;
    assert!(!browser.is_ticked("I am given an administrator's role").await);
    sign_out(&browser).await;

    let link = site.link_in_mail_to("ana@acme.example", "/undo-email/").await;
    browser.goto(&link).await;
    browser.wait_for_text("Take the change back").await;
    browser.check_page("undo-address").await;
    browser.fill("New password", "lantern-opera-forest").await;
    browser.fill("New password again", "lantern-opera-forest").await;
    browser.click_text("Take it back and sign in").await;
    browser.wait_for_text("Your password was changed").await;
    sign_out(&browser).await;
    browser.click_text("Sign in again").await;
    sign_in(&browser, "ana@acme.example", "lantern-opera-forest").await;
    browser.wait_for_path("/o/acme/account").await;
    browser.finish().await;
}
