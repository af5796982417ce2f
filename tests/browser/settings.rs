//! The organization's settings: its rules, its name and its address.

use crate::support::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    browser.click_text("Settings").await;
    browser.wait_for_text("What Acme is called").await;
    browser.check_page("settings").await;
    browser.fill("Name", "Acme & Daughters").await;
    browser.click_text("Save").await;
    browser.wait_for_text("Saved.").await;
    assert!(browser.text(".org-button").await.contains("Acme & Daughters"), "the new name is everywhere");

    browser.click_text("Policies").await;
    browser.wait_for_text("The rules that hold for everyone").await;
    browser.check_page("policies").await;
    browser.fill("Keep deleted users for", "900").await;
    browser.click_text("Save policies").await;
    browser.wait_for_text("Choose a number from 0 to 365").await;
    browser.check_page("policies-refused").await;
    browser.fill("Keep deleted users for", "60").await;
    browser.click_text("Save policies").await;
    browser.wait_for_text("Saved.").await;
    assert_eq!(browser.value("Keep deleted users for").await, "60");

    // Renamed: the old address leads on.
    browser.click_text("General").await;
    browser.fill("New short name", "Acme Daughters").await;
    browser.fill("Type the present short name to confirm", "acme").await;
    browser.click_text("Change the address").await;
    browser.wait_for_text("Write 3 to 40 of the characters").await;
    browser.check_page("rename-refused").await;
    browser.fill("New short name", "acme-daughters").await;
    browser.fill("Type the present short name to confirm", "acme").await;
    browser.click_text("Change the address").await;
    browser.wait_for_text("Address changed").await;
    browser.wait_for_path("/o/acme-daughters/settings").await;
    browser.goto("/o/acme/users?q=olivia").await;
    browser.wait_for_path("/o/acme-daughters/users?q=olivia").await;
    browser.wait_for_text("Olivia Owner").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_only_look_is_told() {
    let site = Site::new().await;
    site.person("Aurel", "Auditor", &[model::Role::Auditor]).await;
    let browser = site.signed_in("aurel@acme.example").await;
    browser.click_text("Settings").await;
    browser.wait_for_text("You may look at this and not change it").await;
    browser.check_page("settings-locked").await;
    browser.click_text("Policies").await;
    browser.wait_for_text("The rules that hold for everyone").await;
    browser.check_page("policies-locked").await;
    browser.finish().await;
}
