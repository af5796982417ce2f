//! Where people are signed in: one's own page, an administrator's view of somebody, the list of all.

use app::signin::Attempt;
use model::{Role, device::ClientHints};

use crate::{
    browser::Browser,
    support::{PASSWORD, Site, open},
};

const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
const FIREFOX: &str = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
const ANDROID: &str = "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0";

/// Somebody signs in elsewhere.
async fn elsewhere(site: &Site, identifier: &str, address: &str, user_agent: &str) {
    let attempt = Attempt {
        identifier: identifier.to_owned(),
        password: PASSWORD.to_owned(),
        remember: address.ends_with('7'),
        address: address.to_owned(),
        user_agent: user_agent.to_owned(),
        hints: ClientHints::default(),
        request_id: String::new(),
        devices: Vec::new(),
        earlier: None,
    };
    Box::pin(site.app.sign_in(&*site.org().await, attempt)).await.expect("signed in");
}

/// On three devices besides the one on view.
async fn travels(site: &Site, identifier: &str) {
    for (address, user_agent) in
        [("203.0.113.7", EDGE), ("198.51.100.23", SAFARI), ("2001:db8:1::7", FIREFOX)]
    {
        elsewhere(site, identifier, address, user_agent).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions() {
    let site = Site::with_company().await;
    site.person("Bea", "Stone", &[]).await;
    travels(&site, "bea@acme.example").await;
    ones_own(&site).await;
    travels(&site, "bea@acme.example").await;
    for (number, name) in
        ["ana.muller", "li.xiaolong", "wolfeschlegelsteinhausen.bergerdorff"].into_iter().enumerate()
    {
        elsewhere(&site, &format!("{name}@acme.example"), &format!("203.0.113.{}", 40 + number), ANDROID)
            .await;
    }
    let browser = site.owner().await;
    browser.expect_in_console("422");
    somebodys(&browser).await;
    all(&site, &browser).await;
    browser.finish().await;
}

/// Where am I signed in, and who is that?
async fn ones_own(site: &Site) {
    let browser = site.signed_in("bea@acme.example").await;
    browser.click_text("My account").await;
    browser.wait_for_text("Set by your administrators").await;
    browser.click(".tabs a[href$='/sessions']").await;
    browser.wait_for_text("Last active").await;
    for device in [
        "Edge 131",
        "Windows 10",
        "Safari 18.1",
        "iOS 18.1 · iPhone",
        "Firefox 132",
        "Ubuntu",
        "This session",
    ] {
        browser.wait_for_text(device).await;
    }
    browser.check_page("account-sessions").await;
    browser.click_text("Sign out Edge 131 on Windows 10").await;
    browser.wait_for_text("The session has ended").await;
    browser.wait_for_css("main:not(:has([aria-label='Sign out Edge 131 on Windows 10']))").await;
    browser.click_text("Sign out elsewhere").await;
    browser.wait_for_text("Everywhere, also here").await;
    browser.check_page("account-sessions-end").await;
    browser.click_text("Sign out").await;
    browser.wait_for_text("You are signed out everywhere else").await;
    browser.wait_for_css("main:not(:has([aria-label^='Sign out Safari 18.1']))").await;
    browser.wait_for_text("This session").await;
    browser.finish().await;
}

/// An administrator looks at somebody's.
async fn somebodys(browser: &Browser) {
    open(browser, "bea").await;
    browser.click(".tabs a[href$='/sessions']").await;
    browser.wait_for_text("Last active").await;
    browser.check_page("user-sessions").await;
    browser.click_text("End the session Edge 131 on Windows 10").await;
    browser.wait_for_text("End this session?").await;
    browser.check_page("user-session-end").await;
    browser.click_text("End session").await;
    browser.wait_for_text("The session has ended").await;
    browser.wait_for_css("main:not(:has([aria-label='End the session Edge 131 on Windows 10']))").await;
    browser.click_text("Sign out everywhere").await;
    browser.wait_for_text("Every session ends at once").await;
    browser.click_text("Sign out everywhere").await;
    browser.wait_for_text("No open sessions").await;
    browser.check_page("user-sessions-none").await;
}

/// Everybody's, by address.
async fn all(site: &Site, browser: &Browser) {
    site.person("Guard", "Ian", &[Role::SecurityAdministrator]).await;
    browser.click(".navigation a[href$='/acme/sessions']").await;
    browser.wait_for_text("4 sessions of 4 people").await;
    browser.check_page("sessions").await;
    browser.click_text("Platform: All platforms").await;
    browser.click_text("Android").await;
    browser.wait_for_text("3 sessions of 3 people").await;
    browser.click_text("Platform: Android").await;
    browser.check_page("sessions-platforms").await;
    browser.click_text("All platforms").await;
    browser.wait_for_text("4 sessions of 4 people").await;
    browser.fill("Search sessions", "nobody at all").await;
    browser.wait_for_text("Nobody and no address matches").await;
    browser.check_page("sessions-no-match").await;
    browser.fill("Search sessions", "203.0.113.0/24").await;
    browser.wait_for_text("3 sessions of 3 people").await;
    browser.fill("Search sessions", "203.0.113.41").await;
    browser.wait_for_text("1 session of 1 person").await;
    browser.click_text("End all from this address…").await;
    browser.wait_for_text("What the filter finds ends at once").await;
    browser.check_page("sessions-end").await;
    browser.click_text("End sessions").await;
    browser.wait_for_text("The sessions have ended").await;
    browser.wait_for_text("No session matches").await;
    browser.click_text("Clear search and filters").await;
    browser.wait_for_text("3 sessions of 3 people").await;
}
