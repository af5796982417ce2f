//! What somebody can do who can write to the database, and to nothing else: every kind is found, or has no effect, or is
//! named in the guide with the reason why it is not found. And a log that lost entries, until the loss is accepted.

use std::path::Path;

use ::app::{Actor, App, mail::Letter};
use model::EntryId;
use store::values;

use super::{
    altered::{EDITS, KEEP, PUT_BACK},
    *,
};

/// What becomes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// A server that is started again finds it.
    Found,
    /// The node that wrote the entry finds it.
    FoundByNode,
    /// Nothing is erased, sealed or believed because of it.
    NoEffect,
    /// Not found; the guide says so with these words.
    Listed(&'static str),
}
use Outcome::{Found, FoundByNode, Listed, NoEffect};

/// Everything beside the changes of one column of one entry (`altered.rs`).
const KINDS: &[(&str, Outcome, &[&str])] = &[
    ("the tree is deleted", Found, &["DELETE FROM audit_trees"]),
    ("the tiles are deleted", Found, &["DELETE FROM audit_tiles"]),
    ("tree and tiles are deleted", Found, &["DELETE FROM audit_trees", "DELETE FROM audit_tiles"]),
    (
        "everything is made to look as if entries had never been sealed",
        Found,
        &[
            "DELETE FROM audit_trees",
            "DELETE FROM audit_tiles",
            "DELETE FROM audit_pending",
            "UPDATE audit_entries SET fields = '', by_salt = NULL, by_commitment = NULL, by_erased_at = NULL, about_salt = NULL, \
             about_commitment = NULL, about_erased_at = NULL, mac = NULL, late = FALSE, reason = 'forged'",
            "INSERT INTO audit_pending (org_id, entry_id) SELECT org_id, id FROM audit_entries",
        ],
    ),
    (
        "the same, and the tree claims to be all from before",
        Found,
        &[
            "UPDATE audit_trees SET late_size = size",
            "UPDATE audit_entries SET mac = NULL, by_commitment = NULL, reason = 'forged' WHERE event = 'user.edited'",
            "INSERT INTO audit_pending (org_id, entry_id) SELECT org_id, id FROM audit_entries WHERE event = 'user.edited' \
             AND id NOT IN (SELECT entry_id FROM audit_pending)",
        ],
    ),
    (
        "seals are stripped, and their entries wait again",
        Found,
        &[
            "UPDATE audit_entries SET mac = NULL, by_commitment = NULL, about_commitment = NULL WHERE event = 'user.edited'",
            "INSERT INTO audit_pending (org_id, entry_id) SELECT org_id, id FROM audit_entries WHERE event = 'user.edited' \
             AND id NOT IN (SELECT entry_id FROM audit_pending)",
        ],
    ),
    (
        "an older copy of the whole log is put back",
        Found,
        &[
            "DELETE FROM audit_entries",
            "INSERT INTO audit_entries SELECT * FROM early_entries",
            "DELETE FROM audit_tiles",
            "INSERT INTO audit_tiles SELECT * FROM early_tiles",
            "DELETE FROM audit_trees",
            "INSERT INTO audit_trees SELECT * FROM early_trees",
            "DELETE FROM audit_pending",
        ],
    ),
    (
        "the log is emptied",
        Found,
        &[
            "DELETE FROM audit_entries",
            "DELETE FROM audit_tiles",
            "DELETE FROM audit_trees",
            "DELETE FROM audit_pending",
        ],
    ),
    ("one kind of event is deleted", Found, &["DELETE FROM audit_entries WHERE event = 'user.edited'"]),
    (
        "the state of the tree is an older one",
        Found,
        &["DELETE FROM audit_trees", "INSERT INTO audit_trees SELECT * FROM early_trees"],
    ),
    (
        "the tree moves to another organization",
        Found,
        &["UPDATE audit_trees SET org_id = '00000000-0000-0000-0000-00000000000a'"],
    ),
    ("more is said to be from before sealing", Found, &["UPDATE audit_trees SET late_size = size"]),
    (
        "the server's seal of the tree is another",
        NoEffect,
        &[
            "UPDATE audit_trees SET mac = (SELECT mac FROM audit_entries WHERE mac IS NOT NULL ORDER BY id DESC LIMIT 1)",
        ],
    ),
    (
        "an entry waits that is not there",
        Found,
        &[
            "INSERT INTO audit_pending (org_id, entry_id, leaf) SELECT org_id, org_id, mac FROM audit_entries WHERE mac IS NOT NULL \
         ORDER BY id LIMIT 1",
        ],
    ),
    (
        "an entry that has its place waits again",
        Found,
        &[
            "INSERT INTO audit_pending (org_id, entry_id, leaf) SELECT org_id, id, mac FROM audit_entries WHERE mac IS NOT NULL \
         ORDER BY id LIMIT 1",
        ],
    ),
    (
        "values are erased as if they were too old",
        Found,
        &[
            "UPDATE audit_entries SET target_name = '', changes = '{}', reason = '', about_salt = NULL, about_erased_at = at \
         WHERE event = 'user.edited'",
        ],
    ),
    (
        "an entry says that values were too old",
        Found,
        &["UPDATE audit_entries SET event = 'audit.expired' WHERE event = 'user.edited'"],
    ),
    (
        "an entry says that a loss was accepted",
        Found,
        &[
            "UPDATE audit_entries SET event = 'audit.loss_accepted', changes = '{\"entries\":{\"before\":9,\"after\":1},\
         \"contradicted\":{\"before\":null,\"after\":true}}' WHERE event = 'org.created'",
        ],
    ),
    ("the entry of a purge is deleted", Found, &["DELETE FROM audit_entries WHERE event = 'user.purged'"]),
    (
        "the time of a purge is another",
        Found,
        &["UPDATE audit_entries SET about_erased_at = about_erased_at + 1 WHERE about_erased_at IS NOT NULL"],
    ),
    (
        "the entries belong to another organization",
        Found,
        &["UPDATE audit_entries SET org_id = '00000000-0000-0000-0000-00000000000a'"],
    ),
    (
        "an entry vanishes before it has its place",
        FoundByNode,
        &[
            "DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM audit_pending)",
            "DELETE FROM audit_pending",
        ],
    ),
    ("an entry is taken out of those that wait", FoundByNode, &["DELETE FROM audit_pending"]),
    (
        "another leaf waits for an entry's place",
        FoundByNode,
        &[
            "UPDATE audit_pending SET leaf = (SELECT mac FROM audit_entries WHERE mac IS NOT NULL ORDER BY id DESC LIMIT 1)",
        ],
    ),
    ("the settings say that values are kept for a day", NoEffect, RETENTION),
    (
        "the last checkpoint's state is another",
        Listed("which checkpoint was the last, and which was sent"),
        &["UPDATE audit_trees SET checkpoint_size = 0, checkpoint_at = 0, checkpoint = ''"],
    ),
    (
        "checkpoints count as sent",
        Listed("which checkpoint was the last, and which was sent"),
        &["UPDATE audit_trees SET sent_size = size"],
    ),
    (
        "retention has got on already",
        Listed("how far old values were erased"),
        &["UPDATE audit_trees SET expired_to = (SELECT id FROM audit_entries ORDER BY id DESC LIMIT 1)"],
    ),
    (
        "names in entries of former versions are forgotten",
        Listed("which entries of former versions name somebody else"),
        &["DELETE FROM audit_mentions"],
    ),
];

