//! Mail in the settings: what could not be sent, sending it again, the sender, a test, and how mails read.

use app::{
    invitations::{NewInvitation, Terms},
    mail::Outcome,
};
use model::UserFields;

use crate::support::Site;

async fn invite(site: &Site, email: &str) {
    let fields = UserFields { email: Some(email.to_owned()), ..UserFields::default() };
    let new = NewInvitation { fields, roles: Vec::new(), groups: Vec::new(), terms: Terms::default() };
    let (operator, org) = (site.operator().await, site.org().await);
    Box::pin(site.app.invite(&operator, &org, new)).await.expect("invited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail() {
    let site = Site::new().await;
    let mailbox = site.app.carrier().mailbox().expect("a mailbox");
    let unknown =
        Outcome::Failed("550 5.1.1 there is no such mailbox here, and nobody knows of one".to_owned());
    let busy = Outcome::Deferred("421 4.3.2 too busy, come back later".to_owned());
    mailbox.answer("nobody.in.particular@acme.example", Some(unknown));
    mailbox.answer("busy@acme.example", Some(busy));
    for email in ["nobody.in.particular@acme.example", "busy@acme.example", "ana@acme.example"] {
        invite(&site, email).await;
    }
    site.app.send_due().await.expect("tried");
    let browser = site.owner().await;
    browser.expect_in_console("422");
    browser.click_text("Settings").await;
    browser.click_text("Mail").await;
    browser.wait_for_text("Could not be sent").await;
    browser.wait_for_text("Will be tried again").await;
    browser.check_page("mail").await;

    mailbox.answer("nobody.in.particular@acme.example", None);
    browser.click_text("Send all again").await;
    browser.wait_for_text("It is being sent again").await;
    site.app.send_due().await.expect("sent");
    assert_eq!(mailbox.letters().len(), 2);
    browser.goto("/o/acme/settings/mail").await;
    browser.wait_for_text("Will be tried again").await;
    browser.wait_for_no_text("Could not be sent").await;

    browser.fill("Sender's name", "Acme People").await;
    browser.fill("Answers go to", "nobody").await;
    browser.click_text("Save sender").await;
    browser.wait_for_text("Please look at").await;
    browser.check_page("mail-refused").await;
    browser.fill("Answers go to", "people@acme.example").await;
    browser.click_text("Save sender").await;
    browser.wait_for_text("Saved.").await;

    browser.fill("To", "ana@acme.example").await;
    browser.click_text("Send a test mail").await;
    browser.wait_for_text("A test mail is on its way").await;
    browser.check_page("mails").await;
    site.app.send_due().await.expect("sent");
    assert_eq!(mailbox.letters()[0].reply_to.as_deref(), Some("people@acme.example"));
    browser.click_text("Failed").await;
    browser.wait_for_text("No mails here").await;

    browser.goto("/o/acme/settings/mail").await;
    browser.wait_for_text("How mails read").await;
    browser.click_text("Invitation").await;
    browser.wait_for_text("As plain text").await;
    browser.wait_for_text("Olivia Owner invites you to Acme").await;
    browser.check_page("mail-preview").await;
    browser.finish().await;
}
