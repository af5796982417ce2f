//! Verifying the log on the host, and one entry in the console; proving an entry.

use crate::{
    browser::{Browser, Look},
    program::Program,
    support::{PASSWORD, sign_in},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verifying() {
    let variables = [
        ("MUSTER_BOOTSTRAP__ORG_NAME", "Acme"),
        ("MUSTER_BOOTSTRAP__ADMIN_EMAIL", "olivia@example.com"),
        ("MUSTER_BOOTSTRAP__ADMIN_PASSWORD", PASSWORD),
    ];
    let program = Program::serve(&[], &variables);
    let browser = Browser::start(Look::DESK).await;
    browser.goto(&format!("{}/o/acme/", program.url)).await;
    sign_in(&browser, "olivia@example.com", PASSWORD).await;
    browser.click_text("Audit log").await;
    browser.wait_for_text("Session started").await;
    browser.click(".row-link").await;
    browser.wait_for_text("As it was written").await;
    let entry = browser.path().await.rsplit('/').next().unwrap_or_default().to_owned();

    let (code, out, errors) = program.run(&["audit", "verify"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with("acme: as it was written"), "{out}");
    let (code, proof, errors) = program.run(&["audit", "prove", &entry, "--org", "acme"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(proof.contains("\"leaf_hash\"") && proof.contains("muster/"), "{proof}");
    let (code, key, errors) = program.run(&["audit", "key", "--org", "acme"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(key.starts_with("muster/") && key.split('+').count() >= 3, "{key}");
    // A file that nobody has signed is no checkpoint.
    program.file("forged.txt", "muster/x\n5\nAAAA\ntime 2026-11-20T08:00:00Z\n\n\u{2014} muster/x AAAA\n");
    let (code, _, errors) = program.run(&["audit", "verify", "--checkpoint", "forged.txt"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("not one that this server has signed"), "{errors}");
    let (code, list, _) = program.run(&["audit", "list", "--event", "session."]);
    assert!(code == Some(0) && list.contains("session.started"), "{list}");
    let (code, file, _) = program.run(&["audit", "export", "--format", "csv"]);
    assert!(code == Some(0) && file.starts_with("id,at,event,"), "{file}");

    // Somebody takes entries away, together with the tree that has them.
    let database = store::testing::sqlite_connection(&program.database());
    database.execute_batch("DELETE FROM audit_trees; DELETE FROM audit_tiles").expect("a change");
    drop(database);
    // The server notices with the next entry, and owners read so wherever they are.
    let (code, _, errors) = program.run(&["group", "create", "Crew"]);
    assert_eq!(code, Some(0), "{errors}");
    let alarmed = async || {
        browser.goto(&format!("{}/o/acme/users", program.url)).await;
        browser.wait_for_text("1 person").await;
        browser.texts("main [role=region][aria-label=Alarm] b").await == ["The audit log is not complete"]
    };
    let mut rounds = 0;
    while !alarmed().await {
        rounds += 1;
        assert!(rounds < 200, "the server did not notice");
    }
    browser.wait_for_text("When a log lacks entries").await;
    browser.check_page("audit-alarm").await;
    browser.click_text("Open audit log").await;
    browser.wait_for_path("/o/acme/audit").await;
    browser.wait_for_text("The audit log is not complete").await;
    let accept = ["audit", "accept-loss", "--org", "acme", "--reason", "A restored backup"];
    let (code, _, errors) = program.run(&accept);
    assert_eq!(code, Some(0), "{errors}");
    let mut rounds = 0;
    while alarmed().await {
        rounds += 1;
        assert!(rounds < 200, "the server did not learn that the loss was accepted");
    }
    browser.finish().await;
}
