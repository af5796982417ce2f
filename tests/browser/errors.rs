//! What is shown where there is nothing, or nothing for this person.

use crate::support::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_are_not_there() {
    let site = Site::new().await;
    site.other_org("Globex", "globex").await;
    let browser = site.owner().await;
    browser.expect_in_console("404");
    browser.goto("/o/acme/users/0191e2f4-0000-7000-8000-000000000000").await;
    browser.wait_for_text("Nothing here").await;
    browser.check_page("error-404").await;
    browser.click_text("To the start page").await;
    browser.wait_for_path("/o/acme/users").await;
    // No such organization looks as any page that is not there.
    browser.goto("/o/nowhere/users").await;
    browser.wait_for_text("Nothing here").await;
    browser.goto("/anything").await;
    browser.wait_for_text("Nothing here").await;
    browser.goto("/setup/used-long-ago").await;
    browser.wait_for_css("h1").await;
    browser.check_page("error-setup").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_is_out_of_date() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("409");
    let chidi = site.id_of("chidi.okafor").await;
    browser.goto(&format!("/o/acme/users/{chidi}")).await;
    site.suspend(chidi).await;
    // The page still offers what was possible; asking for it says how things stand.
    browser.click_text("More actions").await;
    browser.click_text("Suspend…").await;
    browser.wait_for_text("not possible").await;
    browser.check_page("error-not-possible").await;
    browser.finish().await;
}
