//! Changing a record: what is refused, and two people who change the same one.

use crate::support::{Site, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn editing() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    open(&browser, "zoe").await;
    browser.wait_for_text("Zoë Ruiz").await;
    browser.check_page("user").await;
    browser.click_text("Edit").await;
    browser.wait_for_text("Save changes").await;
    browser.check_page("edit").await;
    browser.fill("Email", "zoe").await;
    browser.fill("Time zone", "the moon").await;
    browser.click_text("Save changes").await;
    browser.wait_for_text("Write a time zone such as").await;
    browser.check_page("edit-refused").await;
    browser.fill("Email", "zoe.ruiz@acme.example").await;
    browser.fill("Time zone", "Europe/Madrid").await;
    browser.fill("Title", "Head of sales").await;
    browser.fill("City", "Sevilla").await;
    browser.fill("Country", "Spain").await;
    browser.fill("Tags", "remote, spanish-speaking").await;
    browser.fill("Manager", "ana.muller").await;
    browser.fill("Valid until", "2031-01-31T18:00").await;
    browser.fill("Notes", "Prefers to be called\nin the morning.").await;
    browser.click_text("Save changes").await;
    browser.wait_for_text("The changes to Zoë Ruiz were saved").await;
    browser.wait_for_text("Head of sales").await;
    browser.wait_for_text("This account has an end date").await;
    browser.check_page("user-edited").await;
    browser.click_text("Ana Müller").await;
    browser.wait_for_text("Ana Müller").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_change_the_same_record() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("409");
    open(&browser, "minh").await;
    browser.click_text("Edit").await;
    browser.fill("Title", "Team lead").await;
    let minh = site.id_of("minh.nguyen").await;
    site.change(minh, "department", "Customer care").await;
    browser.click_text("Save changes").await;
    browser.wait_for_text("Somebody changed this").await;
    browser.wait_for_text("When you opened it").await;
    // What was typed stays, what the other one changed is taken over.
    assert_eq!(browser.value("Title").await, "Team lead");
    assert_eq!(browser.value("Department").await, "Customer care");
    browser.check_page("edit-conflict").await;
    browser.click_text("Save changes").await;
    browser.wait_for_text("The changes to Minh Nguyễn were saved").await;
    browser.wait_for_text("Customer care").await;
    browser.wait_for_text("Team lead").await;
    browser.finish().await;
}
