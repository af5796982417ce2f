//! The rows of the table, in its order: one file for each kind of work.

pub(super) mod access;
mod audit;
mod check;
mod create;
mod footprint;
mod limits;
mod list;
mod search;
mod sign_in;
mod suspend;

use super::{
    context::Bench,
    figure::{Figure, Unit},
};
use futures_util::future::LocalBoxFuture;
use model::Result;

/// One measurement.
pub(crate) type Action = for<'a> fn(&'a mut Bench) -> LocalBoxFuture<'a, Result<Figure>>;

/// One line of the table: what is done, what limits it, and how Muster does it.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// Number in the list of goals; 0 is a limit that stands alone.
    pub(crate) number: u8,
    pub(crate) work: &'static str,
    pub(crate) unit: Unit,
    /// What is wanted, in words, printed beside what was found.
    pub(crate) goal: &'static str,
    /// P; nothing where the goal is absolute.
    pub(crate) limit: Option<Action>,
    /// Muster; nothing for a limit that stands alone.
    pub(crate) ours: Option<Action>,
    /// Whether more rounds would only repeat it (a file's size).
    pub(crate) once: bool,
    /// Whether it is measured on PostgreSQL, and left out without one.
    pub(crate) postgres: bool,
}

impl Row {
    /// A row of the list of goals.
    const fn new(number: u8, work: &'static str, unit: Unit, goal: &'static str) -> Self {
        Self { number, work, unit, goal, limit: None, ours: None, once: false, postgres: false }
    }

    /// What limits it.
    const fn limit(self, limit: Action) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// How Muster does it.
    const fn ours(self, ours: Action) -> Self {
        Self { ours: Some(ours), ..self }
    }

    /// More rounds would only repeat it.
    const fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// Needs PostgreSQL.
    const fn postgres(self) -> Self {
        Self { postgres: true, ..self }
    }
}

/// Every row.
pub(crate) fn all() -> Vec<Row> {
    [
        limits::ROWS,
        create::ROWS,
        list::ROWS,
        search::ROWS,
        sign_in::ROWS,
        check::ROWS,
        suspend::ROWS,
        footprint::ROWS,
        audit::ROWS,
        access::ROWS,
    ]
    .concat()
}
