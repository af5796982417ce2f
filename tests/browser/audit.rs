//! The audit log: finding an entry, reading it, narrowing the list, exporting.

use crate::support::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audit() {
    let site = Site::with_company().await;
    let tama = site.id_of("tama.kahurangi").await;
    site.change(tama, "title", "Head of Research").await;
    let browser = site.owner().await;
    browser.click_text("Audit log").await;
    browser.wait_for_path("/o/acme/audit").await;
    browser.wait_for_text("Session started").await;
    browser.check_page("audit-log").await;
    browser.click_text("Sign-ins").await;
    browser.wait_for_no_text("User created").await;
    browser.wait_for_text("Session started").await;
    browser.click_text("Failed sign-ins").await;
    browser.wait_for_text("No entry matches").await;
    browser.click_text("People").await;
    browser.wait_for_text("User edited").await;
    browser.click_text("Filter").await;
    browser.fill("About whom", "tama.kahurangi").await;
    browser.click_text("Show").await;
    browser.wait_for_text("About tama.kahurangi").await;
    browser.click(".row-link").await;
    browser.wait_for_text("Head of Research").await;
    browser.wait_for_text("As it was written").await;
    browser.check_page("audit-entry").await;
    browser.back().await;
    browser.click_text("Export").await;
    browser.wait_for_text("CSV, for a spreadsheet").await;
    browser.press("Escape").await;
    browser.click_text("Refused").await;
    browser.wait_for_text("No entry matches").await;
    // How long values are kept is a policy.
    browser.goto("/o/acme/settings").await;
    browser.wait_for_text("Settings").await;
    browser.click_text("Policies").await;
    browser.wait_for_text("Erase names, values and addresses after").await;
    browser.finish().await;
}
