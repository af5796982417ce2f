//! Nothing that somebody typed, or is shown only once, is lost by one key, by a session that ended, or by a menu that hangs
//! out of the window.

use serde_json::{Value, json};

use crate::{
    browser::{Browser, Look},
    support::{OWNER, PASSWORD, Site},
};

/// Signs the page's own browser in again, without leaving the page: what a new tab does.
const SIGN_IN: &str =
    "const body = new URLSearchParams({ identifier: arguments[0], password: arguments[1] });
    return fetch('/o/acme/sign-in', { method: 'POST', body }).then((answer) => answer.status);";

async fn is_asked_before_leaving(browser: &Browser) -> bool {
    let asks = "return !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));";
    browser.run(asks, vec![]).await == Value::Bool(true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn menus_stay_in_the_window() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    for (width, height) in [(1280, 800), (1024, 640), (390, 700)] {
        browser.set_look(Look { dark: false, width, height }).await;
        browser.goto("/o/acme/users?page_size=50").await;
        let measured = "const rows = [...document.querySelectorAll('tbody .row-end button')];
            return rows.map((button) => {
                button.scrollIntoView({ block: 'nearest' });
                button.click();
                const menu = document.getElementById(button.getAttribute('popovertarget'));
                const box = menu.getBoundingClientRect();
                const items = menu.querySelectorAll('.menu-item').length;
                menu.hidePopover();
                return [box.top, box.bottom, box.left, box.right, items];
            });";
        let rows: Vec<[f64; 5]> = serde_json::from_value(browser.run(measured, vec![]).await).expect("rows");
        assert_eq!(rows.len(), 29);
        for (row, [top, bottom, left, right, items]) in rows.into_iter().enumerate() {
            let (width, height) = (f64::from(width), f64::from(height));
            assert!(
                top >= 0.0 && bottom <= height && left >= 0.0 && right <= width,
                "row {row} at {width}: {top} {bottom} {left} {right}"
            );
            assert!(items <= 11.0, "row {row}: {items} entries");
        }
    }
    browser.set_look(Look::DESK).await;
    browser.goto("/o/acme/users?q=chidi").await;
    browser.click_text("Actions for Chidi Okafor").await;
    browser.click_text("Roles and groups…").await;
    browser.wait_for_text("Roles and groups of Chidi Okafor").await;
    browser.check_page("roles-and-groups").await;
    browser.click_text("Change groups…").await;
    browser.wait_for_text("There is no group that you could put anybody into").await;
    browser.press("Escape").await;
    browser.wait_for_focus("Actions for Chidi Okafor").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_once_is_not_lost_by_a_key() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.goto("/o/acme/users?q=chidi").await;
    browser.click_text("Actions for Chidi Okafor").await;
    browser.click_text("Reset password…").await;
    browser.wait_for_text("Reset the password of Chidi Okafor").await;
    browser.click_text("Set temporary password…").await;
    browser.wait_for_text("Set a temporary password").await;
    browser.click_text("Set password").await;
    browser.wait_for_text("A temporary password for Chidi Okafor").await;
    let password = browser.text(".secret-value code").await;
    for key in ["Enter", "Escape", "Escape", " ", "Backspace", "j", "e"] {
        browser.press(key).await;
    }
    assert_eq!(browser.text("dialog[open] .secret-value code").await, password);
    assert!(is_asked_before_leaving(&browser).await);
    // Where the clipboard is kept from a page, the text is selected, and it is said what to press.
    browser
        .run("Object.defineProperty(navigator, 'clipboard', { value: undefined }); return 1;", vec![])
        .await;
    browser.click_text("Copy").await;
    browser.wait_for_text("Selected. Press Ctrl C to copy it.").await;
    assert_eq!(browser.run("return String(getSelection());", vec![]).await, json!(password));
    browser.check_page("copy-without-clipboard").await;
    browser.click_text("Go on to Chidi Okafor").await;
    browser.wait_for_text("A temporary password is out").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialog_survives_the_end_of_its_session() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("401");
    browser.expect_in_console("422");
    browser.goto("/o/acme/users?q=chidi").await;
    browser.click_text("Actions for Chidi Okafor").await;
    browser.click_text("Suspend…").await;
    browser.wait_for_text("Suspend Chidi Okafor?").await;
    browser.select("Reason", "On leave").await;
    browser.fill("Note", "Back in spring").await;
    assert!(is_asked_before_leaving(&browser).await);
    browser.forget_cookies().await;
    browser.click_text("Suspend").await;
    browser.wait_for_text("You were signed out.").await;
    assert_eq!(browser.value("Note").await, "Back in spring");
    browser.check_page("dialog-signed-out").await;
    assert_eq!(browser.run(SIGN_IN, vec![json!(OWNER), json!(PASSWORD)]).await, json!(200));
    browser.click_text("Suspend").await;
    browser.wait_for_text("Look once more, then save").await;
    assert_eq!(browser.value("Note").await, "Back in spring");
    browser.check_page("dialog-look-once-more").await;
    browser.click_text("Suspend").await;
    browser.wait_for_text("Chidi Okafor was suspended").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_survives_the_end_of_its_session() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.expect_in_console("401");
    browser.expect_in_console("422");
    let chidi = site.id_of("chidi.okafor@acme.example").await;
    browser.goto(&format!("/o/acme/users/{chidi}/edit")).await;
    browser.fill("Title", "Harbour master").await;
    assert!(is_asked_before_leaving(&browser).await);
    browser.forget_cookies().await;
    browser.click_text("Save changes").await;
    browser.wait_for_text("You were signed out").await;
    browser.check_page("page-signed-out").await;
    assert_eq!(browser.run(SIGN_IN, vec![json!(OWNER), json!(PASSWORD)]).await, json!(200));
    browser.click_text("Continue").await;
    browser.wait_for_text("Look once more, then save").await;
    assert_eq!(browser.value("Title").await, "Harbour master");
    browser.click_text("Save changes").await;
    browser.wait_for_text("The changes to Chidi Okafor were saved").await;
    browser.wait_for_text("Harbour master").await;
    assert!(!is_asked_before_leaving(&browser).await);
    browser.finish().await;
}

/// Enter and the arrows belong to an input method while it puts a word together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_palette_leaves_keys_to_input_methods_and_finds_more_than_people() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.press("Control+k").await;
    browser.wait_for_focus("Search or jump to").await;
    browser.type_text("amara").await;
    browser.wait_for_css("#palette-list [role=option] .avatar").await;
    let confirm = "const input = document.getElementById('palette-input');
        for (const key of ['ArrowDown', 'Enter']) {
            input.dispatchEvent(new KeyboardEvent('keydown', { key, isComposing: true, bubbles: true, cancelable: true }));
            input.dispatchEvent(new KeyboardEvent('keydown', { key, keyCode: 229, bubbles: true, cancelable: true }));
        }
        return document.querySelectorAll('#palette-list [role=option]')[0].getAttribute('aria-selected');";
    assert_eq!(browser.run(confirm, vec![]).await, json!("true"));
    browser.wait_for_path("/o/acme/users").await;
    browser.press("Control+a").await;
    browser.type_text("helpd").await;
    browser.wait_for_text("Helpdesk").await;
    browser.press("Control+a").await;
    browser.type_text("my sess").await;
    browser.wait_for_text("My sessions").await;
    browser.check_page("palette-pages").await;
    browser.press("Enter").await;
    browser.wait_for_path("/o/acme/account/sessions").await;
    // The key that is a K on a Latin keyboard, whatever stands on it.
    let cyrillic = "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'л', code: 'KeyK', ctrlKey: true, bubbles: true, cancelable: true }));
        return document.getElementById('palette').open;";
    assert_eq!(browser.run(cyrillic, vec![]).await, json!(true));
    browser.finish().await;
}
