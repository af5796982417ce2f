//! The whole life of a person in the console, from the first start of the server to the last trace, on both databases.

use crate::{
    browser::{Browser, Look},
    support::{Engine, PASSWORD, Site, more, sign_in},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_life_on_sqlite() {
    a_whole_life(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_life_on_postgres() {
    a_whole_life(Engine::Postgres).await;
}

async fn a_whole_life(engine: Engine) {
    let site = Site::empty(engine).await;
    let owner = Browser::start(Look::DESK).await;
    owner.expect_in_console("422");
    owner.goto(&site.url).await;
    owner.wait_for_text("There is no organization yet").await;
    owner.goto(&site.set_up_link().await).await;
    set_up(&owner).await;
    let password = hire(&owner).await;

    let ana = Browser::start(Look::DESK).await;
    ana.goto(&format!("{}/o/acme/", site.url)).await;
    sign_in(&ana, "ana.müller", &password).await;
    ana.wait_for_text("Choose a new password").await;
    ana.fill("Temporary password", &password).await;
    ana.fill("New password", PASSWORD).await;
    ana.fill("New password again", PASSWORD).await;
    ana.click_text("Change password and go on").await;
    ana.wait_for_text("2 people").await;

    suspend_and_reactivate(&owner, &ana).await;
    leave_and_return(&owner, &ana).await;
    end(&owner).await;
    ana.finish().await;
    owner.finish().await;
}

/// The organization and its owner.
async fn set_up(owner: &Browser) {
    owner.wait_for_text("Set up your organization").await;
    owner.check_page("set-up").await;
    owner.fill("Organization", "Acme").await;
    owner.fill("Short name", "acme").await;
    owner.fill("Your given name", "Olivia").await;
    owner.fill("Your family name", "Owner").await;
    owner.fill("Your email", "olivia@acme").await;
    owner.fill("Password", PASSWORD).await;
    owner.fill("Password again", PASSWORD).await;
    owner.click_text("Create the organization").await;
    owner.wait_for_text("Write an email address such as").await;
    owner.check_page("set-up-refused").await;
    owner.fill("Your email", "olivia@acme.example").await;
    owner.fill("Password", PASSWORD).await;
    owner.fill("Password again", PASSWORD).await;
    owner.click_text("Create the organization").await;
    owner.wait_for_text("Everything is set up").await;
    owner.check_page("set-up-done").await;
}

/// Ana, with a temporary password, which is answered.
async fn hire(owner: &Browser) -> String {
    owner.click_text("Create user").await;
    owner.fill("Given name", "Ana").await;
    owner.fill("Family name", "Müller").await;
    owner.fill("Username", "ana.müller").await;
    owner.fill("Email", "ana@acme.example").await;
    owner.tick("Auditor").await;
    owner.click_text("Create user").await;
    owner.wait_for_text("Ana Müller was created").await;
    let password = owner.text(".secret-value code").await;
    owner.click_text("Go on to Ana Müller").await;
    owner.wait_for_text("A temporary password is out").await;
    password
}

async fn suspend_and_reactivate(owner: &Browser, ana: &Browser) {
    more(owner, "Suspend…").await;
    owner.wait_for_text("Suspend Ana Müller?").await;
    owner.select("Reason", "On leave").await;
    owner.click_text("Suspend").await;
    owner.wait_for_text("Suspended: on leave").await;
    // The very next request of Ana is refused, and so is a new sign-in.
    ana.click_text("My account").await;
    ana.wait_for_text("Your session has ended").await;
    ana.expect_in_console("422");
    sign_in(ana, "ana.müller", PASSWORD).await;
    ana.wait_for_text("That did not work").await;

    owner.click_text("Reactivate").await;
    owner.wait_for_text("Reactivate Ana Müller?").await;
    owner.click_text("Reactivate").await;
    owner.wait_for_text("Ana Müller was reactivated").await;
    sign_in(ana, "ana.müller", PASSWORD).await;
    ana.wait_for_path("/o/acme/account").await;

    more(owner, "Lock…").await;
    owner.fill("Note", "Phone lost on the train").await;
    owner.click_text("Lock").await;
    owner.wait_for_text("Locked by an administrator").await;
    owner.click_text("Unlock").await;
    owner.wait_for_text("Unlock Ana Müller?").await;
    owner.click_text("Unlock").await;
    owner.wait_for_text("Ana Müller was unlocked").await;
}

async fn leave_and_return(owner: &Browser, ana: &Browser) {
    more(owner, "Deprovision…").await;
    owner.wait_for_text("Taken away: Auditor").await;
    owner.select("Reason", "Has left").await;
    owner.click_text("Deprovision").await;
    owner.wait_for_text("Deprovisioned: has left").await;
    owner.click_text("Rehire").await;
    owner.tick("Restore previous roles").await;
    owner.click_text("Rehire").await;
    owner.wait_for_text("Ana Müller was reactivated").await;
    owner.wait_for_text("Auditor").await;
    ana.goto("/o/acme/users").await;
    sign_in(ana, "ana@acme.example", PASSWORD).await;
    ana.wait_for_path("/o/acme/users").await;
    ana.wait_for_text("2 people").await;
}

async fn end(owner: &Browser) {
    more(owner, "Suspend…").await;
    owner.select("Reason", "Has left").await;
    owner.click_text("Suspend").await;
    owner.wait_for_text("Suspended: has left").await;
    more(owner, "Delete…").await;
    owner.fill("Type the email to confirm", "ana@acme.example").await;
    owner.click_text("Delete user").await;
    owner.wait_for_text("In the trash").await;
    owner.click_text("Restore").await;
    owner.wait_for_text("comes back as suspended").await;
    owner.click_text("Restore").await;
    owner.wait_for_text("Ana Müller was restored").await;
    more(owner, "Delete…").await;
    owner.fill("Type the email to confirm", "ana@acme.example").await;
    owner.click_text("Delete user").await;
    owner.wait_for_text("In the trash").await;
    more(owner, "Delete permanently…").await;
    owner.fill("Type the email to confirm", "ana@acme.example").await;
    owner.click_text("Delete permanently").await;
    owner.wait_for_text("Receipt of an erasure").await;
    owner.click_text("Go on to the users").await;
    owner.wait_for_path("/o/acme/users").await;
    owner.wait_for_text("1 person").await;
}
