//! All that is held on a person: prepared, downloaded, and what is left to show when it was erased.

use crate::support::{Site, more, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_about_a_person() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    open(&browser, "amara").await;
    browser.click_text("Data").await;
    browser.wait_for_text("All that is held on Amara Diallo").await;
    browser.check_page("data").await;
    browser.click_text("Prepare the data").await;
    browser.wait_for_text("The data is being put together").await;
    browser.check_page("data-queued").await;
    while site.app.work_once().await.expect("the worker") > 0 {}
    let address = browser.path().await;
    browser.goto(&address).await;
    browser.wait_for_text("The data is ready").await;
    browser.wait_for_text("Download the data").await;
    browser.wait_for_text("Prepare again").await;
    browser.check_page("data-ready").await;

    // One's own.
    browser.click_text("My account").await;
    browser.click_text("Data").await;
    browser.wait_for_text("All that is held on you").await;
    browser.check_page("account-data").await;

    // Erased, with a receipt.
    open(&browser, "amara").await;
    more(&browser, "Delete…").await;
    browser.fill("Type the email to confirm", "amara.diallo@acme.example").await;
    browser.click_text("Delete user").await;
    browser.wait_for_text("Can be restored until").await;
    more(&browser, "Delete permanently…").await;
    browser.fill("Type the email to confirm", "amara.diallo@acme.example").await;
    browser.click_text("Delete permanently").await;
    browser.wait_for_text("Receipt of an erasure").await;
    browser.wait_for_text("What was removed").await;
    browser.wait_for_text("Download as text").await;
    browser.wait_for_text("Download as JSON").await;
    browser.check_page("erasure").await;
    browser.finish().await;
}
