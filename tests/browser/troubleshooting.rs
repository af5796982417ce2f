//! Why somebody can't sign in: what the user's page says, for each cause, and the way out.

use std::time::Duration;

use app::{
    invitations::{NewInvitation, Terms},
    mail::Outcome,
    signin::Attempt,
};
use model::{Action, UserFields, device::ClientHints};

use crate::{
    browser::Browser,
    support::{PASSWORD, Site, more, open, sign_in},
};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn troubleshooting() {
    let site = Site::with_company().await;
    let browser = site.owner().await;
    for (email, cause, way_out) in [
        ("amara.diallo", "Suspended:", "Reactivate"),
        ("grace.achieng", "Deprovisioned:", "Rehire"),
        ("liam.walker", "In the trash", "Restore"),
        ("ngozi.eze", "Not activated yet", "Activate"),
    ] {
        let id = site.id_of(&format!("{email}@acme.example")).await;
        browser.goto(&format!("/o/acme/users/{id}")).await;
        browser.wait_for_text(cause).await;
        assert!(browser.texts(".page-actions a").await.contains(&way_out.to_owned()), "{cause}");
    }
    let ana = site.id_of("ana.muller").await;
    let lock = Action::Lock { until: None, note: String::new() };
    let (operator, org) = (site.operator().await, site.org().await);
    Box::pin(site.app.transition(&operator, &org, ana, lock, None)).await.expect("locked");
    browser.goto(&format!("/o/acme/users/{ana}")).await;
    browser.wait_for_text("Locked by an administrator").await;
    explained(&browser).await;
    unlock(&browser).await;

    guess(&site, "ana.muller").await;
    browser.goto(&format!("/o/acme/users/{ana}")).await;
    browser.wait_for_text("Too many wrong passwords").await;
    browser.check_page("user-password-locked").await;
    unlock(&browser).await;
    browser.wait_for_no_text("Too many wrong passwords").await;

    invited(&site, &browser).await;
    forgotten(&site, &browser).await;
    to_be_changed(&site, &browser).await;
    too_late(&site, browser).await;
}

/// Under the banner, which says the same in short, and on a page of its own behind the menu.
async fn explained(browser: &Browser) {
    browser.click(".explanation summary").await;
    browser.wait_for_text("They sign in at").await;
    browser.check_page("user-explained").await;
    browser.click_text("More actions").await;
    browser.wait_for_text("Why can't they sign in?").await;
    browser.click("#user-menu [href$='/sign-in-explanation']").await;
    browser.wait_for_text("By the operator on").await;
    browser.check_page("explanation").await;
    browser.click_text("Profile").await;
    browser.wait_for_text("Identity").await;
}

/// Somebody invited whose mail did not arrive: the reason, and the invitation sent again.
async fn invited(site: &Site, browser: &Browser) {
    let fields = UserFields { email: Some("ines.costa@acme.example".to_owned()), ..UserFields::default() };
    let new = NewInvitation { fields, roles: Vec::new(), groups: Vec::new(), terms: Terms::default() };
    let mailbox = site.app.carrier().mailbox().expect("a mailbox");
    let full = Outcome::Failed("552 5.2.2 the mailbox is full".to_owned());
    mailbox.answer("ines.costa@acme.example", Some(full));
    let (operator, org) = (site.operator().await, site.org().await);
    let (invited, _) = Box::pin(site.app.invite(&operator, &org, new)).await.expect("invited");
    site.app.send_due().await.expect("tried");
    mailbox.answer("ines.costa@acme.example", None);
    browser.goto(&format!("/o/acme/users/{}", invited.person.user.id)).await;
    browser.wait_for_text("552 5.2.2 the mailbox is full").await;
    browser.click(".explanation summary").await;
    browser.wait_for_text("The invitation could not be delivered").await;
    browser.check_page("user-undelivered").await;
    browser.click_text("Send the invitation again").await;
    browser.wait_for_text("The old link stops working at once").await;
    browser.check_page("invite-again").await;
    browser.click_text("Resend invitation").await;
    browser.wait_for_text("was sent again").await;
    site.app.send_due().await.expect("sent");
    let taken = mailbox.letters().iter().filter(|letter| letter.to == "ines.costa@acme.example").count();
    assert_eq!(taken, 1);
}

