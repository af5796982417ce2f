//! How values travel to PostgreSQL, and columns from there.

use std::error::Error as StdError;

use bytes::{BufMut, BytesMut};
use model::{Error, Result};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use uuid::Uuid;

use crate::sql::Value;

/// The type as which a value is sent that no prepared statement has a type for.
pub(super) fn kind(value: &Value<'_>) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Int(_) => Type::INT8,
        Value::Bool(_) => Type::BOOL,
        Value::Text(_) => Type::TEXT,
        Value::Json(_) => Type::JSONB,
        Value::Bytes(_) => Type::BYTEA,
        Value::Id(_) => Type::UUID,
    }
}

type Sent = std::result::Result<IsNull, Box<dyn StdError + Sync + Send>>;
type Received<T> = std::result::Result<T, Box<dyn StdError + Sync + Send>>;

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Sent {
        const TEXT: [Type; 4] = [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME];
        match (self, kind) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Int(number), kind) if *kind == Type::INT8 => out.put_i64(*number),
            (Self::Int(number), kind) if *kind == Type::INT4 => out.put_i32(i32::try_from(*number)?),
            (Self::Int(number), kind) if *kind == Type::INT2 => out.put_i16(i16::try_from(*number)?),
            (Self::Bool(flag), kind) if *kind == Type::BOOL => out.put_u8(u8::from(*flag)),
            (Self::Text(text), kind) if TEXT.contains(kind) => out.put_slice(text.as_bytes()),
            (Self::Json(text), kind) if *kind == Type::JSONB => {
                // The version of jsonb's binary form.
                out.put_u8(1);
                out.put_slice(text.as_bytes());
            }
            (Self::Json(text), kind) if *kind == Type::JSON => out.put_slice(text.as_bytes()),
            (Self::Bytes(bytes), kind) if *kind == Type::BYTEA => out.put_slice(bytes),
            (Self::Id(id), kind) if *kind == Type::UUID => out.put_slice(id.as_bytes()),
            _ => return Err(format!("a parameter of type {kind} was given {}", self.kind()).into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, kind: &Type, out: &mut BytesMut) -> Sent {
        self.to_sql(kind, out)
    }
}

/// Reads one column, or says which one did not hold what was expected.
pub(crate) fn column<'r, T: FromSql<'r>>(row: &'r tokio_postgres::Row, index: usize) -> Result<T> {
    row.try_get(index).map_err(|error| {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        Error::internal(format!("column {index}: {error} {cause}"))
    })
}

/// An integer of any width.
pub(crate) struct Whole(pub(crate) i64);

impl<'r> FromSql<'r> for Whole {
    fn from_sql(kind: &Type, raw: &'r [u8]) -> Received<Self> {
        Ok(Self(match *kind {
            Type::INT2 => i16::from_sql(kind, raw)?.into(),
            Type::INT4 => i32::from_sql(kind, raw)?.into(),
            _ => i64::from_sql(kind, raw)?,
        }))
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT2, Type::INT4, Type::INT8].contains(kind)
    }
}

/// Text, or the text of JSON.
pub(crate) struct Words<'r>(pub(crate) &'r str);

impl<'r> FromSql<'r> for Words<'r> {
    fn from_sql(kind: &Type, raw: &'r [u8]) -> Received<Self> {
        let raw = if *kind == Type::JSONB { raw.get(1..).unwrap_or_default() } else { raw };
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(kind: &Type) -> bool {
        <&str as FromSql<'_>>::accepts(kind) || *kind == Type::JSON || *kind == Type::JSONB
    }
}

/// A UUID.
pub(crate) struct Identifier(pub(crate) Uuid);

impl<'r> FromSql<'r> for Identifier {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Received<Self> {
        Ok(Self(Uuid::from_slice(raw)?))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }
}

/// Whether there is anything in the column.
pub(crate) struct Absent(pub(crate) bool);

impl<'r> FromSql<'r> for Absent {
    fn from_sql(_: &Type, _: &'r [u8]) -> Received<Self> {
        Ok(Self(false))
    }

    fn from_sql_null(_: &Type) -> Received<Self> {
        Ok(Self(true))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
