//! Inviting people: from the address in the box to the first page that they see, and what can be done in between.

use std::time::Duration;

use app::mail::Letter;

use crate::{
    browser::{Browser, Look},
    support::{PASSWORD, Site, open, sign_out},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The newest mail to an address, after all that is due was sent.
async fn mail_to(site: &Site, address: &str) -> Letter {
    while Box::pin(site.app.send_due()).await.expect("mail is sent") > 0 {}
    let letters = site.app.carrier().mailbox().expect("a mailbox").letters();
    letters.into_iter().find(|letter| letter.to == address).unwrap_or_else(|| panic!("no mail to {address}"))
}

/// The address of the link in a mail.
fn link(letter: &Letter) -> String {
    letter.text.lines().find(|line| line.contains("/invitation/")).expect("a link").to_owned()
}

async fn accept(browser: &Browser, given: &str) {
    browser.fill("Given name", given).await;
    browser.fill("Password", PASSWORD).await;
    browser.fill("Password again", PASSWORD).await;
    browser.click_text("Accept and sign in").await;
    browser.wait_for_text("Welcome. Your password is set").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inviting() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    browser.expect_in_console("410");
    browser.click_text("Users").await;
    browser.click_text("Invite").await;
    browser.wait_for_focus("Email addresses").await;
    browser.wait_for_text("The invitation lasts").await;
    browser.wait_for_text("The account ends").await;
    browser.check_page("invite").await;
    browser.fill("Email addresses", "ana@acme.example").await;
    browser.wait_for_text("Roles").await;
    browser.tick("Helpdesk").await;
    browser.fill("Message", "See you on Monday.").await;
    browser.click_text("Send invitations").await;
    browser.wait_for_text("The invitation is out").await;
    mail_to(&site, "ana@acme.example").await;
    browser.check_page("user-invited").await;

    // Sent again, reminded, and copied.
    browser.click_text("Resend invitation…").await;
    browser.wait_for_text("The old link stops working at once").await;
    browser.check_page("invitation-resend").await;
    browser.click_text("Resend invitation").await;
    browser.wait_for_text("was sent again").await;
    browser.click_text("Remind now…").await;
    browser.click_text("Remind now").await;
    browser.wait_for_text("was reminded").await;
    browser.click_text("Copy link…").await;
    browser.wait_for_text("recorded in the audit log").await;
    browser.click_text("Show the link").await;
    browser.wait_for_text("It works once").await;
    browser.check_page("invitation-link").await;
    let copied = browser.text(".secret-value code").await;
    browser.click_text("Go on to ana").await;

    // The invitee, who has nothing but the mail.
    sign_out(&browser).await;
    browser.goto(&copied).await;
    browser.wait_for_text("Join Acme").await;
    browser.wait_for_text("See you on Monday.").await;
    browser.check_page("invitation-accept").await;
    browser.fill("Given name", "Ana").await;
    browser.fill("Family name", "Silva").await;
    browser.fill("Password", "short").await;
    browser.fill("Password again", "short").await;
    browser.click_text("Accept and sign in").await;
    browser.wait_for_text("Use at least 12 characters").await;
    assert_eq!(browser.value("Family name").await, "Silva");
    browser.check_page("invitation-refused").await;
    accept(&browser, "Ana").await;
    browser.check_page("invitation-accepted").await;
    sign_out(&browser).await;
    browser.goto(&copied).await;
    browser.wait_for_text("This invitation was accepted already").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    browser.goto("/o/acme/invitations/new").await;
    let list = "eva@acme.example, Bo Okafor <bo@acme.example>\nana.muller@acme.example\nno address";
    browser.fill("Email addresses", list).await;
    browser.click_text("Send invitations").await;
    browser.wait_for_text("2 people were invited, 2 not").await;
    browser.wait_for_text("There already").await;
    browser.wait_for_text("Not invited").await;
    assert_eq!(browser.value("Email addresses").await, "ana.muller@acme.example\nno address");
    browser.check_page("invite-verdicts").await;
    browser.fill("Email addresses", "eva@acme.example, new@acme.example").await;
    browser.click_text("Send invitations").await;
    browser.wait_for_text("Invited before").await;
    browser.wait_for_text("Send again").await;
    browser.click(".verdicts li:first-child a").await;
    browser.wait_for_text("The invitation is out").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_and_what_has_expired() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("410");
    browser.click_text("Invitations").await;
    browser.wait_for_text("Pending").await;
    browser.wait_for_text("Nobody was invited yet").await;
    browser.check_page("invitations-empty").await;
    browser.goto("/o/acme/invitations/new").await;
    browser.fill("Email addresses", "ana@acme.example, bo@acme.example, typo@acme.invalid").await;
    browser.click_text("Send invitations").await;
    browser.wait_for_text("3 people were invited").await;
    let old = link(&mail_to(&site, "ana@acme.example").await);
    browser.click_text("All invitations").await;
    browser.wait_for_text("2 pending").await;
    browser.wait_for_text("Expires within 48 h").await;
    browser.wait_for_text("Older than 3 days").await;
    browser.check_page("invitations").await;
    browser.click_text("Undeliverable").await;
    browser.wait_for_no_text("bo@acme.example").await;
    browser.wait_for_text("this domain does not exist").await;
    assert_eq!(browser.texts(".row-link small").await, ["typo@acme.invalid"]);
    browser.click("tbody .icon-button").await;
    browser.click_text("Cancel invitation…").await;
    browser.wait_for_text("The links that were sent are dead at once").await;
    browser.check_page("invitation-cancel").await;
    browser.click_text("Cancel invitation").await;
    browser.wait_for_text("was cancelled").await;

    // A week later: everything has expired; the invitee asks alone, the administrator for all.
    site.later(7 * DAY);
    let visitor = Browser::start(Look::DESK).await;
    visitor.expect_in_console("410");
    visitor.goto(&old).await;
    visitor.wait_for_text("This invitation has expired").await;
    visitor.check_page("invitation-expired").await;
    visitor.click_text("Send me a new link").await;
    visitor.wait_for_text("Look into your mail").await;
    visitor.check_page("invitation-renewed").await;
    visitor.goto(&link(&mail_to(&site, "ana@acme.example").await)).await;
    accept(&visitor, "Ana").await;
    visitor.finish().await;

    let browser = {
        browser.finish().await;
        site.owner().await
    };
    browser.goto("/o/acme/invitations").await;
    browser.click_text("Expired").await;
    browser.wait_for_text("1 invitation").await;
    browser.check_page("invitations-expired").await;
    browser.click_text("Resend all expired").await;
    browser.wait_for_text("Resend 1 expired invitation?").await;
    browser.click_text("Resend").await;
    browser.wait_for_text("1 invitation was sent again").await;
    browser.check_page("invitations-resent").await;
    open(&browser, "bo@acme.example").await;
    browser.wait_for_text("The invitation is out").await;
    browser.finish().await;
}
