//! Entries, reasons and mails as former versions wrote them, with names and addresses of others in them: after an upgrade
//! an erasure finds these, too, and the audit log goes on proving itself.

use model::EntryId;
use store::{Attempt, Connection, Lane, Proof, Value as Bound, values};

use super::*;

/// The last step of the schema before names were looked up.
pub(super) const BEFORE: usize = 20;
const ADDRESS: &str = "zqxm.work@zqxmail.example";

/// One entry: id, event, target, changes, reason.
type Row = (EntryId, String, uuid::Uuid, String, String);

/// Writes everything about others in which the person is named as former versions wrote it: with the name.
async fn age(app: &TestApp, person: UserId) {
    let name = app.app.user(&app.operator(), person).await.unwrap().user.name().to_owned();
    let context = app.context();
    let proof = Proof { org: context.org, entry: EntryId(uuid::Uuid::max()) };
    let work = async move |connection: &mut Connection<'_>| {
        let kinds = entries(connection, person, &name).await?;
        assert_eq!(
            kinds,
            [
                "access.copied",
                "group.owner_added",
                "group.owner_removed",
                "mail.retried",
                "mail.test_sent",
                "membership.added",
                "role.expired",
                "role.granted",
                "session.ended_in_bulk"
            ]
        );
        for table in ["role_grants", "group_members"] {
            let sql = format!("UPDATE {table} SET reason = $1 WHERE reason = $2").leak();
            connection
                .execute(&*sql, values![format!("as {name}").as_str(), format!("as {person}").as_str()])
                .await?;
        }
        kept(connection, person, &name).await?;
        unsealed(connection).await?;
        Ok(Attempt::Commit(()))
    };
    app.app.database().transaction(proof, Lane::Interactive, work, |(), _| ()).await.unwrap();
}

