//! The trash: deleting, restoring, and deleting permanently.

use crate::support::{Site, more, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    open(&browser, "amara").await;
    more(&browser, "Delete…").await;
    browser.wait_for_text("Delete Amara Diallo?").await;
    browser.wait_for_text("We recommend 30 days before deleting").await;
    browser.check_page("delete").await;
    // Nothing happens before the email stands there.
    browser.fill("Type the email to confirm", "amara").await;
    browser.click_text("Delete user").await;
    browser.wait_for_text("Delete Amara Diallo?").await;
    browser.fill("Type the email to confirm", "Amara.Diallo@acme.example").await;
    browser.click_text("Delete user").await;
    browser.wait_for_text("Amara Diallo was moved to the trash").await;
    browser.wait_for_text("Can be restored until").await;
    browser.check_page("user-trashed").await;

    // Gone from the list, found under its status.
    browser.goto("/o/acme/users").await;
    browser.fill("Search users", "amara").await;
    browser.wait_for_text("No users match").await;
    browser.click_text("Clear search and filters").await;
    browser.wait_for_text("28 people").await;
    browser.click_text("Status").await;
    browser.click_text("Deleted").await;
    browser.wait_for_text("Amara Diallo").await;
    browser.click_text("Actions for Amara Diallo").await;
    browser.click_text("Restore…").await;
    browser.wait_for_text("comes back as suspended").await;
    browser.check_page("restore").await;
    browser.click_text("Restore").await;
    browser.wait_for_text("Amara Diallo was restored").await;
    browser.wait_for_text("Liam Walker").await;
    assert_eq!(browser.texts(".row-link b").await, ["Liam Walker"]);

    browser.click_text("Actions for Liam Walker").await;
    browser.click_text("Delete permanently…").await;
    browser.wait_for_text("This can't be undone").await;
    browser.check_page("purge").await;
    browser.fill("Type the email to confirm", "liam.walker@acme.example").await;
    browser.click_text("Delete permanently").await;
    browser.wait_for_text("Liam Walker was deleted permanently").await;
    browser.wait_for_text("No users match").await;
    browser.check_page("users-no-status-holder").await;
    browser.finish().await;
}
