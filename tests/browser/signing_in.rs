//! Coming in: finding the organization, signing in, what is refused, the temporary password, a session that ended.

use crate::{
    browser::{Browser, Look},
    support::{OWNER, PASSWORD, Site, sign_in, sign_out},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in() {
    let site = Site::new().await;
    let browser = Browser::start(Look::DESK).await;
    browser.expect_in_console("422");
    browser.goto(&site.url).await;
    browser.wait_for_text("Which organization?").await;
    browser.check_page("organization").await;
    browser.fill("Short name", "acne").await;
    browser.click_text("Continue").await;
    browser.wait_for_text("There is no organization with this short name").await;
    assert_eq!(browser.value("Short name").await, "acne");
    browser.check_page("organization-unknown").await;

    browser.fill("Short name", "acme").await;
    browser.click_text("Continue").await;
    browser.wait_for_text("Forgot your password?").await;
    browser.check_page("sign-in").await;
    sign_in(&browser, "olivia.owner", "not-the-password").await;
    browser.wait_for_text("Check the username or email and the password").await;
    // What was typed stays, but for the password.
    assert_eq!(browser.value("Username or email").await, "olivia.owner");
    assert_eq!(browser.value("Password").await, "");
    browser.check_page("sign-in-refused").await;

    browser.tick("Keep me signed in on this device").await;
    browser.fill("Password", PASSWORD).await;
    browser.click_text("Show password").await;
    browser.click_text("Sign in").await;
    browser.wait_for_path("/o/acme/users").await;
    assert_eq!(browser.text("h1").await, "Users");

    sign_out(&browser).await;
    browser.check_page("signed-out").await;
    // The page of before shows nothing any more.
    browser.goto("/o/acme/users").await;
    browser.wait_for_text("Forgot your password?").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temporary_password_is_changed_first() {
    let site = Site::new().await;
    let ana = site.person("Ana", "Müller", &[]).await;
    let (operator, org) = (site.operator().await, site.org().await);
    let set = Box::pin(site.app.set_temporary_password(&operator, &org, ana, None, None)).await;
    let temporary = set.expect("a password").password.expect("a generated one");
    let browser = site.visitor().await;
    browser.expect_in_console("422");
    sign_in(&browser, "ana@acme.example", &temporary).await;
    browser.wait_for_text("Choose a new password").await;
    browser.check_page("forced-change").await;
    // Nothing else is shown before.
    browser.goto("/o/acme/account").await;
    browser.wait_for_path("/o/acme/change-password").await;

    let choose = async |password: &str, again: &str| {
        browser.fill("Temporary password", &temporary).await;
        browser.fill("New password", password).await;
        browser.fill("New password again", again).await;
        browser.click_text("Change password and go on").await;
    };
    choose("forest-lantern-opera", "forest-lantern-oprea").await;
    browser.wait_for_text("This is not what you typed above").await;
    choose("short", "short").await;
    browser.wait_for_text("Use at least 12 characters").await;
    browser.check_page("forced-change-refused").await;
    choose("forest-lantern-opera", "forest-lantern-opera").await;
    browser.wait_for_path("/o/acme/account").await;
    browser.wait_for_text("Your password was changed").await;

    sign_out(&browser).await;
    browser.click_text("Sign in again").await;
    sign_in(&browser, "ana.muller", "forest-lantern-opera").await;
    browser.wait_for_path("/o/acme/account").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_leads_back_to_the_page_one_was_on() {
    let site = Site::with_company().await;
    let helen = site.person("Helen", "Desk", &[model::Role::UserManager]).await;
    let browser = site.signed_in("helen@acme.example").await;
    browser.click_text("Suspended 2").await;
    browser.wait_for_path("/o/acme/users?status=suspended").await;

    site.suspend(helen).await;
    let (operator, org) = (site.operator().await, site.org().await);
    Box::pin(site.app.reactivate(&operator, &org, helen, None, false, None)).await.expect("reactivated");
    browser.fill("Search users", "amara").await;
    browser.wait_for_text("Your session has ended").await;
    browser.check_page("session-ended").await;
    sign_in(&browser, "helen@acme.example", PASSWORD).await;
    browser.wait_for_path("/o/acme/users?status=suspended&q=amara").await;
    browser.wait_for_text("Amara Diallo").await;
    assert_eq!(browser.texts(".row-link b").await, ["Amara Diallo"]);
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_organizations_in_one_browser() {
    let site = Site::new().await;
    site.other_org("Globex International Trading & Forwarding", "globex").await;
    let browser = site.owner().await;
    browser.goto("/o/globex/").await;
    browser.wait_for_text("Globex").await;
    sign_in(&browser, "otto@globex.example", PASSWORD).await;
    browser.wait_for_path("/o/globex/users").await;
    browser.click(".org-button").await;
    browser.wait_for_text("Sign in to another organization").await;
    browser.check_page("organizations").await;
    browser.click("#org-menu a.menu-item").await;
    browser.wait_for_path("/o/acme/users").await;
    browser.wait_for_text("Olivia Owner").await;

    browser.goto("/").await;
    browser.wait_for_text("Go on where you are signed in").await;
    browser.check_page("organizations-signed-in").await;
    browser.click_text("Acme").await;
    browser.wait_for_path("/o/acme/users").await;
    // Signing out of one leaves the other alone.
    sign_out(&browser).await;
    browser.goto("/o/globex/").await;
    browser.wait_for_path("/o/globex/users").await;
    // Besides the one session, by what the browser is known in each.
    let cookies = browser.cookies().await;
    let (devices, sessions): (Vec<_>, Vec<_>) =
        cookies.iter().partition(|cookie| cookie.name().starts_with("muster-devices-"));
    assert_eq!((devices.len(), sessions.len()), (2, 1));
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tries_are_told() {
    let site = Site::new().await;
    let browser = site.visitor().await;
    browser.expect_in_console("422");
    browser.expect_in_console("429");
    for _ in 0..5 {
        sign_in(&browser, OWNER, "not-the-password").await;
        browser.wait_for_text("That did not work").await;
        browser.goto("/o/acme/sign-in").await;
    }
    sign_in(&browser, OWNER, PASSWORD).await;
    browser.wait_for_text("Too many tries. Wait 15 minutes").await;
    browser.check_page("sign-in-paused").await;
    browser.finish().await;
}
