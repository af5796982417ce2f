//! The rows of `group_nestings`: which groups stand in which, from whom, since and until when; how deep, and by what way
//! one leads to another. A group may stand in several: the groups make no tree, but never a circle (`app/groups`).

use std::collections::{HashMap, HashSet, VecDeque};

use model::{GroupId, OrgContext, Result, Timestamp, grant::Given};
use serde::{Deserialize, Serialize};

use crate::{Connection, Record, Row, Sql, Value, access::id_list, boxed, grants::given, values};

/// A group that another one stands in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nesting {
    /// The outer group.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// Who put the inner one there, when, and on what terms.
    pub given: Given,
}

impl Record for Nesting {
    fn read(row: &Row<'_>) -> Result<Self> {
        let mut columns = row.columns();
        Ok(Self { group: columns.take()?, name: columns.take()?, given: given(&mut columns)? })
    }
}

/// The groups that a group stands in directly, by name.
#[boxed]
pub async fn parents(
    connection: &mut Connection<'_>,
    context: OrgContext,
    child: GroupId,
) -> Result<Vec<Nesting>> {
    let sql = "SELECT n.parent_id, g.name, n.granted_by, n.granted_at, n.reason, n.valid_from, n.valid_until \
               FROM group_nestings n CROSS JOIN groups g \
               WHERE n.org_id = $1 AND n.child_id = $2 AND g.org_id = $1 AND g.id = n.parent_id \
               ORDER BY g.name_key, g.id";
    connection.all(sql, values![context.org, child]).await
}

/// The groups that stand in a group directly.
#[boxed]
pub async fn children(
    connection: &mut Connection<'_>,
    context: OrgContext,
    parent: GroupId,
) -> Result<Vec<GroupId>> {
    let sql = "SELECT child_id FROM group_nestings WHERE org_id = $1 AND parent_id = $2 ORDER BY child_id";
    let rows: Vec<(GroupId,)> = connection.all(sql, values![context.org, parent]).await?;
    Ok(rows.into_iter().map(|(child,)| child).collect())
}

/// Puts a group into another; doing it again changes who, when, why and how long.
#[boxed]
pub async fn add(
    connection: &mut Connection<'_>,
    context: OrgContext,
    parent: GroupId,
    child: GroupId,
    given: &Given,
) -> Result<()> {
    let sql = "INSERT INTO group_nestings \
               (org_id, parent_id, child_id, granted_by, granted_at, reason, valid_from, valid_until) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
               ON CONFLICT (org_id, child_id, parent_id) DO UPDATE SET granted_by = $4, granted_at = $5, \
               reason = $6, valid_from = $7, valid_until = $8";
    let (by, terms) = (given.by.to_string(), &given.terms);
    let bound = values![
        context.org,
        parent,
        child,
        &by,
        given.at,
        &terms.reason,
        terms.valid_from,
        terms.valid_until
    ];
    connection.execute(sql, bound).await?;
    Ok(())
}

/// Takes a group out of another; true if it stood there.
#[boxed]
pub async fn remove(
    connection: &mut Connection<'_>,
    context: OrgContext,
    parent: GroupId,
    child: GroupId,
) -> Result<bool> {
    let sql = "DELETE FROM group_nestings WHERE org_id = $1 AND parent_id = $2 AND child_id = $3";
    Ok(connection.execute(sql, values![context.org, parent, child]).await? > 0)
}

/// How many levels there are from a group upwards, the group included; counted to 17 at most.
#[boxed]
pub async fn levels_above(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
) -> Result<usize> {
    let sql = "WITH RECURSIVE chain (id, level) AS ( \
               SELECT g.id, 1 FROM groups g WHERE g.org_id = $1 AND g.id = $2 UNION \
               SELECT n.parent_id, chain.level + 1 FROM chain CROSS JOIN group_nestings n \
               WHERE n.org_id = $1 AND n.child_id = chain.id AND chain.level < 17) \
               SELECT COALESCE(max(level), 0) FROM chain";
    levels(connection, context, group, sql).await
}

/// How many levels there are from a group downwards, the group included; counted to 17 at most.
#[boxed]
pub async fn levels_below(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
) -> Result<usize> {
    let sql = "WITH RECURSIVE chain (id, level) AS ( \
               SELECT g.id, 1 FROM groups g WHERE g.org_id = $1 AND g.id = $2 UNION \
               SELECT n.child_id, chain.level + 1 FROM chain CROSS JOIN group_nestings n \
               WHERE n.org_id = $1 AND n.parent_id = chain.id AND chain.level < 17) \
               SELECT COALESCE(max(level), 0) FROM chain";
    levels(connection, context, group, sql).await
}

