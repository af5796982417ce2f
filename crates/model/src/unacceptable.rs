//! Why a value can't be read into its type: which field, by its path, and what it may be, in words that people read.
//!
//! Every door that takes JSON asks here, so that the same mistake has the same answer wherever it is made.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// Reads a value. A refusal names the field by its path, which begins with `within` unless that is empty.
pub fn read<T: DeserializeOwned>(value: Value, within: &str) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        refused(&joined(within, &path), &error.into_inner().to_string())
    })
}

/// The refusal of the field at `path`, from what the parser says of it.
pub fn refused(path: &str, says: &str) -> Error {
    let says = says.split(" at line ").next().unwrap_or(says);
    let named = says.split('`').nth(1).filter(|_| {
        says.starts_with("unknown field `")
            || says.starts_with("missing field `")
            || says.starts_with("duplicate field `")
    });
    // The parser may have come as far as the field, or stand at the object around it.
    let is_there =
        |name: &&str| path == *name || path.strip_suffix(*name).is_some_and(|rest| rest.ends_with('.'));
    let field =
        named.filter(|name| !is_there(name)).map_or_else(|| joined(path, "."), |name| joined(path, name));
    Error::invalid_field(field, "body.unacceptable", words(says))
}

fn joined(within: &str, path: &str) -> String {
    match (within.trim_start_matches('.'), path) {
        ("", "." | "") => "body".to_owned(),
        ("", path) => path.to_owned(),
        (within, "." | "") => within.to_owned(),
        (within, path) => format!("{within}.{path}"),
    }
}

/// What the parser says, in words.
fn words(says: &str) -> String {
    if let Some((_, rest)) = says.split_once("unknown field ") {
        let known = rest.split_once("expected ").map_or("", |(_, known)| known);
        let known = known.trim_start_matches("one of ").replace('`', "");
        return match known.as_str() {
            "" | "there are no fields" => "There is no such field. Leave it out.".to_owned(),
            known => format!("There is no such field. Send any of: {known}."),
        };
    }
    if says.starts_with("missing field ") {
        return "Send this field.".to_owned();
    }
    if says.starts_with("duplicate field ") {
        return "Send this field once.".to_owned();
    }
    if let Some((_, known)) =
        says.strip_prefix("unknown variant ").and_then(|rest| rest.split_once("expected "))
    {
        let known = known.trim_start_matches("one of ").replace('`', "").replace(" or ", ", ");
        return format!("Send one of: {known}.");
    }
    if let Some((_, expected)) = says.strip_prefix("invalid ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("Send {}.", wanted(expected));
    }
    match says {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "Send a whole number.".to_owned()
        }
        "number too large to fit in target type" => "Send a smaller number.".to_owned(),
        "number too small to fit in target type" => "Send a larger number.".to_owned(),
        "provided string was not `true` or `false`" => "Send true or false.".to_owned(),
        other => {
            let mut letters = other.trim_end_matches('.').chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            format!("{first}{}.", letters.as_str())
        }
    }
}

/// What the parser expected, in words.
fn wanted(expected: &str) -> String {
    let number = |least: i128, most: i128| format!("a whole number from {least} to {most}");
    match expected {
        "a string" | "a borrowed string" | "string" | "str" => "text".to_owned(),
        "a boolean" | "bool" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "unit" | "option" => "null".to_owned(),
        "u8" => number(0, u8::MAX.into()),
        "u16" => number(0, u16::MAX.into()),
        "u32" => number(0, u32::MAX.into()),
        "u64" | "usize" => number(0, i64::MAX.into()),
        "i8" => number(i8::MIN.into(), i8::MAX.into()),
        "i16" => number(i16::MIN.into(), i16::MAX.into()),
        "i32" => number(i32::MIN.into(), i32::MAX.into()),
        "i64" => number(i64::MIN.into(), i64::MAX.into()),
        "f32" | "f64" => "a number".to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other if other.contains("UUID") => "an id, as it stands in an answer".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::read;
    use crate::UserFields;

    fn refusal(value: serde_json::Value) -> (String, String) {
        let error = read::<UserFields>(value, "").unwrap_err();
        (error.fields()[0].field.to_string(), error.fields()[0].message.clone())
    }

    #[test]
    fn a_refusal_names_the_field_and_what_it_may_be() {
        for (value, field, message) in [
            (json!({"employee_number": 4711}), "employee_number", "Send text."),
            (json!({"address": {"street": 1}}), "address.street", "Send text."),
            (json!({"tags": "x"}), "tags", "Send a list."),
        ] {
            assert_eq!(refusal(value), (field.to_owned(), message.to_owned()));
        }
        let (field, message) = refusal(json!({"nope": 1}));
        assert_eq!(field, "nope");
        assert!(message.starts_with("There is no such field. Send any of: username, email,"), "{message}");
        let (field, message) = refusal(json!({"valid_until": "2027-02-29"}));
        assert_eq!(field, "valid_until");
        assert!(!message.contains('`') && !message.contains("expected"), "{message}");
    }
}
