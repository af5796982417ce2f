//! What somebody may do and where it comes from, why something can't be done, and who can.

use crate::support::{Site, more, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_permissions() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    open(&browser, "tama").await;
    browser.click_text("Access").await;
    browser.wait_for_text("Permissions").await;
    browser.check_page("user-access").await;
    browser.select("Check a permission", "Unlock accounts").await;
    browser.click_text("Check").await;
    browser.wait_for_text("Tama Kahurangi can't unlock accounts").await;
    browser.wait_for_text("These roles would give it, the least first").await;
    browser.check_page("user-access-why").await;
    browser.click_text("Who can do this?").await;
    browser.wait_for_text("Given by:").await;
    browser.check_page("who-can").await;
    browser.select("Who can do this?", "Make, change and remove owners").await;
    browser.click_text("Show").await;
    browser.wait_for_text("Given by: Owner.").await;
    open(&browser, "tama").await;
    more(&browser, "Temporary access…").await;
    browser.select("Role or group", "Helpdesk").await;
    browser.click_text("Give access").await;
    browser.wait_for_text("End now").await;
    browser.click_text("Access").await;
    browser.wait_for_text("Roles").await;
    browser.wait_for_text("Groups").await;
    browser.click_text("Unlock accounts").await;
    browser.wait_for_text("Tama Kahurangi can unlock accounts").await;
    open(&browser, "tama").await;
    browser.click_text("End now").await;
    browser.wait_for_text("Tama Kahurangi loses").await;
    browser.click_text("End now").await;
    browser.wait_for_text("Tama Kahurangi lost it at once").await;
    browser.finish().await;
}