const RETENTION: &[&str] = &["UPDATE orgs SET settings = '{\"audit\":{\"retention_days\":1}}'"];

/// An older copy, taken in the middle.
const EARLY: &[&str] = &[
    "CREATE TABLE early_entries AS SELECT * FROM audit_entries",
    "CREATE TABLE early_tiles AS SELECT * FROM audit_tiles",
    "CREATE TABLE early_trees AS SELECT * FROM audit_trees",
];

/// A server that is started again, with the heads that were kept.
fn restarted(app: &TestApp, directory: &Path) -> App {
    let again = app.restarted();
    again.keep_audit_heads_in(directory);
    again
}

/// What a server does at its start and then each second; then what verifying says. An error is no clean report either.
async fn report(app: &TestApp, node: &App) -> Result<Report, model::Error> {
    node.seal_late_entries().await.ok();
    node.sequence_all().await.ok();
    node.tidy().await.ok();
    node.verify_audit(app.context(), Vec::new(), |_, _| ()).await
}

on_both! {
    async fn every_change_of_the_database_alone_is_found_or_listed(app: TestApp) {
        let scratch = Scratch::new();
        let directory = scratch.path().join("checkpoints");
        app.app.keep_audit_heads_in(&directory);
        history(&app, 30).await;
        run(&app, EARLY).await;
        history_goes_on(&app).await;
        assert!(report(&app, &restarted(&app, &directory)).await.unwrap().is_clean());
        let id = person(&app, &app.org, "Waiting").await;
        edit(&app, &app.org, id, "Entry that waits").await;
        run(&app, KEEP).await;
        run(&app, &["CREATE TABLE kept_orgs AS SELECT * FROM orgs"]).await;
        let head = std::fs::read(directory.join(format!("{}.head", app.org.id))).unwrap();
        let guide = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/verifying.md")).unwrap();
        let mut wrong = Vec::new();
        let singles = EDITS.iter().map(|sql| (*sql, Found, std::slice::from_ref(sql)));
        let all: Vec<(&str, Outcome, &[&str])> = KINDS.iter().copied().chain(singles).collect();
        assert!(all.len() >= 40);
        let erased = "SELECT count(*) FROM audit_entries WHERE about_erased_at IS NOT NULL";
        let before = app.count(erased).await;
        for (name, outcome, statements) in all {
            let node = restarted(&app, &directory);
            if outcome == FoundByNode {
                app.later(Duration::from_millis(1));
                let patch = Map::from_iter([("title".to_owned(), Value::from(name))]);
                node.edit_user(&Actor::operator(app.context()), id, patch, None).await.unwrap();
            }
            tamper(&app, async move |connection| {
                for sql in statements {
                    if sql.contains("$2") {
                        // One entry of somebody's, with a place.
                        let find = "SELECT id FROM audit_entries WHERE org_id = $1 AND event = 'user.edited' \
                                    AND about_erased_at IS NULL AND reason = '' ORDER BY id LIMIT 1";
                        let org = app_org(connection).await?;
                        let (id,): (EntryId,) = connection.one(find, values![org]).await?;
                        connection.execute(*sql, values![org, id]).await?;
                    } else {
                        connection.execute(*sql, &[] as &[Bound<'_>]).await?;
                    }
                }
                Ok(())
            })
            .await;
            if outcome == NoEffect {
                app.later(Duration::from_secs(3 * 86_400));
            }
            let report = report(&app, &node).await;
            let is_clean = report.as_ref().is_ok_and(Report::is_clean);
            let is_right = match outcome {
                Found | FoundByNode => !is_clean,
                NoEffect => is_clean && app.count(erased).await == before,
                Listed(words) => is_clean && guide.contains(words),
            };
            if !is_right {
                wrong.push(format!("{name}: {outcome:?}, and yet {:?}", report.map(|report| report.alarms)));
            }
            run(&app, PUT_BACK).await;
            run(&app, &["DELETE FROM orgs", "INSERT INTO orgs SELECT * FROM kept_orgs"]).await;
            std::fs::remove_file(directory.join(format!("{}.alarms", app.org.id))).ok();
            std::fs::write(directory.join(format!("{}.head", app.org.id)), &head).unwrap();
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let report = report(&app, &restarted(&app, &directory)).await.unwrap();
        assert!(report.is_clean(), "put back, and still {report:?}");
    }

    async fn an_organization_that_vanished_is_told_of_and_no_log_begins_in_its_place_unseen(app: TestApp) {
        let scratch = Scratch::new();
        let keeping = keeping(&scratch);
        app.app.keep_audit_heads_in(&keeping.directory);
        history(&app, 3).await;
        app.other_org("zeta").await;
        app.app.sequence_all().await.unwrap();
        assert_eq!(app.app.vanished_logs().await.unwrap(), []);
        run(&app, &[
            "DELETE FROM audit_entries WHERE org_id = (SELECT id FROM orgs WHERE name = 'The zeta')",
            "DELETE FROM audit_tiles WHERE org_id = (SELECT id FROM orgs WHERE name = 'The zeta')",
            "DELETE FROM audit_trees WHERE org_id = (SELECT id FROM orgs WHERE name = 'The zeta')",
            "DELETE FROM audit_pending WHERE org_id = (SELECT id FROM orgs WHERE name = 'The zeta')",
            "DELETE FROM org_slugs WHERE slug = 'zeta'",
            "DELETE FROM orgs WHERE name = 'The zeta'",
        ]).await;
        let again = restarted(&app, &keeping.directory);
        let vanished = again.vanished_logs().await.unwrap();
        assert!(vanished.len() == 1 && vanished[0].entries > 0, "{vanished:?}");
        let said = report(&app, &again).await.unwrap();
        assert!(said.alarms.iter().any(|alarm| alarm.code == "organization.vanished"), "{:?}", said.alarms);
        // The same rows under another id: the log that begins there says so, until the host accepts it.
        let (eta, _) = app.other_org("eta").await;
        again.sequence_all().await.unwrap();
        let troubles = again.audit_troubles(eta.id).unwrap();
        assert_eq!(troubles.len(), 1, "{troubles:?}");
        assert_eq!(again.vanished_logs().await.unwrap(), []);
        assert!(report(&app, &again).await.unwrap().is_clean());
        let operator = Actor::operator(eta.id.into());
        again.accept_audit_loss(&operator, &eta, "zeta moved to a server of its own").await.unwrap();
        assert_eq!(again.audit_troubles(eta.id).unwrap(), []);
    }

    async fn a_log_that_begins_in_the_middle_is_an_alarm(app: TestApp) {
        let scratch = Scratch::new();
        app.app.keep_audit_heads_in(scratch.path());
        history(&app, 3).await;
        // Another id for the log: the organization that is there keeps its own.
        let (eta, _) = app.other_org("eta").await;
        run(&app, &["DELETE FROM audit_entries WHERE event = 'org.created' AND org_id = (SELECT org_id FROM org_slugs WHERE slug = 'eta')",
            "DELETE FROM audit_pending WHERE entry_id NOT IN (SELECT id FROM audit_entries)"]).await;
        let again = restarted(&app, scratch.path());
        again.sequence_all().await.unwrap();
        let troubles = again.audit_troubles(eta.id).unwrap();
        assert!(troubles.iter().any(|trouble| trouble.code == "organization.without_beginning"), "{troubles:?}");
        assert_eq!(again.audit_troubles(app.org.id).unwrap(), []);
    }

    async fn a_loss_is_an_alarm_until_the_host_accepts_it(app: TestApp) {
        let scratch = Scratch::new();
        let keeping = keeping(&scratch);
        app.app.keep_audit_heads_in(&keeping.directory);
        history(&app, 10).await;
        run(&app, EARLY).await;
        history_goes_on(&app).await;
        let checkpoints = checkpoint(&app, &keeping).await;
        let refused = app.app.accept_audit_loss(&app.operator(), &app.org, "no reason").await.unwrap_err();
        assert_eq!(refused.code(), "audit.no_loss");
        // A standby that lacked the last entries takes over.
        run(&app, &[
            "DELETE FROM audit_entries", "INSERT INTO audit_entries SELECT * FROM early_entries",
            "DELETE FROM audit_tiles", "INSERT INTO audit_tiles SELECT * FROM early_tiles",
            "DELETE FROM audit_trees", "INSERT INTO audit_trees SELECT * FROM early_trees",
        ]).await;
        let node = restarted(&app, &keeping.directory);
        assert_eq!(node.sequence_all().await.unwrap(), 0);
        // Nothing stops: entries are written, people sign in.
        let late = person(&app, &app.org, "Late").await;
        app.sign_in("olivia@acme.example", crate::app::PASSWORD).await.unwrap();
        node.sequence_all().await.unwrap();
        let health = node.audit_health(app.org.id).await.unwrap();
        assert_eq!(health.0.first().map(|trouble| trouble.code.as_str()), Some("log.behind"));
        let told: Vec<Letter> = mails_of(&node).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].to == "olivia@acme.example" && told[0].text.contains("muster audit verify"));
        let administrator = app.person("Adam", Role::Administrator).await;
        alarms_are_shown(&app, &node, &administrator.email, true).await;
        let report = node.verify_audit(app.context(), checkpoints.clone(), |_, _| ()).await.unwrap();
        assert!(report.alarms.iter().any(|alarm| alarm.code == "log.behind"), "{report:?}");
        assert_eq!(node.audit_checkpoint(&app.operator()).await.unwrap_err().code(), "audit.in_doubt");
        assert_eq!(node.checkpoint_all(&keeping, Duration::ZERO).await.unwrap(), 0, "nobody vouches for it");
        // Another node, with a directory of its own, knows nothing of this log, and finds nothing to object to.
        let elsewhere = restarted(&app, &scratch.path().join("elsewhere"));
        assert!(elsewhere.audit_troubles(app.org.id).unwrap().is_empty());
        // The alarm outlives the server.
        let (alarmed, node) = (node, restarted(&app, &keeping.directory));
        assert_eq!(node.audit_troubles(app.org.id).unwrap().len(), 1);
        let empty = node.accept_audit_loss(&app.operator(), &app.org, " ").await.unwrap_err();
        assert_eq!(empty.fields()[0].code, "audit.reason_missing");
        let accepted = node.accept_audit_loss(&app.operator(), &app.org, "Fail-over").await.unwrap();
        assert!(accepted.known > accepted.kept && accepted.troubles.len() == 1);
        alarms_are_shown(&app, &node, &administrator.email, false).await;
        // The node that had raised it learns of it from the log.
        alarmed.sequence_all().await.unwrap();
        assert!(alarmed.audit_troubles(app.org.id).unwrap().is_empty());
        edit(&app, &app.org, late, "Chief").await;
        node.sequence_all().await.unwrap();
        let node = restarted(&app, &keeping.directory);
        let report = node.verify_audit(app.context(), checkpoints, |_, _| ()).await.unwrap();
        assert!(report.is_clean() && report.losses == 1 && report.waiting == 0, "{report:?}");
        assert_eq!(node.checkpoint_all(&keeping, Duration::ZERO).await.unwrap(), 1);
        let events = app.events(&app.org.id.to_string()).await;
        assert!(events.iter().any(|event| event == "audit.loss_accepted"), "{events:?}");
        let again = node.accept_audit_loss(&Actor::operator(app.context()), &app.org, "again").await.unwrap_err();
        assert_eq!(again.code(), "audit.no_loss");
    }

    async fn heads_that_can_not_be_written_are_told_of(app: TestApp) {
        let scratch = Scratch::new();
        let directory = scratch.path().join("a file");
        std::fs::write(&directory, "").unwrap();
        let node = restarted(&app, &directory);
        assert_eq!(node.try_audit_directory().unwrap_err().code(), "audit.unwritable");
        person(&app, &app.org, "Ana").await;
        node.sequence_all().await.ok();
        let good = restarted(&app, &scratch.path().join("directory"));
        good.try_audit_directory().unwrap();
        good.sequence_all().await.unwrap();
        assert!(good.audit_heads_unwritable().is_none());
    }
}

/// The organization that the test is about.
async fn app_org(connection: &mut Connection<'_>) -> model::Result<model::OrgId> {
    Ok(connection.one::<(model::OrgId,)>("SELECT id FROM orgs ORDER BY created_at LIMIT 1", &[]).await?.0)
}

/// Some more, all in the tree.
async fn history_goes_on(app: &TestApp) {
    for number in 0..5 {
        let id = person(app, &app.org, &format!("More{number}")).await;
        edit(app, &app.org, id, "More").await;
    }
    app.app.sequence_all().await.unwrap();
}

/// Looks at every page of the console that needs no id: owners are told of the log on each, or on none, others never.
async fn alarms_are_shown(app: &TestApp, node: &App, other: &str, shown: bool) {
    let router = web::router(web_options(), node.clone());
    let (mut seen, mut checked) = (0, 0);
    for (email, is_owner) in [("olivia@acme.example", true), (other, false)] {
        let cookie = app.sign_in(email, crate::app::PASSWORD).await.unwrap();
        for route in web::declared() {
            let path = route.path.replace("{slug}", "acme");
            if route.door != web::Door::Console
                || route.method != axum::http::Method::GET
                || !path.starts_with("/o/acme")
                || path.contains('{')
            {
                continue;
            }
            let answer = send(&router, page_request(&path, &cookie)).await;
            // Pages for whoever is signed in, not forms of the door or files.
            if answer.status == 200 && answer.text.contains("class=\"shell\"") {
                let alarm = answer.text.contains("The audit log is not complete");
                assert_eq!(alarm, shown && is_owner, "{email} on {path}");
                checked += 1;
                seen += usize::from(alarm);
            }
        }
    }
    assert!(checked > 40 && (seen > 25) == shown, "{checked} pages, {seen} with the alarm");
}

/// What a node has sent to owners about the log.
async fn mails_of(node: &App) -> Vec<Letter> {
    while node.send_due().await.unwrap() > 0 {}
    let letters = node.carrier().mailbox().unwrap().letters();
    letters.into_iter().filter(|letter| letter.subject.contains("audit log")).collect()
}
