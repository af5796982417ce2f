//! What can be asked of Muster about groups on the command line, as data, and what comes of it.

use super::Span;
use app::groups::{DeletedGroup, GroupPatch, MemberVerdict};
use serde::{Deserialize, Serialize};

use crate::view::{GroupView, MemberView, UserView};

/// What to do with groups; a group is named by id or name, a user in any way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupDeed {
    List {
        search: String,
        parent: Option<String>,
        role: Option<String>,
        owner: Option<String>,
        limit: u16,
        cursor: Option<String>,
    },
    Show {
        group: String,
    },
    Create {
        name: String,
        description: String,
        parents: Vec<String>,
        roles: Vec<String>,
        owners: Vec<String>,
    },
    Edit {
        group: String,
        patch: GroupPatch,
        version: Option<i64>,
    },
    Delete {
        group: String,
    },
    Members {
        group: String,
        effective: bool,
        limit: u16,
        cursor: Option<String>,
    },
    Add {
        group: String,
        user: String,
        terms: Span,
    },
    AddMany {
        group: String,
        lines: Vec<String>,
        terms: Span,
    },
    Remove {
        group: String,
        user: String,
    },
    Place {
        group: String,
        place: Place,
    },
    Grant {
        group: String,
        role: String,
        over: Option<String>,
        terms: Span,
    },
    Revoke {
        group: String,
        role: String,
        over: Option<String>,
    },
    Owner {
        group: String,
        user: String,
        remove: bool,
    },
}

/// Where a group comes to stand, or stands no more.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    Into { parent: String, terms: Span },
    OutOf { parent: String },
    Move { from: String, to: String },
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupOutcome {
    Groups { items: Vec<GroupView>, next: Option<String> },
    Group(GroupView),
    Deleted(DeletedGroup),
    Members { items: Vec<MemberView>, next: Option<String> },
    User(Box<UserView>),
    Verdicts(Vec<MemberVerdict>),
}
