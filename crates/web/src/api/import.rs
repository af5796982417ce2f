//! Importing users through the API: rows in, a verdict on each out. Reading files is the caller's.

use std::collections::BTreeMap;

use app::import::{Listed, Row, Taking, Verdict};
use axum::extract::State;
use model::{UserFields, error::FieldError, given_date, object::no_list};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    Shared,
    auth::Caller,
    extract::Json,
    json::read_object,
    problem::{Answer, FieldProblem, ProblemDocument},
};

/// Rows to import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportBody {
    /// At most 100.
    rows: Vec<ImportRow>,
    /// Whether who is new is invited; else staged.
    #[serde(default)]
    invite: bool,
    /// Whether groups that don't exist are created, which wants `group:create`.
    #[serde(default)]
    create_groups: bool,
}

/// One row to import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportRow {
    /// The record; an email is enough.
    #[serde(deserialize_with = "no_list")]
    fields: UserFields,
    /// Roles to give.
    #[serde(default)]
    roles: Vec<String>,
    /// Groups to join, by id or name.
    #[serde(default)]
    groups: Vec<String>,
}

/// What came of the rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportView {
    /// In the order of the rows.
    verdicts: Vec<VerdictView>,
    /// The names of the groups that were created.
    created_groups: Vec<String>,
    /// The names of groups that don't exist, each with the number of rows that were refused for it.
    missing_groups: BTreeMap<String, u64>,
}

/// What came of one row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictView {
    /// `created`, `unchanged` (was there already) or `refused`.
    verdict: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// Of one that is unchanged: what stands in the way of what the row says (`import.in_trash`, `import.deprovisioned`,
    /// `import.suspended`), and which fields of the record say something else (`import.differs`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<FieldProblem>,
}

/// Import users
///
/// Each row with its own verdict; good rows are taken, staged, whatever becomes of the others.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/import", tag = "Users", request_body = ImportBody,
    responses((status = 200, body = ImportView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn import(
    State(shared): State<Shared>,
    caller: Caller,
    Json(mut sent): Json<Map<String, Value>>,
) -> Answer<axum::Json<ImportView>> {
    let zone = caller.org.settings.zone();
    for row in sent.get_mut("rows").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::Object(fields)) = row.get_mut("fields") {
            given_date::settle(fields, &zone);
        }
    }
    let body: ImportBody = read_object(sent)?;
    let number = |(line, row): (u64, ImportRow)| Row {
        line,
        fields: row.fields,
        roles: Listed::Names(row.roles),
        groups: Listed::Names(row.groups),
    };
    let rows = (1..).zip(body.rows).map(number).collect();
    let taking = Taking { invite: body.invite, create_groups: body.create_groups };
    let imported = shared.app.import_users(&caller.actor, &caller.org, rows, taking).await?;
    let problems = |fields: &[FieldError]| fields.iter().map(FieldProblem::from).collect();
    let view = |verdict: &Verdict| match verdict {
        Verdict::Created => VerdictView { verdict: "created", errors: Vec::new(), notes: Vec::new() },
        Verdict::Unchanged { notes } => {
            VerdictView { verdict: "unchanged", errors: Vec::new(), notes: problems(notes) }
        }
        Verdict::Refused { fields } => {
            VerdictView { verdict: "refused", errors: problems(fields), notes: Vec::new() }
        }
    };
    let verdicts = imported.verdicts.iter().map(view).collect();
    Ok(axum::Json(ImportView {
        verdicts,
        created_groups: imported.created_groups,
        missing_groups: imported.missing_groups,
    }))
}
