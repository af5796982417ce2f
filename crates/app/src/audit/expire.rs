//! Retention: entries older than the organization's limit lose their personal values. What happened, when, to which id
//! stays, and with it every seal and proof; an entry of its own says up to when values were erased.

use std::time::Duration;

use model::{
    EntryId, Org, OrgContext, Permission, Result, Timestamp,
    audit::{Changed, Changes, Entry},
    id::{boundary, made_at},
};
use serde_json::Value;
use store::{Connection, audit_tree, boxed};

use crate::{Actor, App, Operation, operation::Event};

/// Entries that are changed in one transaction.
const BATCH: u32 = 500;
/// Organizations that are asked for at once.
const ORGS: u16 = 100;
/// After every entry there is.
const LAST: EntryId = EntryId(uuid::Uuid::max());
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The event that says so, and the field that says up to when.
const EVENT: &str = "audit.expired";
const FIELD: &str = "before";
/// The field of `settings.changed` that sets the limit.
const RETENTION: &str = "audit.retention_days";

impl App {
    /// Erases what is too old, in every organization where something may be.
    #[boxed]
    pub async fn expire_audit(&self) -> Result<()> {
        loop {
            let now = self.now();
            let due = async move |connection: &mut Connection<'_>| {
                store::orgs::audit_expiring(connection, now, ORGS).await
            };
            let due = self.database().read(due).await?;
            for org in &due {
                let next = self.expire_audit_of(org).await?;
                let (context, org) = (OrgContext::from(org.id), org.clone());
                self.maintain(context, async move |connection| {
                    store::orgs::audit_expires(connection, &org, next).await
                })
                .await?;
            }
            if due.len() < usize::from(ORGS) {
                return Ok(());
            }
        }
    }

    /// Erases what is too old; when something will be next, at the earliest.
    async fn expire_audit_of(&self, org: &Org) -> Result<Option<Timestamp>> {
        if org.settings.audit.retention_days == 0 {
            return Ok(None);
        }
        let tomorrow = Some(self.now().plus(DAY));
        let context = OrgContext::from(org.id);
        if !self.is_retention_sealed(org).await? {
            tracing::warn!(org = %org.id, days = org.settings.audit.retention_days, "nothing is erased from the audit log: \
                no entry of it says that this retention was set. Set it again in the settings.");
            return Ok(tomorrow);
        }
        let kept = DAY * u32::from(org.settings.audit.retention_days);
        let limit = midnight(self.now().minus(kept));
        let end = EntryId(boundary(limit));
        let look = async |connection: &mut Connection<'_>| {
            let tree = audit_tree::find(connection, context).await?;
            let Some(after) = tree.map(|tree| tree.expired_to) else { return Ok(None) };
            let oldest = store::audit::expiring(connection, context, after, LAST, 1).await?;
            Ok(Some((after, oldest)))
        };
        let Some((mut after, oldest)) = self.database().read(look).await? else { return Ok(tomorrow) };
        // The first midnight of which an entry made then is too old.
        let too_old = |made: Timestamp| Some(midnight(made).plus(DAY).plus(kept));
        if oldest.is_none_or(|oldest| oldest >= end) {
            return Ok(too_old(oldest.map_or(self.now(), |oldest| made_at(oldest.0))));
        }
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
            // The rest is younger; when the next one is too old is looked at when it may be.
            let Some(last) = erased else { return Ok(too_old(limit)) };
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
