//! Accepting a loss: somebody on the host says that a log is less than, or other than, what this server knew of it, and
//! why. It becomes a sealed entry that names the gap, and the log grows on from where it is.

use model::{
    Error, Kind, Org, OrgContext, Permission, Result, Timestamp,
    audit::{Changed, Changes, Entry, checkpoint::Checkpoint, seal::hex},
    grant::GrantTerms,
    merkle::Frontier,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Connection, boxed};

use super::{
    guard::{Standing, Trouble, compare},
    vanished::VanishedLog,
};
use crate::{Actor, App, Operation, operation::Event};

/// The event that says so.
pub(super) const EVENT: &str = "audit.loss_accepted";

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedLoss {
    /// So many entries the log was known to have.
    pub known: u64,
    /// So many it has, with which it goes on.
    pub kept: u64,
    /// What was wrong.
    pub troubles: Vec<Trouble>,
}

/// A loss that an entry of the log says was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    kept: u64,
    at: Timestamp,
    is_contradicted: bool,
}

impl Loss {
    /// The loss that an entry names.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let value = |field: &str| entry.changes.get(field).map(|changed| &changed.after);
        Some(Self {
            kept: value("entries")?.as_u64()?,
            at: entry.at,
            is_contradicted: value("contradicted")?.as_bool()?,
        })
    }

    /// When it was accepted.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether a checkpoint is about what was lost.
    pub(super) fn covers(&self, checkpoint: &Checkpoint) -> bool {
        checkpoint.at <= self.at && (self.is_contradicted || checkpoint.size > self.kept)
    }
}

impl App {
    /// Accepts what is missing from a log; refused when nothing is. Only for somebody on the host.
    #[boxed]
    pub async fn accept_audit_loss(&self, actor: &Actor, org: &Org, reason: &str) -> Result<AcceptedLoss> {
        let context = OrgContext::from(org.id);
        let reason = GrantTerms::until(None, reason).checked(self.now())?.reason;
        if reason.is_empty() {
            let message = "Say why: a restored backup, a fail-over, what was found.";
            return Err(Error::invalid_field("reason", "audit.reason_missing", message));
        }
        let vanished = self.vanished_logs().await?;
        let (head, tree) = (self.audit_head(org.id)?, self.tree(context).await?);
        let (known, kept) = (head.clone(), tree.clone());
        let compared = self
            .database()
            .read(async |connection: &mut Connection<'_>| {
                compare(connection, context, known.as_ref(), kept.as_ref()).await
            })
            .await?;
        let mut troubles = self.audit_troubles(org.id)?;
        troubles.extend(vanished.iter().map(|log| log.trouble(self.now())));
        if compared == Standing::Whole && troubles.is_empty() {
            let message = "Nothing is missing from this log, as far as this server knows. `muster audit verify` compares all.";
            return Err(Error::new(Kind::Conflict, "audit.no_loss", message));
        }
        let frontier = tree.map_or_else(Frontier::default, |tree| tree.frontier);
        let is_contradicted = troubles.iter().any(|trouble| trouble.code == "log.contradicted")
            || matches!(compared, Standing::Broken { code: "log.contradicted", .. });
        let known = head.as_ref().map_or(0, |head| head.size);
        let known_root = head.as_ref().map_or_else(String::new, |head| hex(&head.root));
        let entries: Vec<String> =
            troubles.iter().filter_map(|trouble| trouble.entry).map(|id| id.to_string()).collect();
        let from_to = |before: Value, after: Value| Changed { before, after };
        let changes = Changes::from([
            ("entries".to_owned(), from_to(known.into(), frontier.size().into())),
            ("root".to_owned(), from_to(known_root.into(), hex(&frontier.root()).into())),
            ("contradicted".to_owned(), from_to(Value::Null, is_contradicted.into())),
            ("missing".to_owned(), from_to(json!(entries), Value::Null)),
        ]);
        let (id, name) = (org.id.0, org.name.clone());
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.record(Event {
                name: EVENT,
                target_type: "org",
                target: id,
                target_name: &name,
                changes: changes.clone(),
                reason: reason.clone(),
            });
            Ok(())
        };
        self.run(actor, Permission::AuditRead, deed).await?;
        self.believe(org.id, Some((frontier.size(), frontier.root())))?;
        vanished.iter().try_for_each(VanishedLog::put_aside)?;
        self.sequence(context).await?;
        Ok(AcceptedLoss { known, kept: frontier.size(), troubles })
    }

    /// The losses that sealed entries of the log accept.
    pub(super) async fn accepted_losses(&self, context: OrgContext) -> Result<Vec<Loss>> {
        let target = context.org.0;
        let read = async |connection: &mut Connection<'_>| {
            let mut found = Vec::new();
            for id in store::audit::of_event(connection, context, target, EVENT, 100).await? {
                found.extend(store::audit::find(connection, context, id).await?);
            }
            Ok(found)
        };
        // One that can't be read accepts nothing; it is told of in its turn.
        let found = self.database().read(read).await.unwrap_or_default();
        let intact = found.iter().filter(|stored| {
            stored.leaf(context.org).is_some_and(|leaf| self.is_intact(context, stored, &leaf))
        });
        Ok(intact.filter_map(|stored| Loss::of(&stored.entry)).collect())
    }
}