async fn unlock(browser: &Browser) {
    browser.click_text("Unlock").await;
    browser.wait_for_text("Unlock Ana Müller?").await;
    browser.click_text("Unlock").await;
    browser.wait_for_text("Ana Müller was unlocked").await;
}

/// Somebody guesses a password from many addresses.
async fn guess(site: &Site, identifier: &str) {
    let org = site.org().await;
    for place in 0..20 {
        let attempt = Attempt {
            identifier: identifier.to_owned(),
            password: "a-guess-among-many".to_owned(),
            remember: false,
            address: format!("203.0.113.{place}"),
            user_agent: String::new(),
            hints: ClientHints::default(),
            request_id: String::new(),
            devices: Vec::new(),
            earlier: None,
        };
        Box::pin(site.app.sign_in(&org, attempt)).await.expect_err("it was a guess");
    }
}

/// A forgotten password: a temporary one is handed over, and works once.
async fn forgotten(site: &Site, browser: &Browser) {
    open(browser, "ana.muller").await;
    more(browser, "Set temporary password…").await;
    browser.wait_for_text("The present password of Ana Müller stops working").await;
    browser.check_page("set-password").await;
    browser.tick("Generate one").await;
    browser.click_text("Set password").await;
    browser.wait_for_text("A temporary password for Ana Müller").await;
    browser.check_page("password-set").await;
    let temporary = browser.text(".secret-value code").await;
    browser.click_text("Go on to Ana Müller").await;
    browser.wait_for_text("A temporary password is out").await;
    let ana = site.visitor().await;
    ana.expect_in_console("422");
    sign_in(&ana, "ana.muller", PASSWORD).await;
    ana.wait_for_text("That did not work").await;
    sign_in(&ana, "ana.muller", &temporary).await;
    ana.wait_for_text("Choose a new password").await;
    ana.finish().await;
}

/// Another password must be chosen, by somebody who goes on working until then.
async fn to_be_changed(site: &Site, browser: &Browser) {
    site.person("Bo", "King", &[]).await;
    let bo = site.visitor().await;
    sign_in(&bo, "bo.king", PASSWORD).await;
    bo.wait_for_path("/o/acme/account").await;
    open(browser, "bo.king").await;
    more(browser, "Require password change…").await;
    browser.wait_for_text("choose another password?").await;
    browser.check_page("require-change").await;
    browser.click_text("Require a change").await;
    browser.wait_for_text("Another password must be chosen").await;
    browser.check_page("change-required").await;
    bo.click_text("My account").await;
    bo.wait_for_text("Choose a new password").await;
    bo.wait_for_text("your administrator asks you").await;
    bo.fill("Present password", PASSWORD).await;
    bo.fill("New password", "lantern-opera-forest").await;
    bo.fill("New password again", "lantern-opera-forest").await;
    bo.click_text("Change password and go on").await;
    bo.wait_for_text("Your password was changed").await;
    bo.finish().await;
}

/// What has run out while nobody looked.
async fn too_late(site: &Site, browser: Browser) {
    let zoe = site.id_of("zoe.ruiz").await;
    let until = site.app.now().plus(HOUR);
    site.change(zoe, "valid_until", &until.to_string()).await;
    site.later(100 * HOUR);
    browser.goto("/o/acme/users?q=zoe").await;
    browser.wait_for_text("Your session has ended").await;
    sign_in(&browser, "olivia.owner", PASSWORD).await;
    browser.click(".row-link").await;
    browser.wait_for_text("The end date has passed").await;
    browser.check_page("user-too-late").await;
    browser.click_text("Edit").await;
    browser.fill("Valid until", "2036-01-31T18:00").await;
    browser.click_text("Save changes").await;
    browser.wait_for_no_text("The end date has passed").await;
    open(&browser, "ana.muller").await;
    browser.wait_for_text("The temporary password has ended").await;
    more(&browser, "Set temporary password…").await;
    browser.click_text("Set password").await;
    browser.wait_for_text("it is shown this once").await;
    browser.finish().await;
}