async fn levels(
    connection: &mut Connection<'_>,
    context: OrgContext,
    group: GroupId,
    sql: &'static str,
) -> Result<usize> {
    let (levels,): (i64,) = connection.one(sql, values![context.org, group]).await?;
    Ok(usize::try_from(levels).unwrap_or(usize::MAX))
}

/// A group by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Which.
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// How groups lead to the groups that hold them now.
#[derive(Debug, Default)]
pub struct Ways {
    parents: HashMap<GroupId, Vec<GroupId>>,
    names: HashMap<GroupId, String>,
}

/// The ways upwards from these groups at `now`.
#[boxed]
pub async fn ways_up(
    connection: &mut Connection<'_>,
    context: OrgContext,
    from: &[GroupId],
    now: Timestamp,
) -> Result<Ways> {
    const EDGES: Sql = Sql::by_engine(
        "WITH RECURSIVE held (id) AS (SELECT unhex(value) FROM json_each($2) UNION \
         SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id \
         AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3)) \
         SELECT g.id, g.name, n.parent_id FROM held CROSS JOIN groups g LEFT JOIN group_nestings n \
         ON n.org_id = $1 AND n.child_id = held.id \
         AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3) \
         WHERE g.org_id = $1 AND g.id = held.id ORDER BY g.name_key, g.id",
        "WITH RECURSIVE held (id) AS (SELECT value::uuid FROM jsonb_array_elements_text($2::jsonb) UNION \
         SELECT n.parent_id FROM held CROSS JOIN group_nestings n WHERE n.org_id = $1 AND n.child_id = held.id \
         AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3)) \
         SELECT g.id, g.name, n.parent_id FROM held CROSS JOIN groups g LEFT JOIN group_nestings n \
         ON n.org_id = $1 AND n.child_id = held.id \
         AND (n.valid_from IS NULL OR n.valid_from <= $3) AND (n.valid_until IS NULL OR n.valid_until > $3) \
         WHERE g.org_id = $1 AND g.id = held.id ORDER BY g.name_key, g.id",
    );
    let list = id_list(from);
    let rows: Vec<(GroupId, String, Option<GroupId>)> =
        connection.all(EDGES, values![context.org, Value::Json(&list), now]).await?;
    let mut ways = Ways::default();
    for (group, name, parent) in rows {
        ways.names.insert(group, name);
        ways.parents.entry(group).or_default().extend(parent);
    }
    Ok(ways)
}

impl Ways {
    /// Every group on the ways.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &str)> {
        self.names.iter().map(|(id, name)| (*id, name.as_str()))
    }

    /// The group and every other on the ways from which it is reached.
    pub fn below(&self, group: GroupId) -> HashSet<GroupId> {
        let mut children: HashMap<GroupId, Vec<GroupId>> = HashMap::new();
        for (child, parents) in &self.parents {
            for parent in parents {
                children.entry(*parent).or_default().push(*child);
            }
        }
        let (mut below, mut waiting) = (HashSet::from([group]), vec![group]);
        while let Some(parent) = waiting.pop() {
            let inside = children.get(&parent).into_iter().flatten();
            waiting.extend(inside.filter(|child| below.insert(**child)));
        }
        below
    }

    /// For every group that is reached from these: a shortest way, from one of them up to the group itself.
    pub fn from(&self, starts: &[GroupId]) -> HashMap<GroupId, Vec<Named>> {
        let mut before: HashMap<GroupId, Option<GroupId>> = HashMap::new();
        let mut waiting: VecDeque<GroupId> = VecDeque::new();
        for start in starts.iter().filter(|start| self.names.contains_key(start)) {
            if before.insert(*start, None).is_none() {
                waiting.push_back(*start);
            }
        }
        let mut seen: HashSet<GroupId> = before.keys().copied().collect();
        while let Some(group) = waiting.pop_front() {
            for parent in self.parents.get(&group).into_iter().flatten() {
                if seen.insert(*parent) {
                    before.insert(*parent, Some(group));
                    waiting.push_back(*parent);
                }
            }
        }
        before.keys().map(|group| (*group, self.way(*group, &before))).collect()
    }

    fn way(&self, to: GroupId, before: &HashMap<GroupId, Option<GroupId>>) -> Vec<Named> {
        let mut way = Vec::new();
        let mut at = Some(to);
        while let Some(group) = at {
            way.push(Named { id: group, name: self.names.get(&group).cloned().unwrap_or_default() });
            at = before.get(&group).copied().flatten();
        }
        way.reverse();
        way
    }
}
