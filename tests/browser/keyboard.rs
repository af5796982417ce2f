//! Without a mouse: the list, the menus, the dialogs and the palette by keys alone.

use crate::support::{PASSWORD, Site};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_by_keys() {
    let site = Site::with_company().await;
    let browser = site.visitor().await;
    browser.wait_for_focus("Username or email").await;
    browser.type_text("olivia.owner").await;
    browser.press("Tab").await;
    browser.type_text(PASSWORD).await;
    browser.press("Enter").await;
    browser.wait_for_path("/o/acme/users").await;

    browser.press("Tab").await;
    browser.wait_for_focus("Skip to content").await;
    browser.check_page("skip-link").await;
    browser.press("/").await;
    browser.wait_for_focus("Search users").await;
    browser.type_text("o").await;
    browser.wait_for_path("/o/acme/users?q=o").await;
    browser.press("Tab").await;
    browser.press("j").await;
    browser.press("j").await;
    browser.press("k").await;
    let names = browser.texts(".row-link b").await;
    browser.wait_for_focus(&names[0]).await;
    browser.check_page("row-focused").await;
    browser.press("e").await;
    browser.wait_for_text("Save changes").await;
    browser.press("Escape").await;
    browser.back().await;
    browser.wait_for_path("/o/acme/users?q=o").await;
    browser.press("j").await;
    browser.press("Enter").await;
    browser.wait_for_text("Identity").await;
    assert!(browser.text("h1").await.contains(names[0].as_str()));
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_menu_and_its_dialog() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.goto("/o/acme/users?q=chidi").await;
    browser.press("j").await;
    browser.wait_for_focus("Chidi Okafor").await;
    browser.press("Tab").await;
    browser.wait_for_focus("Actions for Chidi Okafor").await;
    browser.press("ArrowDown").await;
    browser.wait_for_focus("View profile").await;
    browser.press("ArrowDown").await;
    browser.wait_for_focus("Active sessions").await;
    browser.press("Escape").await;
    browser.wait_for_focus("Actions for Chidi Okafor").await;
    browser.press("Enter").await;
    browser.press("End").await;
    browser.wait_for_focus("Deprovision…").await;
    browser.press("ArrowUp").await;
    browser.wait_for_focus("Suspend…").await;
    browser.press("Enter").await;
    browser.wait_for_focus("Reason").await;
    browser.press("Escape").await;
    browser.wait_for_no_text("Suspend Chidi Okafor?").await;
    browser.wait_for_focus("Actions for Chidi Okafor").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_palette_jumps_and_searches() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.press("Control+k").await;
    browser.wait_for_focus("Search or jump to").await;
    browser.check_page("palette").await;
    browser.type_text("amara").await;
    browser.wait_for_text("amara.diallo@acme.example").await;
    browser.check_page("palette-people").await;
    browser.press("Enter").await;
    browser.wait_for_text("Suspended: on leave").await;

    browser.press("Control+k").await;
    browser.wait_for_focus("Search or jump to").await;
    browser.type_text("setti").await;
    browser.press("Enter").await;
    browser.wait_for_path("/o/acme/settings").await;
    // Keys that come before the page's script is there are nobody's.
    browser.goto("/o/acme/settings").await;
    browser.press("Control+k").await;
    browser.wait_for_focus("Search or jump to").await;
    browser.press("Escape").await;
    browser.wait_for_no_text("choose").await;
    browser.wait_for_no_focus().await;
    browser.press("?").await;
    browser.wait_for_text("Keyboard shortcuts").await;
    browser.check_page("shortcuts").await;
    browser.tick("Single keys work as shortcuts").await;
    browser.press("Escape").await;
    browser.goto("/o/acme/users").await;
    browser.press("j").await;
    assert_eq!(browser.focused().await, "");
    browser.finish().await;
}
