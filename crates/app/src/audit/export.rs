//! Entries as lines of a file: JSON, or CSV that no spreadsheet takes for formulas. That somebody exports is an entry of
//! the log itself.

use model::{
    Error, Org, Permission, Result,
    audit::{Changed, Changes, Entry, query::AuditQuery},
    network::Network,
};
use serde_json::{Value, json};

use store::boxed;

use crate::{Actor, App, Operation, operation::Event};

/// What the lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object to a line.
    Jsonl,
    /// RFC 4180, with a heading.
    Csv,
}

/// The columns of CSV.
const COLUMNS: [&str; 15] = [
    "id",
    "at",
    "event",
    "actor",
    "actor_name",
    "target_type",
    "target",
    "target_name",
    "field",
    "before",
    "after",
    "reason",
    "address",
    "door",
    "request_id",
];

impl Format {
    /// The one of that name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "jsonl" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            _ => Err(Error::invalid_field("format", "export.format", "Choose jsonl or csv.")),
        }
    }

    /// The ending of files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// What stands before the first entry.
    pub fn heading(self) -> String {
        match self {
            Self::Jsonl => String::new(),
            Self::Csv => COLUMNS.join(",") + "\r\n",
        }
    }

    /// An entry: one line of JSON, or a line of CSV for each field that changed.
    pub fn write(self, entry: &Entry, out: &mut String) -> Result<()> {
        match self {
            Self::Jsonl => {
                out.push_str(&serde_json::to_string(entry).map_err(Error::internal)?);
                out.push('\n');
            }
            Self::Csv if entry.changes.is_empty() => row(entry, None, out),
            Self::Csv => entry.changes.iter().for_each(|change| row(entry, Some(change), out)),
        }
        Ok(())
    }
}

fn row(entry: &Entry, change: Option<(&String, &Changed)>, out: &mut String) {
    let plain = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (field, before, after) = match change {
        Some((field, changed)) => (field.clone(), plain(&changed.before), plain(&changed.after)),
        None => <(String, String, String)>::default(),
    };
    let (id, at, actor) = (entry.id.to_string(), entry.at.to_string(), entry.actor.to_string());
    let target = entry.target.to_string();
    let cells = [
        &id,
        &at,
        &entry.event,
        &actor,
        &entry.actor_name,
        &entry.target_type,
        &target,
        &entry.target_name,
        &field,
        &before,
        &after,
        &entry.reason,
        &entry.address,
        entry.door.as_str(),
        &entry.request_id,
    ];
    for (number, text) in cells.into_iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        cell(text, out);
    }
    out.push_str("\r\n");
}

/// A cell that is only text: what a spreadsheet would calculate gets an apostrophe before it.
fn cell(text: &str, out: &mut String) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let is_quoted = is_formula || text.contains([',', '"', '\n', '\r', ';']);
    if is_quoted {
        out.push('"');
    }
    if is_formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    if is_quoted {
        out.push('"');
    }
}

impl App {
    /// Says in the log that somebody exports, and what. Answers whether it may begin: not in a dry run, which would be a
    /// way to export without that.
    #[boxed]
    pub async fn begin_audit_export(
        &self,
        actor: &Actor,
        org: &Org,
        query: &AuditQuery,
        format: Format,
    ) -> Result<bool> {
        let actor = Actor { once: None, ..actor.clone() };
        let (id, name) = (org.id.0, org.name.clone());
        let mut query = AuditQuery { before: None, limit: 0, ..query.clone() }.checked()?;
        // One address is somebody's; the network that it is in is not.
        query.address =
            query.address.and_then(|text| text.parse::<Network>().ok()).map(|at| at.widened().to_string());
        let after = json!({"format": format.ending(), "filter": serde_json::to_value(&query).map_err(Error::internal)?});
        let deed = async move |op: &mut Operation<'_, '_>| {
            let changed = Changed { before: Value::Null, after: after.clone() };
            op.record(Event {
                name: "audit.exported",
                target_type: "org",
                target: id,
                target_name: &name,
                changes: Changes::from([("export".to_owned(), changed)]),
                reason: String::new(),
            });
            Ok(())
        };
        self.run(&actor, Permission::AuditExport, deed).await?;
        Ok(!actor.dry_run)
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_a_formula() {
        let write = |text: &str| {
            let mut out = String::new();
            cell(text, &mut out);
            out
        };
        assert_eq!(write("Ana"), "Ana");
        assert_eq!(write("=1+1"), "\"'=1+1\"");
        assert_eq!(write("@SUM(A1)"), "\"'@SUM(A1)\"");
        assert_eq!(write("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(write("-5\r\nx"), "\"'-5\r\nx\"");
    }
}
