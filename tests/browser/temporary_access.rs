//! Giving a role until an end in two clicks, extending it, ending it; and adding one for good.

use crate::support::{Site, more, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn temporary_access() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    open(&browser, "tama").await;
    more(&browser, "Temporary access…").await;
    browser.wait_for_text("Temporary access for Tama Kahurangi").await;
    browser.check_page("temporary-access").await;
    browser.select("Role or group", "Auditor").await;
    browser.select("For how long", "1 day").await;
    browser.fill("Reason", "the yearly audit").await;
    browser.click_text("Give access").await;
    browser.wait_for_text("Tama Kahurangi has the access now").await;
    browser.wait_for_text("the yearly audit").await;
    browser.wait_for_text("ends in 23 hours").await;
    browser.check_page("user-temporary").await;
    browser.click_text("Extend").await;
    browser.wait_for_text("It ends on").await;
    browser.select("By how long", "7 days").await;
    browser.click_text("Extend").await;
    browser.wait_for_text("ends in 7 days").await;
    browser.click_text("End now").await;
    browser.wait_for_text("End Auditor of Tama Kahurangi now?").await;
    browser.check_page("end-access").await;
    browser.click_text("End now").await;
    browser.wait_for_text("Tama Kahurangi lost it at once").await;
    more(&browser, "Add role…").await;
    browser.wait_for_text("Over a group only").await;
    browser.check_page("add-role").await;
    browser.select("Role", "Helpdesk").await;
    browser.click_text("Add role").await;
    browser.wait_for_text("The roles of Tama Kahurangi were changed").await;
    browser.wait_for_text("Helpdesk").await;
    browser.finish().await;
}
