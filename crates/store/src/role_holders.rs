//! Who holds a role: how many users and groups, and which, a page at a time. Reads what `grants.rs` writes.
//!
//! The groups come first, then the users, both in the order of their ids: that is the order of an index, so that a page
//! of a role that everybody holds costs what the page of any other does.

use model::{
    GroupId, OrgContext, Result, RoleKey, Timestamp, UserId,
    grant::{Given, Holder},
    role::Scope,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Connection, Record, Row, boxed, grants::given, values};

/// Holders are counted up to here.
pub const COUNTED: i64 = 10_000;

/// How many hold a role directly: exact up to `COUNTED`, one more for “more than that”.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HolderCounts {
    /// Users, each once, whatever the scopes.
    pub users: i64,
    /// Groups that carry it.
    pub groups: i64,
}

/// A user or a group that holds a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleHolder {
    /// Who.
    pub holder: Holder,
    /// As shown.
    pub name: String,
    /// A user's email, or a group's description.
    pub detail: String,
    /// Where it counts.
    pub scope: Scope,
    /// The name of the group over which it counts; empty for the whole organization.
    pub scope_name: String,
    /// From whom, since and until when.
    pub given: Given,
}

/// Between which holders a page lies: the last one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whether it is a user; else a group.
    pub is_user: bool,
    /// Whose id.
    pub id: Uuid,
    /// In which scope.
    pub scope: Uuid,
}

struct Found {
    org: Uuid,
    id: Uuid,
    name: String,
    detail: Option<String>,
    scope: Uuid,
    scope_name: Option<String>,
    given: Given,
}

impl Record for Found {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self {
            org: columns.take()?,
            id: columns.take()?,
            name: columns.take()?,
            detail: columns.take()?,
            scope: columns.take()?,
            scope_name: columns.take()?,
            given: given(&mut columns)?,
        })
    }
}

impl Found {
    fn holder(self, is_user: bool) -> RoleHolder {
        RoleHolder {
            holder: if is_user { Holder::User(UserId(self.id)) } else { Holder::Group(GroupId(self.id)) },
            name: self.name,
            detail: self.detail.unwrap_or_default(),
            scope: Scope::of(self.scope, model::OrgId(self.org).into()),
            scope_name: self.scope_name.unwrap_or_default(),
            given: self.given,
        }
    }
}

/// How many hold a role, now or later.
#[boxed]
pub async fn count(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: RoleKey,
    now: Timestamp,
) -> Result<HolderCounts> {
    let users = "SELECT count(*) FROM (SELECT DISTINCT user_id FROM role_grants WHERE org_id = $1 AND role = $2 \
                 AND (valid_until IS NULL OR valid_until > $3) LIMIT $4) held";
    let groups = "SELECT count(*) FROM (SELECT DISTINCT group_id FROM group_roles WHERE org_id = $1 AND role = $2 \
                  AND (valid_until IS NULL OR valid_until > $3) LIMIT $4) held";
    let role = role.to_string();
    let (users,): (i64,) = connection.one(users, values![context.org, &role, now, COUNTED + 1]).await?;
    let (groups,): (i64,) = connection.one(groups, values![context.org, &role, now, COUNTED + 1]).await?;
    Ok(HolderCounts { users, groups })
}

/// The same for every role of the organization's own, by key.
#[boxed]
pub async fn count_own(
    connection: &mut Connection<'_>,
    context: OrgContext,
    now: Timestamp,
) -> Result<Vec<(String, i64, i64)>> {
    let sql = "SELECT r.id, \
               (SELECT count(*) FROM (SELECT DISTINCT g.user_id FROM role_grants g WHERE g.org_id = $1 \
               AND g.role = r.id AND (g.valid_until IS NULL OR g.valid_until > $2) LIMIT $3) held), \
               (SELECT count(*) FROM (SELECT DISTINCT g.group_id FROM group_roles g WHERE g.org_id = $1 \
               AND g.role = r.id AND (g.valid_until IS NULL OR g.valid_until > $2) LIMIT $3) held) \
               FROM roles r WHERE r.org_id = $1 ORDER BY r.id";
    connection.all(sql, values![context.org, now, COUNTED + 1]).await
}

