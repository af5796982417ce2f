//! Getting back in: the forgotten password, the link that an administrator sends, unlocking by mail, the forgotten
//! organization.

use app::signin::Attempt;
use model::Role;

use crate::{
    browser::{Browser, Look},
    support::{OWNER, PASSWORD, Site, more, open, sign_in, sign_out},
};

const NEW: &str = "lantern-opera-forest";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovering() {
    let site = Site::new().await;
    site.person("Ana", "Müller", &[]).await;
    let browser = site.visitor().await;
    browser.expect_in_console("410");
    browser.expect_in_console("422");
    browser.click_text("Forgot your password?").await;
    browser.wait_for_text("You get a mail with a link").await;
    browser.check_page("forgot-password").await;
    browser.fill("Username or email", "ana@acme.example").await;
    browser.click_text("Send me a link").await;
    browser.wait_for_text("Look into your mail").await;
    browser.check_page("forgot-password-sent").await;

    let link = site.link_in_mail_to("ana@acme.example", "/reset-password/").await;
    browser.goto(&link).await;
    browser.wait_for_text("Choose a new password").await;
    browser.check_page("reset-password").await;
    let choose = async |password: &str, again: &str| {
        browser.fill("New password", password).await;
        browser.fill("New password again", again).await;
        browser.click_text("Change password and sign in").await;
    };
    choose(NEW, "lantern-opera-forets").await;
    browser.wait_for_text("This is not what you typed above").await;
    browser.check_page("reset-password-refused").await;
    choose(NEW, NEW).await;
    browser.wait_for_text("Your password was changed").await;
    assert_eq!(browser.path().await, "/o/acme/account");
    sign_out(&browser).await;
    browser.goto(&link).await;
    browser.wait_for_text("This link has ended").await;
    browser.check_page("link-ended").await;
    browser.click_text("Ask for a new link").await;
    browser.wait_for_text("You get a mail with a link").await;
    browser.click_text("Back to signing in").await;
    sign_in(&browser, "ana@acme.example", NEW).await;
    browser.wait_for_path("/o/acme/account").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_sends_a_link() {
    let site = Site::new().await;
    site.person("Ana", "Müller", &[]).await;
    site.person("Helen", "Desk", &[Role::Helpdesk]).await;
    let browser = site.signed_in("helen@acme.example").await;
    open(&browser, "Ana").await;
    more(&browser, "Send reset link…").await;
    browser.wait_for_text("Send Ana Müller a link for a new password?").await;
    browser.check_page("send-reset-link").await;
    browser.click_text("Send link").await;
    browser.wait_for_text("A mail is on its way to Ana Müller").await;
    browser.check_page("send-reset-link-done").await;
    let link = site.link_in_mail_to("ana@acme.example", "/reset-password/").await;
    sign_out(&browser).await;
    browser.goto(&link).await;
    browser.wait_for_text("Choose a new password").await;
    browser.fill("New password", NEW).await;
    browser.fill("New password again", NEW).await;
    browser.click_text("Change password and sign in").await;
    browser.wait_for_text("Your password was changed").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unlocking_by_mail() {
    let site = Site::new().await;
    site.person("Ana", "Müller", &[]).await;
    let org = site.org().await;
    for number in 0..20 {
        let attempt = Attempt {
            identifier: "ana@acme.example".to_owned(),
            password: "not-the-password".to_owned(),
            remember: false,
            address: format!("203.0.113.{number}"),
            user_agent: "test".to_owned(),
            hints: model::device::ClientHints::default(),
            request_id: "test".to_owned(),
            devices: Vec::new(),
            earlier: None,
        };
        assert!(Box::pin(site.app.sign_in(&org, attempt)).await.is_err());
    }
    let link = site.link_in_mail_to("ana@acme.example", "/unlock/").await;
    let browser = site.visitor().await;
    browser.goto(&link).await;
    browser.wait_for_text("Unlock your password?").await;
    browser.check_page("unlock").await;
    browser.click_text("Unlock").await;
    browser.wait_for_text("You can sign in with your password again").await;
    browser.check_page("unlocked").await;
    browser.click_text("Sign in").await;
    sign_in(&browser, "ana@acme.example", PASSWORD).await;
    browser.wait_for_path("/o/acme/account").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finding_my_organization() {
    let site = Site::new().await;
    let browser = Browser::start(Look::DESK).await;
    browser.goto(&format!("{}/", site.url)).await;
    browser.wait_for_text("Which organization?").await;
    browser.click_text("Find my organization").await;
    browser.wait_for_text("You get a mail from each organization").await;
    browser.check_page("find-organization").await;
    browser.fill("Your email address", OWNER).await;
    browser.click_text("Send me a mail").await;
    browser.wait_for_text("If you have confirmed this address").await;
    browser.check_page("find-organization-sent").await;
    browser.click_text("To the start page").await;
    browser.wait_for_text("Which organization?").await;
    browser.finish().await;
}
