//! What a role allows as rows of cells: Muster's permissions by what they are about, then the applications'.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Permission, Rights,
    activity_words::in_words,
    application_permission::ApplicationPermission,
    catalogue::{self, OWN_ACCOUNT},
    role::Allowed,
};

use super::view::roles::{Cell, MatrixRow};

/// What the matrix is for.
pub(crate) enum Viewer<'v> {
    /// To be read.
    Reads,
    /// To be ticked by somebody with these rights.
    Ticks(&'v Rights),
}

const NOT_YOURS: &str = "You don't hold it yourself.";

/// The rows, with what is allowed marked.
pub(crate) fn rows(allowed: &Allowed, own: &[ApplicationPermission], viewer: &Viewer<'_>) -> Vec<MatrixRow> {
    let mut rows: Vec<MatrixRow> =
        catalogue::rows().into_iter().map(|row| of_muster(row, allowed, viewer)).collect();
    let mut account = of_muster(catalogue::own_account(), allowed, viewer);
    "Everybody may do this, whatever the roles.".clone_into(&mut account.note);
    for cell in &mut account.cells {
        cell.held = true;
        if matches!(viewer, Viewer::Ticks(_)) {
            "Everybody may.".clone_into(&mut cell.locked);
        }
    }
    rows.push(account);
    rows.extend(of_applications(allowed, own, viewer));
    rows
}

fn of_muster(row: catalogue::Row, allowed: &Allowed, viewer: &Viewer<'_>) -> MatrixRow {
    let cell = |permission: Permission| Cell {
        name: permission.as_str().to_owned(),
        label: permission.action(),
        sentence: permission.sentence().to_owned(),
        held: allowed.permissions.contains(permission),
        locked: match viewer {
            Viewer::Ticks(rights) if !rights.org.contains(permission) => NOT_YOURS.to_owned(),
            _ => String::new(),
        },
    };
    MatrixRow {
        id: row.resource.to_owned(),
        label: row.label.to_owned(),
        note: String::new(),
        cells: row.permissions.into_iter().map(cell).collect(),
    }
}

/// One row for each thing that the applications know.
fn of_applications(allowed: &Allowed, own: &[ApplicationPermission], viewer: &Viewer<'_>) -> Vec<MatrixRow> {
    let mut rows: BTreeMap<&str, Vec<Cell>> = BTreeMap::new();
    for permission in own {
        let (resource, action) = permission.name.split_once(':').unwrap_or((&permission.name, ""));
        let locked = match viewer {
            Viewer::Ticks(rights)
                if !rights.org.contains(Permission::PermissionGrant)
                    && !rights.applications.contains(&permission.name) =>
            {
                NOT_YOURS.to_owned()
            }
            _ => String::new(),
        };
        rows.entry(resource).or_default().push(Cell {
            name: permission.name.clone(),
            label: in_words(action),
            sentence: permission.description.clone(),
            held: allowed.applications.contains(&permission.name),
            locked,
        });
    }
    let row = |(resource, cells): (&str, Vec<Cell>)| MatrixRow {
        id: format!("application-{resource}"),
        label: in_words(resource),
        note: "Of your applications.".to_owned(),
        cells,
    };
    rows.into_iter().map(row).collect()
}

/// The names that were ticked, less what everybody may do anyway.
pub(crate) fn ticked<'n>(names: impl Iterator<Item = &'n str>) -> BTreeSet<String> {
    let own = format!("{OWN_ACCOUNT}:");
    names.filter(|name| !name.starts_with(&own)).map(str::to_owned).collect()
}
