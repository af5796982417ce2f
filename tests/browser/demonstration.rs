//! What `make run` opens, walked as somebody does who sees Muster for the first time; and the pictures of the guide,
//! which are taken there.
//!
//! `MUSTER_PICTURES=1 cargo test --test browser demonstration` takes them anew.

use std::path::{Path, PathBuf};

use crate::{
    browser::{Browser, Look},
    program::Program,
    support::sign_in,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration() {
    let program = Program::serve(&["--demo"], &[]);
    let browser = Browser::start(Look::DESK).await;
    browser.hide_scrollbars().await;
    browser.goto(&format!("{}/o/demo/users", program.url)).await;
    browser.wait_for_text("A demonstration. Sign in as").await;
    browser.check_page("demo-sign-in").await;
    let lines = browser.texts(".banner .lines").await;
    let after = |word: &str| lines.iter().find_map(|line| line.strip_prefix(word)).expect("who may come in");
    sign_in(&browser, after("Owner: "), after("Password: ")).await;
    browser.wait_for_path("/o/demo/users").await;
    browser.check_page("demo-users").await;
    browser.goto("/o/demo/users?sort=-last_sign_in").await;
    picture(&browser, "users").await;

    browser.goto("/o/demo/users?status=active&q=chen").await;
    browser.click(".row-link").await;
    browser.wait_for_text("Identity").await;
    browser.check_page("demo-user").await;
    picture(&browser, "user").await;
    browser.click_text("Edit").await;
    browser.wait_for_text("Save changes").await;
    picture(&browser, "editing").await;
    watched(&browser).await;
    browser.goto("/o/demo/users?status=active&q=ana").await;
    browser.click("tbody .icon-button").await;
    browser.click_text("Suspend…").await;
    browser.select("Reason", "On leave").await;
    browser.fill("Note", "Back in May.").await;
    picture(&browser, "suspending").await;
    browser.click_text("Cancel").await;
    create(&browser).await;
    mailbox(&browser).await;
    browser.finish().await;
}

/// Where people are signed in, what somebody did, and what is held on them.
async fn watched(browser: &Browser) {
    browser.goto("/o/demo/sessions").await;
    browser.wait_for_text("This session").await;
    picture(browser, "sessions").await;
    browser.goto("/o/demo/audit").await;
    browser.wait_for_text("Session started").await;
    picture(browser, "audit").await;
    browser.goto("/o/demo/account/activity").await;
    browser.wait_for_text("Show the numbers").await;
    picture(browser, "activity").await;
    browser.goto("/o/demo/users?status=active&q=chen").await;
    browser.click(".row-link").await;
    browser.click_text("Data").await;
    browser.wait_for_text("Prepare the data").await;
    picture(browser, "data-about-a-person").await;
}

/// Mail goes nowhere but into the mailbox, where it can be read and clicked.
async fn mailbox(browser: &Browser) {
    browser.click_text("Mailbox").await;
    browser.wait_for_text("All mail of the demonstration").await;
    browser.check_page("mailbox-with-reminders").await;
    browser.goto("/o/demo/settings/mail").await;
    browser.wait_for_text("the mailbox of the demonstration").await;
    browser.fill("To", "ada.okonkwo@example.com").await;
    browser.click_text("Send a test mail").await;
    browser.wait_for_text("A test mail is on its way").await;
    browser.click_text("Mailbox").await;
    let arrived = "A test mail from Lindqvist & Okafor";
    for _ in 0..50 {
        if browser.texts(".letters b").await.iter().any(|subject| subject == arrived) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        browser.click_text("Look again").await;
    }
    browser.wait_for_text(arrived).await;
    browser.check_page("mailbox").await;
    browser.click(".letters a").await;
    browser.wait_for_text("As plain text").await;
    browser.check_page("mailbox-letter").await;
}

async fn create(browser: &Browser) {
    browser.goto("/o/demo/users/new").await;
    browser.fill("Given name", "Ada").await;
    browser.fill("Family name", "Okonkwo").await;
    browser.fill("Email", "ada.okonkwo@example.com").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("Ada Okonkwo was created").await;
    picture(browser, "temporary-password").await;
}

/// The picture of that name in the guide: taken anew if asked for, else only looked for.
async fn picture(browser: &Browser, name: &str) {
    let kept: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/images/{name}.png"));
    if std::env::var_os("MUSTER_PICTURES").is_some() {
        browser.set_look(Look { height: 760, width: 1280, dark: false }).await;
        let taken = browser.screenshot(&format!("guide-{name}")).await;
        browser.set_look(Look::DESK).await;
        std::fs::create_dir_all(kept.parent().expect("a directory")).expect("a place for pictures");
        std::fs::copy(taken, &kept).expect("the picture can be kept");
    }
    let size = std::fs::metadata(&kept).unwrap_or_else(|_| panic!("{} is missing", kept.display())).len();
    assert!(size < 200_000, "{} has {size} bytes", kept.display());
}
