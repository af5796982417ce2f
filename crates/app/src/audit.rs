//! The audit log: reading it, and what makes it prove itself.
//!
//! Entries are written and sealed by `operation.rs`. Here they get their place in a Merkle tree (`sequence.rs`), the tree
//! is signed (`checkpoint.rs`) and compared with what is known of it outside the database (`guard.rs`), everything is recomputed and compared (`verify.rs`), single entries are proven
//! (`prove.rs`), and old ones lose their personal values (`expire.rs`). `docs/audit-format.md` is the format.

pub mod accept;
pub mod checkpoint;
pub(crate) mod denial;
mod expire;
pub mod export;
mod files;
pub mod guard;
mod naming;
pub mod prove;
mod sequence;
pub mod vanished;
pub mod verify;

use model::{
    OrgContext, Permission, Result,
    audit::{
        Entry,
        query::{AuditPage, AuditQuery},
    },
    merkle::Hash,
};
use store::{Connection, boxed};

use crate::{Actor, App, keys::Keys};

impl App {
    /// A page of the log.
    #[boxed]
    pub async fn audit(&self, actor: &Actor, query: AuditQuery) -> Result<AuditPage<Entry>> {
        actor.require(Permission::AuditRead)?;
        self.audit_page(actor, query).await
    }

    /// A page of an export that has begun: for those who may export, whether or not they may look.
    #[boxed]
    pub async fn audit_export_page(&self, actor: &Actor, query: AuditQuery) -> Result<AuditPage<Entry>> {
        actor.require(Permission::AuditExport)?;
        self.audit_page(actor, query).await
    }

    async fn audit_page(&self, actor: &Actor, query: AuditQuery) -> Result<AuditPage<Entry>> {
        let (context, query) = (actor.context, query.checked()?);
        self.database()
            .read_blocking(async move |connection: &mut Connection<'_>| {
                store::audit_list::page(connection, context, &query).await
            })
            .await
    }
}

/// The HMAC of an entry: who has no key can neither change one nor make one.
pub(crate) fn entry_mac(keys: &Keys, context: OrgContext, leaf: &Hash) -> Hash {
    keys.derive("audit entry", &[context.org.0.as_bytes(), leaf])
}

/// The HMAC of how far a tree has grown.
pub(crate) fn tree_mac(keys: &Keys, context: OrgContext, size: u64, root: &Hash) -> Hash {
    keys.derive("audit tree", &[context.org.0.as_bytes(), &size.to_be_bytes(), root])
}
