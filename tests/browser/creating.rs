//! Creating users: refusals beside their fields, the three ways to begin, the password that is shown once.

use crate::support::{PASSWORD, Site, sign_in, sign_out};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creating() {
    let site = Site::new().await;
    site.person("Taken", "Already", &[]).await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    browser.expect_in_console("409");
    browser.click_text("Users").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("A name and an email are enough").await;
    browser.wait_for_focus("Given name").await;
    browser.check_page("create").await;

    // Everything that is wrong is said at once, and what was typed stays.
    browser.fill("Family name", "Müller").await;
    browser.fill("Email", "ana at acme").await;
    browser.fill("Work phone", "none").await;
    browser.fill("Manager", "nobody").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("Not saved yet").await;
    browser.wait_for_text("Write an email address such as").await;
    browser.wait_for_text("Write a phone number such as").await;
    browser.wait_for_text("There is nobody with this username or email").await;
    assert_eq!(browser.value("Family name").await, "Müller");
    browser.check_page("create-refused").await;

    browser.fill("Given name", "Ana").await;
    browser.fill("Email", "Taken@Acme.example").await;
    browser.fill("Work phone", "+49 30 1234567").await;
    browser.fill("Manager", "olivia@acme.example").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("Another user has this email address").await;
    browser.fill("Email", "ana@acme.example").await;
    browser.wait_for_text("First sign-in").await;
    browser.tick("Generate a temporary password").await;
    browser.wait_for_text("Roles").await;
    browser.tick("Helpdesk").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("Ana Müller was created").await;
    browser.wait_for_text("it is shown this once").await;
    browser.check_page("created-password").await;
    let password = browser.text(".secret-value code").await;
    browser.click_text("Copy").await;
    browser.wait_for_css(".copied").await;
    browser.click_text("Go on to Ana Müller").await;
    browser.wait_for_text("A temporary password is out").await;
    browser.wait_for_text("Helpdesk").await;
    browser.check_page("user-new").await;

    // Handed over: what was copied is what lets Ana in.
    sign_out(&browser).await;
    browser.click_text("Sign in again").await;
    browser.fill("Username or email", "ana@acme.example").await;
    browser.click("#field-password").await;
    browser.press("Control+v").await;
    assert_eq!(browser.value("Password").await, password);
    browser.click_text("Sign in").await;
    browser.wait_for_text("Choose a new password").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_password_of_ones_own_choice() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    browser.goto("/o/acme/users/new").await;
    browser.fill("Given name", "Bo").await;
    browser.fill("Email", "bo@acme.example").await;
    // The field belongs to the choice.
    browser.wait_for_no_text("Must be changed at the first sign-in").await;
    browser.tick("Type a password").await;
    browser.wait_for_text("Must be changed at the first sign-in").await;
    browser.fill("Password", "too short").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("Use at least 12 characters").await;
    browser.check_page("create-password-refused").await;
    browser.fill("Password", PASSWORD).await;
    browser.tick("Must be changed at the first sign-in").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("Bo was created.").await;
    sign_out(&browser).await;
    browser.click_text("Sign in again").await;
    sign_in(&browser, "bo@acme.example", PASSWORD).await;
    browser.wait_for_path("/o/acme/account").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_later() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.goto("/o/acme/users/new").await;
    browser.fill("Given name", "Sam").await;
    browser.fill("Email", "sam@acme.example").await;
    browser.tick("Nothing yet").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("Not activated yet").await;
    browser.check_page("user-staged").await;
    browser.click_text("Activate").await;
    browser.wait_for_text("There is no password yet").await;
    browser.check_page("activate").await;
    browser.click_text("Send activation mail").await;
    browser.wait_for_text("The activation mail to Sam is on its way").await;
    browser.wait_for_text("The activation mail is out").await;
    browser.check_page("user-activation").await;
    // Or by a password, which is handed over.
    browser.click_text("More actions").await;
    browser.click_text("Set temporary password…").await;
    browser.wait_for_text("There is no password yet").await;
    browser.click_text("Activate").await;
    browser.wait_for_text("A temporary password for Sam").await;
    browser.check_page("activated-password").await;
    browser.click_text("Go on to Sam").await;
    browser.wait_for_text("A temporary password is out").await;
    browser.wait_for_no_text("The activation mail is out").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_mail() {
    let site = Site::new().await;
    let browser = site.owner().await;
    for (way, email) in [("Send an invitation", "ida"), ("Send an activation mail", "ole")] {
        browser.goto("/o/acme/users/new").await;
        browser.fill("Given name", "Kim").await;
        browser.fill("Email", &format!("{email}@acme.example")).await;
        browser.tick(way).await;
        browser.click_text("Create user").await;
        browser.wait_for_text("Kim was created").await;
        browser.wait_for_text("is out").await;
    }
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_user_has_somebody_responsible() {
    let site = Site::new().await;
    let browser = site.owner().await;
    browser.expect_in_console("422");
    browser.goto("/o/acme/users/new").await;
    browser.fill("Username", "backup-robot").await;
    browser.select("Type", "Service").await;
    // A program signs in with tokens: nothing is asked about passwords.
    browser.wait_for_no_text("Generate a temporary password").await;
    browser.fill("Responsible", "nobody").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("There is nobody with this username or email").await;
    browser.check_page("create-service-refused").await;
    browser.fill("Responsible", "olivia@acme.example").await;
    browser.click_text("Create user").await;
    browser.wait_for_text("backup-robot was created").await;
    browser.check_page("user-service").await;
    browser.finish().await;
}
