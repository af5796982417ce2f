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
    browser.finish().await;

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
}