/// All entries as they were before there were seals, so that this version seals them.
pub(super) async fn unsealed(connection: &mut Connection<'_>) -> model::Result<()> {
    for sql in [
        "DELETE FROM audit_trees",
        "DELETE FROM audit_tiles",
        "DELETE FROM audit_pending",
        "UPDATE audit_entries SET by_salt = NULL, by_commitment = NULL, about_salt = NULL, about_commitment = NULL, \
         by_erased_at = NULL, about_erased_at = NULL, mac = NULL, fields = ''",
        "INSERT INTO audit_pending (org_id, entry_id) SELECT org_id, id FROM audit_entries",
    ] {
        connection.execute(sql, &[] as &[Bound<'_>]).await?;
    }
    Ok(())
}

/// The entries; answers which events there were.
pub(super) async fn entries(
    connection: &mut Connection<'_>,
    person: UserId,
    name: &str,
) -> model::Result<Vec<String>> {
    let id = person.to_string();
    let after = |value: &str| json!({"before": null, "after": value});
    let sql = "SELECT id, event, target, changes, reason FROM audit_entries";
    let rows: Vec<Row> = connection.all(sql, &[]).await?;
    let mut kinds = std::collections::BTreeSet::new();
    let is_copy = |row: &&Row| row.1 == "access.copied" && row.3.contains(&id);
    let copied: Vec<uuid::Uuid> = rows.iter().filter(is_copy).map(|row| row.2).collect();
    for (entry, mut event, target, changes, reason) in rows {
        let mut now: Value = serde_json::from_str(&changes).unwrap();
        let (mut target_name, mut target_type) = (None, None);
        let is_other = target != person.0;
        let because = match reason.strip_prefix(&format!("as {id}")) {
            Some(rest) if is_other => format!("as {name}{rest}"),
            // What was copied with its end: it ends here by hand.
            None if event == "role.revoked" && copied.contains(&target) => {
                "role.expired".clone_into(&mut event);
                format!("as {name} (given on 20 November 2026)")
            }
            _ => reason.clone(),
        };
        match event.as_str() {
            "access.copied" if changes.contains(&id) => now["from"] = after(name),
            "group.owner_added" | "group.owner_removed" if changes.contains(&id) => {
                now["owner"] = after(name);
            }
            "mail.test_sent" if !is_other => {
                now = json!({"address": after(ADDRESS)});
                (target_name, target_type) = (Some("Acme"), Some("org"));
            }
            "mail.retried" if is_other => (target_name, target_type) = (Some(ADDRESS), Some("mail")),
            "session.ended_in_bulk" if now.get("address").is_some() => {
                now["address"] = json!({"before": NUMBERS[1], "after": null});
            }
            _ if because == reason => continue,
            _ => {}
        }
        let now = now.to_string();
        let sql = "UPDATE audit_entries SET changes = $2, reason = $3, event = $6, target_name = COALESCE($4, target_name), \
                   target_type = COALESCE($5, target_type), target = CASE WHEN $5 = 'org' THEN org_id ELSE target END \
                   WHERE id = $1";
        let bound =
            values![entry, Bound::Json(&now), because.as_str(), target_name, target_type, event.as_str()];
        connection.execute(sql, bound).await?;
        kinds.insert(event);
    }
    Ok(kinds.into_iter().collect())
}

/// What a deprovisioned colleague held, and a mail that waits.
async fn kept(connection: &mut Connection<'_>, person: UserId, name: &str) -> model::Result<()> {
    let sql = "SELECT org_id, id FROM users WHERE state = 'deprovisioned' ORDER BY id LIMIT 1";
    let (org, gone): (model::OrgId, UserId) = connection.one(sql, &[]).await?;
    let given = json!({"by": "operator", "at": "2026-11-20T08:00:00Z", "reason": format!("as {name}")});
    let held = json!({"grants": [{"role": "auditor", "given": given}], "memberships": [{"name": "Crew", "given": given}]});
    let sql = "INSERT INTO grant_snapshots (org_id, user_id, grants, taken_at) VALUES ($1, $2, $3, 0) \
               ON CONFLICT (org_id, user_id) DO UPDATE SET grants = $3";
    connection.execute(sql, values![org, gone, Bound::Json(&held.to_string())]).await?;
    let sql = "SELECT m.id FROM mails m JOIN users u ON u.org_id = m.org_id AND u.id = m.user_id \
               WHERE m.user_id <> $1 ORDER BY m.id LIMIT 1";
    let (mail,): (model::MailId,) = connection.one(sql, values![person]).await?;
    let details = json!({"by": name, "about": format!("{name}’s role Sailor")}).to_string();
    let sql = "UPDATE mails SET details = $2, kind = 'grant_ending', state = 'deferred', next_at = 0, link_id = NULL, \
               invitation_id = NULL, written = NULL WHERE id = $1";
    connection.execute(sql, values![mail, Bound::Json(&details)]).await?;
    Ok(())
}

on_both! {
    async fn what_former_versions_wrote_is_erased_after_an_upgrade(app: TestApp) {
        let id = life(&app).await;
        around::everything(&app, id).await;
        age(&app, id).await;
        let app = app.upgraded_from(BEFORE).await;
        app.app.seal_late_entries().await.unwrap();
        app.app.sequence_all().await.unwrap();
        let clean = async || {
            let report = app.app.verify_audit(app.context(), Vec::new(), |_, _| ()).await.unwrap();
            assert!(report.is_clean() && report.late > 100, "{report:?}");
        };
        clean().await;
        assert!(!places(&app).await.is_empty());
        // What was written for its first attempt meanwhile has the name in it.
        app.mails().await;
        purge(&app, id).await;
        let kept = "SELECT count(*) FROM grant_snapshots WHERE grants -> 'grants' -> 0 -> 'given' ->> 'reason' = '' \
                    AND grants -> 'memberships' -> 0 -> 'given' ->> 'reason' = ''";
        assert_eq!(app.count(kept).await, 1);
        let reworded = "SELECT count(*) FROM mails WHERE details ->> 'about' LIKE '%’s role Sailor'";
        assert_eq!(app.count(reworded).await, 1);
        app.app.sequence_all().await.unwrap();
        clean().await;
        if let Some(file) = app.url.strip_prefix("sqlite:") {
            // Rows that grew when they were sealed have left copies in their pages; docs/operating.md says so.
            app.app.close().await;
            let file = store::testing::sqlite_connection(Path::new(file));
            file.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        }
        assert_eq!(places(&app).await, Vec::<String>::new());
    }
}
