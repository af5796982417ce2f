//! What a request with an idempotency key was answered: kept for a day with whom it was about, so that a purge can take
//! the person out of it and a repeated request makes nobody anew.
//!
//! As text: the ids of the people whom the operation was about, a line feed, the answer as JSON. What a purge has ended is
//! `GONE` alone.

use std::collections::BTreeSet;

use model::{Error, Kind, Result, User, UserId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::Operation;

/// In the place of an answer about somebody who was purged since.
const GONE: &str = "gone";

/// As it is kept.
pub(crate) fn written<T: Serialize>(about: impl Iterator<Item = Uuid>, value: &T) -> Result<String> {
    let about: BTreeSet<Uuid> = about.collect();
    let about: Vec<String> = about.iter().map(Uuid::to_string).collect();
    let json = serde_json::to_string(value).map_err(Error::internal)?;
    Ok(format!("{}\n{json}", about.join(" ")))
}

/// As it was answered the first time.
pub(crate) fn read<T: DeserializeOwned>(kept: &str) -> Result<T> {
    if kept == GONE {
        let message = "What this request made or changed was deleted permanently since. Use a new Idempotency-Key to \
                       do it anew.";
        return Err(Error::new(Kind::Gone, "idempotency.purged", message));
    }
    let (_, json) = kept.split_once('\n').unwrap_or(("", kept));
    serde_json::from_str(json).map_err(Error::internal)
}

/// The same without that person: nothing is left of an answer about them alone, and of others only what is not theirs.
fn without(kept: &str, person: UserId, values: &[&str]) -> String {
    let Some((about, json)) = kept.split_once('\n') else { return GONE.to_owned() };
    if about == person.to_string() {
        return GONE.to_owned();
    }
    let Ok(mut value) = serde_json::from_str(json) else { return GONE.to_owned() };
    if blank(&mut value, person, values) {
        return GONE.to_owned();
    }
    format!("{about}\n{value}")
}

/// Empties every text that is one of the person's values; whether a whole record of the person is in it.
fn blank(value: &mut Value, person: UserId, values: &[&str]) -> bool {
    match value {
        Value::String(text) => {
            if values.iter().any(|known| text.trim().eq_ignore_ascii_case(known)) {
                text.clear();
            }
            false
        }
        Value::Array(items) => items.iter_mut().any(|item| blank(item, person, values)),
        Value::Object(object) => {
            let is_theirs = object.get("id").is_some_and(|id| *id == person.to_string());
            (is_theirs && object.contains_key("fields"))
                || object.values_mut().any(|item| blank(item, person, values))
        }
        _ => false,
    }
}

impl Operation<'_, '_> {
    /// Takes a purged person out of what requests were answered, and forgets what they asked for themselves.
    pub(crate) async fn unname_in_answers(&mut self, user: &User) -> Result<()> {
        let (context, id) = (self.context, user.id);
        store::idempotency::forget(self.connection, context, &id.to_string()).await?;
        let fields = &user.fields;
        let optional = [&fields.email, &fields.personal_email, &fields.given_name, &fields.family_name];
        let mut values = vec![user.name(), user.username()];
        values.extend(optional.into_iter().flatten().map(String::as_str));
        let naming = store::idempotency::naming(self.connection, context, &id.to_string()).await?;
        for (actor, key, kept) in naming {
            let rest = without(&kept, id, &values);
            store::idempotency::keep(self.connection, context, &actor, &key, &rest).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_one_person_nothing_is_left_and_of_others_all_but_their_values() {
        let (ana, bo) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let alone = written([ana.0, ana.0].into_iter(), &json!({"x": 1})).unwrap();
        assert_eq!(without(&alone, ana, &[]), GONE);
        assert_eq!(read::<Value>(GONE).unwrap_err().kind(), Kind::Gone);
        let lines = json!([{"line": "Ana@x.example ", "user": ana}, {"line": "bo@x.example", "user": bo}]);
        let both = written([ana.0, bo.0].into_iter(), &lines).unwrap();
        let rest: Value = read(&without(&both, ana, &["ana@x.example"])).unwrap();
        assert_eq!(rest, json!([{"line": "", "user": ana}, {"line": "bo@x.example", "user": bo}]));
        let record = written([ana.0, bo.0].into_iter(), &json!([{"id": ana, "fields": {}}, 1])).unwrap();
        assert_eq!(without(&record, ana, &[]), GONE);
        assert_eq!(
            read::<Value>("{\"kept\":\"by an earlier version\"}").unwrap()["kept"],
            "by an earlier version"
        );
    }
}
