//! What goes into a statement and what comes out of a row: one `Value`, `Row`, `Column` and `Record` for both engines.
//!
//! The rest of the store, and every type of `model`, knows these and no driver. SQL texts are constants with `$1`,
//! `$2` … as their only parameters; nothing is ever pasted into one.

use model::{
    DataExportId, DeviceId, EntryId, Error, GroupId, InvitationId, JobId, LinkId, MailId, OrgId, Result,
    RoleId, SessionId, Timestamp, TokenId, UserId,
};
use uuid::Uuid;

use crate::{postgres, sqlite};

/// One statement, as each engine wants it. Nearly always the same text: then a plain string will do.
#[derive(Debug, Clone, Copy)]
pub struct Sql<'s> {
    pub(crate) sqlite: &'s str,
    pub(crate) postgres: &'s str,
    /// PostgreSQL plans it anew each time, knowing what is bound.
    pub(crate) is_planned_anew: bool,
}

impl Sql<'static> {
    /// Two texts for one question, where the engines have no common words for it.
    pub const fn by_engine(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres, is_planned_anew: false }
    }
}

impl<'s> Sql<'s> {
    /// A text put together from constants: of the lists alone, which have too many ways of asking to write each out.
    pub(crate) const fn made(text: &'s str) -> Self {
        Self { sqlite: text, postgres: text, is_planned_anew: false }
    }

    /// The same, where the best plan on PostgreSQL depends on what is bound: how common a word is.
    pub(crate) const fn made_for_its_values(text: &'s str) -> Self {
        Self { sqlite: text, postgres: text, is_planned_anew: true }
    }
}

impl From<&'static str> for Sql<'static> {
    fn from(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text, is_planned_anew: false }
    }
}

/// A `SELECT` whose rows stay locked until the transaction ends. `SQLite` has one writer, hence nothing to lock.
///
/// ```text
/// connection.optional(locking!("SELECT id, state FROM users WHERE org_id = $1 AND id = $2"), values![org, id]).await?
/// ```
#[macro_export]
macro_rules! locking {
    ($select:expr) => {
        $crate::Sql::by_engine($select, concat!($select, " FOR UPDATE"))
    };
}

/// A parameter of a statement. Borrowed, so that nothing is copied on the way to the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// `NULL`, of whatever type the statement expects.
    Null,
    /// `bigint`, `integer`, `smallint`; also every [`Timestamp`].
    Int(i64),
    /// `boolean`.
    Bool(bool),
    /// `text`.
    Text(&'a str),
    /// `jsonb`: the text of a JSON object. Never made from a plain string by itself: say `Value::Json(&text)`.
    Json(&'a str),
    /// `bytea`.
    Bytes(&'a [u8]),
    /// `uuid`; sixteen bytes in `SQLite`.
    Id(Uuid),
}

impl Value<'_> {
    /// What it is, for the log: never what it holds.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Text(_) => "text",
            Self::Json(_) => "JSON",
            Self::Bytes(_) => "bytes",
            Self::Id(_) => "an id",
        }
    }
}

/// The parameters of a statement: `values![org, id, name.as_deref()]`, in the order of `$1`, `$2`, `$3`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Value::from($value)),*] as &[$crate::Value<'_>]
    };
}

macro_rules! value_from {
    ($($kind:ty => $make:expr),+ $(,)?) => { $(
        impl<'a> From<$kind> for Value<'a> {
            fn from(value: $kind) -> Self {
                $make(value)
            }
        }
    )+ };
}

value_from! {
    i64 => Value::Int,
    bool => Value::Bool,
    &'a str => Value::Text,
    &'a [u8] => Value::Bytes,
    Uuid => Value::Id,
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(value)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.micros())
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer. Columns are read by position, in the order in which the `SELECT` names them.
pub struct Row<'r>(Driver<'r>);