/// At most `limit` holders after `from`, or `backwards` before it, nearest first.
#[boxed]
pub async fn page(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: RoleKey,
    (from, backwards): (Option<Place>, bool),
    limit: u16,
    now: Timestamp,
) -> Result<Vec<RoleHolder>> {
    let mut holders = Vec::new();
    for is_user in [backwards, !backwards] {
        // Which of the two comes first the direction says; what lies before the place is left out.
        let bound = match from {
            Some(place) if place.is_user == is_user => (place.id, place.scope),
            Some(place) if place.is_user != backwards => continue,
            _ if backwards => (Uuid::max(), Uuid::max()),
            _ => (Uuid::nil(), Uuid::nil()),
        };
        let left = i64::from(limit) - i64::try_from(holders.len()).unwrap_or(i64::MAX);
        if left > 0 {
            let found = part(connection, context, role, (is_user, backwards), bound, left, now).await?;
            holders.extend(found.into_iter().map(|found| found.holder(is_user)));
        }
    }
    Ok(holders)
}

async fn part(
    connection: &mut Connection<'_>,
    context: OrgContext,
    role: RoleKey,
    which: (bool, bool),
    (id, scope): (Uuid, Uuid),
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Found>> {
    let sql = match which {
        (true, false) => {
            "SELECT g.org_id, g.user_id, COALESCE(u.fields ->> 'display_name', u.fields ->> 'username', ''), \
             u.fields ->> 'email', g.scope_id, s.name, g.granted_by, g.granted_at, g.reason, g.valid_from, g.valid_until \
             FROM role_grants g CROSS JOIN users u \
             LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
             WHERE g.org_id = $1 AND g.role = $2 AND u.org_id = $1 AND u.id = g.user_id AND (g.user_id, g.scope_id) > ($3, $4) \
             AND (g.valid_until IS NULL OR g.valid_until > $5) ORDER BY g.user_id, g.scope_id LIMIT $6"
        }
        (true, true) => {
            "SELECT g.org_id, g.user_id, COALESCE(u.fields ->> 'display_name', u.fields ->> 'username', ''), \
             u.fields ->> 'email', g.scope_id, s.name, g.granted_by, g.granted_at, g.reason, g.valid_from, g.valid_until \
             FROM role_grants g CROSS JOIN users u \
             LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
             WHERE g.org_id = $1 AND g.role = $2 AND u.org_id = $1 AND u.id = g.user_id AND (g.user_id, g.scope_id) < ($3, $4) \
             AND (g.valid_until IS NULL OR g.valid_until > $5) ORDER BY g.user_id DESC, g.scope_id DESC LIMIT $6"
        }
        (false, false) => {
            "SELECT g.org_id, g.group_id, h.name, h.description, \
             g.scope_id, s.name, g.granted_by, g.granted_at, g.reason, g.valid_from, g.valid_until \
             FROM group_roles g CROSS JOIN groups h \
             LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
             WHERE g.org_id = $1 AND g.role = $2 AND h.org_id = $1 AND h.id = g.group_id AND (g.group_id, g.scope_id) > ($3, $4) \
             AND (g.valid_until IS NULL OR g.valid_until > $5) ORDER BY g.group_id, g.scope_id LIMIT $6"
        }
        (false, true) => {
            "SELECT g.org_id, g.group_id, h.name, h.description, \
             g.scope_id, s.name, g.granted_by, g.granted_at, g.reason, g.valid_from, g.valid_until \
             FROM group_roles g CROSS JOIN groups h \
             LEFT JOIN groups s ON s.org_id = $1 AND s.id = g.scope_id \
             WHERE g.org_id = $1 AND g.role = $2 AND h.org_id = $1 AND h.id = g.group_id AND (g.group_id, g.scope_id) < ($3, $4) \
             AND (g.valid_until IS NULL OR g.valid_until > $5) ORDER BY g.group_id DESC, g.scope_id DESC LIMIT $6"
        }
    };
    let role = role.to_string();
    connection.all(sql, values![context.org, &role, id, scope, now, limit]).await
}
