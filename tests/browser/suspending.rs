//! Blocking somebody for a while or for good, and taking it back: suspend, lock, deprovision.

use crate::support::{PASSWORD, Site, more, open, sign_in};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspending() {
    let site = Site::with_company().await;
    site.person("Bruno", "Bianchi", &[model::Role::Auditor]).await;
    let (browser, bruno) = (site.owner().await, site.signed_in("bruno@acme.example").await);
    browser.expect_in_console("422");
    bruno.expect_in_console("422");
    browser.fill("Search users", "bruno").await;
    browser.wait_for_text("1 person").await;
    browser.click_text("Actions for Bruno Bianchi").await;
    browser.click_text("Suspend…").await;
    browser.wait_for_text("Suspend Bruno Bianchi?").await;
    browser.wait_for_focus("Reason").await;
    browser.check_page("suspend").await;
    browser.click_text("Suspend").await;
    browser.wait_for_text("Choose a reason.").await;
    browser.check_page("suspend-refused").await;
    browser.select("Reason", "On leave").await;
    browser.fill("Note", "Back in May.\nAsk Ana about the contracts.").await;
    browser.click_text("Suspend").await;
    browser.wait_for_text("Bruno Bianchi was suspended").await;
    browser.wait_for_text("Suspended").await;
    // What stands above the list is as it is now.
    browser.wait_for_text("24 active · 3 suspended").await;
    browser.check_page("suspended-notice").await;
    // The focus is where it came from.
    browser.wait_for_focus("Actions for Bruno Bianchi").await;
    browser.click(".row-link").await;
    browser.wait_for_text("Suspended: on leave").await;
    browser.wait_for_text("Ask Ana about the contracts.").await;
    browser.check_page("user-suspended").await;
    bruno.click_text("My account").await;
    bruno.wait_for_text("Your session has ended").await;
    sign_in(&bruno, "bruno@acme.example", PASSWORD).await;
    bruno.wait_for_text("ask your administrator").await;

    browser.click_text("Reactivate").await;
    browser.wait_for_text("with password and roles as before").await;
    browser.check_page("reactivate").await;
    browser.click_text("Reactivate").await;
    browser.wait_for_text("Bruno Bianchi was reactivated").await;
    sign_in(&bruno, "bruno@acme.example", PASSWORD).await;
    bruno.wait_for_path("/o/acme/account").await;
    bruno.finish().await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locking() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    open(&browser, "chidi").await;
    more(&browser, "Lock…").await;
    browser.wait_for_text("Lock Chidi Okafor?").await;
    browser.check_page("lock").await;
    browser.fill("Until", "2020-01-01T00:00").await;
    browser.click_text("Lock").await;
    browser.wait_for_text("Choose a time in the future").await;
    browser.check_page("lock-refused").await;
    browser.fill("Until", "2031-01-01T00:00").await;
    browser.fill("Note", "Laptop stolen").await;
    browser.click_text("Lock").await;
    browser.wait_for_text("Chidi Okafor was locked").await;
    browser.wait_for_text("Laptop stolen").await;
    browser.check_page("user-locked").await;
    browser.click_text("Unlock").await;
    browser.wait_for_text("Unlock Chidi Okafor?").await;
    browser.check_page("unlock").await;
    browser.click_text("Unlock").await;
    browser.wait_for_text("Chidi Okafor was unlocked").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deprovisioning() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    open(&browser, "chidi").await;
    more(&browser, "Deprovision…").await;
    browser.wait_for_text("Taken away: Administrator, Auditor").await;
    browser.check_page("deprovision").await;
    browser.select("Reason", "Contract ended").await;
    browser.fill("Note", "Until the next project").await;
    browser.click_text("Deprovision").await;
    browser.wait_for_text("Deprovisioned: contract ended").await;
    browser.check_page("user-deprovisioned").await;
    browser.click_text("Rehire").await;
    browser.wait_for_text("Rehire Chidi Okafor?").await;
    browser.check_page("rehire").await;
    browser.tick("Restore previous roles").await;
    browser.click_text("Rehire").await;
    browser.wait_for_text("Chidi Okafor was reactivated").await;
    browser.wait_for_text("Administrator").await;
    browser.finish().await;
}
