//! Giving and taking roles, and the owner who can't be removed.

use crate::support::{OWNER, Site, more, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    open(&browser, "tama").await;
    more(&browser, "Change roles…").await;
    browser.wait_for_text("Change the roles of Tama Kahurangi").await;
    browser.check_page("change-roles").await;
    browser.tick("Helpdesk").await;
    browser.tick("Auditor").await;
    browser.click_text("Change roles").await;
    browser.wait_for_text("The roles of Tama Kahurangi were changed").await;
    browser.wait_for_text("Given by Olivia Owner").await;
    browser.wait_for_text("Member").await;
    browser.check_page("user-roles").await;
    // The list shows the strongest, and how many more there are.
    browser.goto("/o/acme/users?q=tama").await;
    browser.wait_for_text("+1").await;
    browser.click_text("Actions for Tama Kahurangi").await;
    browser.click_text("Change roles…").await;
    browser.wait_for_text("Change the roles of").await;
    assert!(browser.is_ticked("Helpdesk").await);
    browser.tick("Auditor").await;
    browser.click_text("Change roles").await;
    browser.wait_for_no_text("+1").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_is_always_left() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("409");
    let owner = site.id_of(OWNER).await;
    browser.goto(&format!("/o/acme/users/{owner}")).await;
    more(&browser, "Change roles…").await;
    browser.tick("Owner").await;
    browser.click_text("Change roles").await;
    browser.wait_for_text("owner").await;
    browser.check_page("change-roles-refused").await;
    browser.click_text("Cancel").await;
    more(&browser, "Suspend…").await;
    browser.select("Reason", "Other").await;
    browser.click_text("Suspend").await;
    browser.check_page("suspend-last-owner").await;
    browser.press("Escape").await;
    browser.wait_for_focus("More actions").await;
    browser.finish().await;
}
