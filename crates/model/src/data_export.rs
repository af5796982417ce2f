//! An export of all that is held on a person: who asked for it, where it stands, and until when it can be fetched.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Agent, DataExportId, LinkId, OrgContext, Timestamp, UserId, names::names};

/// For how long an export can be fetched, once it was asked for and again once it is ready.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);

names! {
    /// Where an export stands.
    ExportState {
        /// It is being put together.
        Queued = "queued",
        /// It can be fetched.
        Ready = "ready",
    }
}

/// An export, without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataExport {
    /// Its id.
    pub id: DataExportId,
    /// In which organization.
    pub org: OrgContext,
    /// Whose data.
    pub user: UserId,
    /// Who asked for it; nobody else may fetch it.
    pub asked_by: Agent,
    /// Where it stands.
    pub state: ExportState,
    /// The link that it is fetched through, once it is ready.
    pub link: Option<LinkId>,
    /// Bytes of the file.
    pub size: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was ready.
    pub ready_at: Option<Timestamp>,
    /// It is removed then.
    pub expires_at: Timestamp,
}
