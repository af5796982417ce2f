//! What a request with an idempotency key was answered: kept for a day with whom it was about, so that a purge can take
//! the person out of it and a repeated request makes nobody anew. What an answer repeats of its request as somebody typed it
//! is not kept: it may name anybody, in any spelling, whom no purge would find. Its place in the request is, and the request
//! that is repeated has it.
//!
//! As text: the ids of the people whom the operation was about, a line feed, the answer as JSON. What a purge has ended is
//! `GONE` alone.

use std::collections::{BTreeSet, HashMap};

use model::{Error, Kind, Result, User, UserId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::Operation;

/// In the place of an answer about somebody who was purged since.
const GONE: &str = "gone";

/// Stands around the place of a text that was typed. Nothing that is stored can hold it.
const TYPED: char = '\0';

/// As it is kept.
pub(crate) fn written<T: Serialize>(
    about: impl Iterator<Item = Uuid>,
    typed: &[String],
    value: &T,
) -> Result<String> {
    let about: BTreeSet<Uuid> = about.collect();
    let about: Vec<String> = about.iter().map(Uuid::to_string).collect();
    let json = if typed.is_empty() {
        serde_json::to_string(value).map_err(Error::internal)?
    } else {
        let places: HashMap<&str, usize> =
            typed.iter().enumerate().rev().map(|(place, text)| (text.as_str(), place)).collect();
        let value = serde_json::to_value(value).map_err(Error::internal)?;
        with_texts(value, &|text| hidden(text, &places)).to_string()
    };
    Ok(format!("{}\n{json}", about.join(" ")))
}

/// As it was answered the first time.
pub(crate) fn read<T: DeserializeOwned>(kept: &str, typed: &[String]) -> Result<T> {
    if kept == GONE {
        let message = "What this request made or changed was deleted permanently since. Use a new Idempotency-Key to \
                       do it anew.";
        return Err(Error::new(Kind::Gone, "idempotency.purged", message));
    }
    let (_, json) = kept.split_once('\n').unwrap_or(("", kept));
    if typed.is_empty() {
        return serde_json::from_str(json).map_err(Error::internal);
    }
    let value = serde_json::from_str(json).map_err(Error::internal)?;
    serde_json::from_value(with_texts(value, &|text| shown(text, typed))).map_err(Error::internal)
}

/// The same value with other texts.
fn with_texts(value: Value, text: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(old) => Value::String(text(&old)),
        Value::Array(items) => items.into_iter().map(|item| with_texts(item, text)).collect(),
        Value::Object(object) => {
            object.into_iter().map(|(name, item)| (text(&name), with_texts(item, text))).collect()
        }
        other => other,
    }
}

/// A text with the place of what was typed instead of it: where that is all, or is quoted.
fn hidden(text: &str, places: &HashMap<&str, usize>) -> String {
    let place = |typed: &str| places.get(typed).map(|place| format!("{TYPED}{place}{TYPED}"));
    if let Some(place) = place(text) {
        return place;
    }
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('“') {
        // What was typed may hold marks of quotation itself.
        let ends = after.match_indices('”').map(|(end, _)| end);
        let Some((end, place)) = ends.filter_map(|end| Some((end, place(&after[..end])?))).next_back() else {
            done.push_str(before);
            done.push('“');
            rest = after;
            continue;
        };
        done.extend([before, "“", &place]);
        rest = &after[end..];
    }
    done + rest
}

/// The text as it was.
fn shown(text: &str, typed: &[String]) -> String {
    let mut parts = text.split(TYPED);
    let mut done = parts.next().unwrap_or_default().to_owned();
    while let (Some(place), Some(rest)) = (parts.next(), parts.next()) {
        let typed = place.parse().ok().and_then(|place: usize| typed.get(place));
        done.extend([typed.map_or("", String::as_str), rest]);
    }
    done
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

/// What holds a name beside the id of a user.
const NAMES: [&str; 4] = ["line", "name", "username", "email"];

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
            let is_id = |name: &str| object.get(name).is_some_and(|id| *id == person.to_string());
            let is_theirs = is_id("id");
            if is_theirs || is_id("user") {
                // How they were called then, or by whoever typed it.
                for (_, text) in object.iter_mut().filter(|(name, _)| NAMES.contains(&name.as_str())) {
                    if text.is_string() {
                        *text = Value::String(String::new());
                    }
                }
            }
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
        let alone = written([ana.0, ana.0].into_iter(), &[], &json!({"x": 1})).unwrap();
        assert_eq!(without(&alone, ana, &[]), GONE);
        assert_eq!(read::<Value>(GONE, &[]).unwrap_err().kind(), Kind::Gone);
        let lines = json!([{"line": "Ana@x.example ", "user": ana}, {"line": "bo@x.example", "user": bo}]);
        let both = written([ana.0, bo.0].into_iter(), &[], &lines).unwrap();
        let rest: Value = read(&without(&both, ana, &["ana@x.example"]), &[]).unwrap();
        assert_eq!(rest, json!([{"line": "", "user": ana}, {"line": "bo@x.example", "user": bo}]));
        let record = written([ana.0, bo.0].into_iter(), &[], &json!([{"id": ana, "fields": {}}, 1])).unwrap();
        assert_eq!(without(&record, ana, &[]), GONE);
        assert_eq!(
            read::<Value>("{\"kept\":\"by an earlier version\"}", &[]).unwrap()["kept"],
            "by an earlier version"
        );
    }

    #[test]
    fn what_was_typed_is_not_kept_and_comes_again_with_the_request() {
        let ana = UserId(Uuid::from_u128(1));
        let typed = ["Ana@x", "x”y", "e", "0", "“", "ana@x"].map(str::to_owned);
        let answer = json!({
            "lines": [{"line": "Ana@x", "user": ana, "name": "A"}, {"line": "e", "user": null}, {"line": "0", "user": null}],
            "messages": ["There is no group “x”y”. Nor “e”, nor “Ana@x”", "e and the rest", "“", "no “quote", "“”"],
            "missing": {"ana@x": 1, "other": 2},
        });
        let kept = written([].into_iter(), &typed, &answer).unwrap();
        assert!(!kept.to_lowercase().contains("ana@x") && !kept.contains("x”y"), "{kept}");
        assert_eq!(read::<Value>(&kept, &typed).unwrap(), answer);
        let rest: Value = read(&without(&kept, ana, &[]), &typed).unwrap();
        assert_eq!(rest["lines"][0], json!({"line": "", "user": ana, "name": ""}));
        assert_eq!(rest["lines"][1], answer["lines"][1]);
    }
}
