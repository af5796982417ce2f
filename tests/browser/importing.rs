//! Bringing people in from a file, on the host, and finding them in the console.

use crate::{
    browser::{Browser, Look},
    program::Program,
    support::{PASSWORD, sign_in},
};

/// The file of the guide, with a row that is refused.
const PEOPLE: &str = "email,given_name,family_name,title,department,phone,roles
ana@example.com,Ana,Müller,Accountant,Finance,+49 30 1234567,
chidi@example.com,Chidi,Okafor,Engineer,Platform,,Helpdesk
nowhere,Bo,Berg,,,,
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn importing() {
    let variables = [
        ("MUSTER_BOOTSTRAP__ORG_NAME", "Acme"),
        ("MUSTER_BOOTSTRAP__ADMIN_EMAIL", "olivia@example.com"),
        ("MUSTER_BOOTSTRAP__ADMIN_PASSWORD", PASSWORD),
    ];
    let program = Program::serve(&[], &variables);
    program.file("people.csv", PEOPLE);
    let (code, out, errors) = program.run(&["import", "people.csv"]);
    assert_eq!((code, out.as_str()), (Some(4), "Created 2, unchanged 0, refused 1.\n"), "{errors}");
    assert!(errors.contains('4') && errors.contains("email"), "{errors}");

    let browser = Browser::start(Look::DESK).await;
    browser.goto(&format!("{}/o/acme/", program.url)).await;
    sign_in(&browser, "olivia@example.com", PASSWORD).await;
    browser.wait_for_text("3 people").await;
    browser.click_text("Status").await;
    browser.click_text("Inactive").await;
    browser.wait_for_text("2 people").await;
    assert_eq!(browser.texts(".row-link b").await, ["Ana Müller", "Chidi Okafor"]);
    browser.click(".row-link").await;
    browser.wait_for_text("Accountant").await;
    browser.click_text("Activate").await;
    browser.wait_for_text("Activate Ana Müller?").await;
    browser.click_text("Send activation mail").await;
    browser.wait_for_text("The activation mail was not sent").await;
    browser.finish().await;

    // Corrected, the same file adds what was missing and nothing else.
    program.file("people.csv", &PEOPLE.replace("nowhere", "bo@example.com"));
    let (code, out, errors) = program.run(&["import", "people.csv"]);
    assert_eq!((code, out.as_str()), (Some(0), "Created 1, unchanged 2, refused 0.\n"), "{errors}");
    let (_, help, _) = program.run(&["import", "--help"]);
    assert!(help.contains("The first line names the columns: email"), "{help}");
}