enum Driver<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    pub(crate) fn sqlite(row: &'r rusqlite::Row<'r>) -> Self {
        Self(Driver::Sqlite(row))
    }

    pub(crate) fn postgres(row: &'r tokio_postgres::Row) -> Self {
        Self(Driver::Postgres(row))
    }

    /// The column at `index`, from 0.
    pub fn get<T: Column>(&self, index: usize) -> Result<T> {
        T::read(self, index)
    }

    /// The text (or JSON) at `index`, still inside the row: for types that are parsed from it.
    pub fn text(&self, index: usize) -> Result<&str> {
        match &self.0 {
            Driver::Sqlite(row) => sqlite::column(row, index, rusqlite::types::ValueRef::as_str),
            Driver::Postgres(row) => postgres::column::<postgres::Words<'_>>(row, index).map(|words| words.0),
        }
    }

    /// Whether the column at `index` is `NULL`.
    pub fn is_null(&self, index: usize) -> Result<bool> {
        match &self.0 {
            Driver::Sqlite(row) => sqlite::is_null(row, index),
            Driver::Postgres(row) => postgres::column::<postgres::Absent>(row, index).map(|absent| absent.0),
        }
    }

    /// The last column.
    #[cfg(feature = "testing")]
    pub(crate) fn last<T: Column>(&self) -> Result<T> {
        let columns = match &self.0 {
            Driver::Sqlite(row) => row.as_ref().column_count(),
            Driver::Postgres(row) => row.len(),
        };
        self.get(columns.saturating_sub(1))
    }

    /// The columns one after the other, for a record with many:
    /// `let mut columns = row.columns(); User { id: columns.take()?, name: columns.take()? }`.
    pub fn columns(&self) -> Columns<'_> {
        Columns { row: self, next: 0 }
    }
}

/// Reads a row from left to right; see [`Row::columns`].
pub struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl Columns<'_> {
    /// The next column.
    pub fn take<T: Column>(&mut self) -> Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }
}

/// Something that one column can hold.
pub trait Column: Sized {
    /// Reads the column at `index`.
    fn read(row: &Row<'_>, index: usize) -> Result<Self>;
}

impl Column for i64 {
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        match &row.0 {
            Driver::Sqlite(row) => sqlite::column(row, index, rusqlite::types::ValueRef::as_i64),
            Driver::Postgres(row) => postgres::column::<postgres::Whole>(row, index).map(|whole| whole.0),
        }
    }
}

impl Column for bool {
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        match &row.0 {
            Driver::Sqlite(row) => {
                sqlite::column(row, index, |value| value.as_i64().map(|number| number != 0))
            }
            Driver::Postgres(row) => postgres::column(row, index),
        }
    }
}

impl Column for Vec<u8> {
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        match &row.0 {
            Driver::Sqlite(row) => sqlite::column(row, index, |value| value.as_blob().map(<[u8]>::to_vec)),
            Driver::Postgres(row) => postgres::column(row, index),
        }
    }
}

impl<const N: usize> Column for [u8; N] {
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        let bytes: Vec<u8> = row.get(index)?;
        bytes.try_into().map_err(|bytes: Vec<u8>| {
            Error::internal(format!("column {index} holds {} bytes where {N} belong", bytes.len()))
        })
    }
}

impl Column for Uuid {
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        match &row.0 {
            Driver::Sqlite(row) => {
                let read = sqlite::column(row, index, |value| value.as_blob().map(Self::from_slice))?;
                read.map_err(|error| Error::internal(format!("column {index} holds no id: {error}")))
            }
            Driver::Postgres(row) => postgres::column::<postgres::Identifier>(row, index).map(|id| id.0),
        }
    }
}

impl Column for String {
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.text(index).map(str::to_owned)
    }
}

impl Column for Timestamp {
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        row.get(index).map(Self::from_micros)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(row: &Row<'_>, index: usize) -> Result<Self> {
        if row.is_null(index)? { Ok(None) } else { row.get(index).map(Some) }
    }
}

macro_rules! ids {
    ($($id:ident),+) => { $(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.0)
            }
        }
        impl Column for $id {
            fn read(row: &Row<'_>, index: usize) -> Result<Self> {
                row.get(index).map(Self)
            }
        }
    )+ };
}

ids!(
    OrgId,
    UserId,
    GroupId,
    RoleId,
    SessionId,
    DeviceId,
    TokenId,
    EntryId,
    JobId,
    LinkId,
    MailId,
    InvitationId,
    DataExportId
);

/// Something that one row can hold: a tuple of columns, or a type of ours that reads itself.
pub trait Record: Sized {
    /// Reads the row.
    fn read(row: &Row<'_>) -> Result<Self>;
}

macro_rules! tuples {
    ($($($part:ident $index:literal),+;)+) => { $(
        impl<$($part: Column),+> Record for ($($part,)+) {
            fn read(row: &Row<'_>) -> Result<Self> {
                Ok(($(row.get::<$part>($index)?,)+))
            }
        }
    )+ };
}

tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}
