//! To whom a page of users is limited, and which limit finds the fewest.

use model::{OrgContext, Result, Role, Timestamp, filter::UserQuery, rights::Reach};

use super::statement::Limit;
use crate::{
    Connection, Sql, Value,
    access::{self, id_list},
    values,
};

/// To whom a page is limited: ids of groups as JSON, closed under what stands in them.
pub(super) struct Limits {
    /// A role as stored.
    pub(super) role: Option<String>,
    /// The groups through which it is held.
    pub(super) carrying: String,
    /// Those of the group that is asked for.
    pub(super) group: Option<String>,
    /// Those whose people the viewer sees.
    pub(super) reach: Option<String>,
}

impl Limits {
    pub(super) async fn of(
        connection: &mut Connection<'_>,
        context: OrgContext,
        query: &UserQuery,
        reach: &Reach,
        now: Timestamp,
    ) -> Result<Self> {
        let role = query.role.filter(|role| *role != Role::Member);
        let carrying = match role {
            Some(role) => access::carrying(connection, context, &[role]).await?,
            None => Vec::new(),
        };
        let group = match query.group {
            Some(group) => Some(id_list(&access::inside(connection, context, &[group], now).await?)),
            None => None,
        };
        let reach = match reach {
            Reach::Everybody => None,
            Reach::Groups(groups) => Some(id_list(&access::inside(connection, context, groups, now).await?)),
        };
        Ok(Self { role: role.map(|role| role.to_string()), carrying: id_list(&carrying), group, reach })
    }

    /// The limit by which few are found, if there is one: then these are looked at, else the list is walked.
    pub(super) async fn narrowest(
        &self,
        connection: &mut Connection<'_>,
        context: OrgContext,
        most: u16,
    ) -> Result<Option<Limit>> {
        // Holders of a role are counted with both: those who hold it and those in groups that carry it.
        const HOLDERS: Sql = Sql::by_engine(
            "SELECT count(*) FROM (SELECT 1 FROM role_grants WHERE org_id = $1 AND role = $2 UNION ALL \
             SELECT 1 FROM json_each($3) f CROSS JOIN group_members m \
             WHERE m.org_id = $1 AND m.group_id = unhex(f.value) LIMIT $4) found",
            "SELECT count(*) FROM (SELECT 1 FROM role_grants WHERE org_id = $1 AND role = $2 UNION ALL \
             SELECT 1 FROM jsonb_array_elements_text($3::jsonb) f (value) CROSS JOIN group_members m \
             WHERE m.org_id = $1 AND m.group_id = f.value::uuid LIMIT $4) found",
        );
        let most = i64::from(most) + 1;
        let mut narrowest: Option<(i64, Limit)> = None;
        let role = self.role.as_deref();
        let limits = [
            (Limit::Role, role.map(|role| (role, self.carrying.as_str()))),
            (Limit::Group, self.group.as_deref().map(|groups| ("", groups))),
            (Limit::Reach, self.reach.as_deref().map(|groups| ("", groups))),
        ];
        for (limit, asked) in limits {
            let Some((role, groups)) = asked else { continue };
            let bound = values![context.org, role, Value::Json(groups), most];
            let (found,): (i64,) = connection.one(HOLDERS, bound).await?;
            if found < most && narrowest.is_none_or(|(fewest, _)| found < fewest) {
                narrowest = Some((found, limit));
            }
        }
        Ok(narrowest.map(|(_, limit)| limit))
    }
}
