//! Retention: entries older than the organization's limit lose their personal values. What happened, when, to which id
//! stays, and with it every seal and proof; an entry of its own says up to when values were erased.

use std::time::Duration;

use model::{
    EntryId, Org, OrgContext, Permission, Result, Timestamp,
    audit::{Changed, Changes, Entry},
    id::boundary,
};
use serde_json::Value;
use store::{Connection, audit_tree, boxed};

use crate::{Actor, App, Operation, operation::Event};

/// Entries that are changed in one transaction.
const BATCH: u32 = 500;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The event that says so, and the field that says up to when.
const EVENT: &str = "audit.expired";
const FIELD: &str = "before";
/// The field of `settings.changed` that sets the limit.
const RETENTION: &str = "audit.retention_days";

impl App {
    /// Erases what is too old, in every organization that has a limit.
    #[boxed]
    pub async fn expire_audit(&self) -> Result<()> {
        for org in self.orgs().await? {
            if org.settings.audit.retention_days > 0 {
                self.expire_audit_of(&org).await?;
            }
        }
        Ok(())
    }

    async fn expire_audit_of(&self, org: &Org) -> Result<()> {
        let context = OrgContext::from(org.id);
        if !self.is_retention_sealed(org).await? {
            tracing::warn!(org = %org.id, days = org.settings.audit.retention_days, "nothing is erased from the audit log: \
                no entry of it says that this retention was set. Set it again in the settings.");
            return Ok(());
        }
        let kept = DAY * u32::from(org.settings.audit.retention_days);
        let limit = midnight(self.now().minus(kept));
        let end = EntryId(boundary(limit));
        let look = async |connection: &mut Connection<'_>| {
            let tree = audit_tree::find(connection, context).await?;
            let Some(after) = tree.map(|tree| tree.expired_to) else { return Ok(None) };
            let any = store::audit::expiring(connection, context, after, end, 1).await?;
            Ok(any.map(|_| after))
        };
        let Some(mut after) = self.database().read(look).await? else { return Ok(()) };
        let at = self.record_expiry(org, limit).await?;
        loop {
            let erased = self
                .maintain(context, async move |connection| {
                    let last = store::audit::expiring(connection, context, after, end, BATCH).await?;
                    if let Some(last) = last {
                        store::audit::expire(connection, context, (after, last), at).await?;
                        audit_tree::expired(connection, context, last).await?;
                    }
                    Ok(last)
                })
                .await?;
            let Some(last) = erased else { return Ok(()) };
            after = last;
        }
    }

    /// Whether the newest sealed entry that sets the retention sets it to what the settings say: a row that was changed
    /// in the database alone erases nothing.
    pub(super) async fn is_retention_sealed(&self, org: &Org) -> Result<bool> {
        let (context, target) = (OrgContext::from(org.id), org.id.0);
        let read = async |connection: &mut Connection<'_>| {
            let Some(id) = store::audit::last_with_field(connection, context, target, RETENTION).await?
            else {
                return Ok(None);
            };
            store::audit::find(connection, context, id).await
        };
        let Some(stored) = self.database().read(read).await? else { return Ok(false) };
        let is_intact = stored.leaf(org.id).is_some_and(|leaf| self.is_intact(context, &stored, &leaf));
        let set = stored.entry.changes.get(RETENTION).and_then(|changed| changed.after.as_u64());
        Ok(is_intact && set == Some(org.settings.audit.retention_days.into()))
    }

    /// Says first what is going to be erased: values that are missing without that are an alarm.
    async fn record_expiry(&self, org: &Org, limit: Timestamp) -> Result<Timestamp> {
        let (id, name) = (org.id.0, org.name.clone());
        let changed = Changed { before: Value::Null, after: limit.to_string().into() };
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.record(Event {
                name: EVENT,
                target_type: "org",
                target: id,
                target_name: &name,
                changes: Changes::from([(FIELD.to_owned(), changed.clone())]),
                reason: String::new(),
            });
            Ok(op.now)
        };
        self.run(&Actor::system(org.id.into()), Permission::AuditRead, deed).await
    }
}

/// The beginning of its day: what is too old is erased once a day.
fn midnight(at: Timestamp) -> Timestamp {
    let day = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(at.micros() - at.micros().rem_euclid(day))
}

/// Entries before this one may lack their values, an entry of ours says.
pub(super) fn limit_of(entry: &Entry) -> Option<EntryId> {
    let text = entry.changes.get(FIELD)?.after.as_str()?;
    Timestamp::parse(text).ok().map(|limit| EntryId(boundary(limit)))
}
