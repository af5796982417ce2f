//! Reading a form back: what was changed in it, what it is filled with when it is shown again, and, when somebody
//! else saved first, how both are put together.
//!
//! A form posts back what its fields held when it was opened (`seen`). So only what was really changed is saved, and
//! what somebody else changed meanwhile in other fields is never undone.

use std::collections::BTreeMap;

use model::{Error, outgrown::CONFIRMED_BY};

use super::view::{
    form::{Change, Conflict, Form},
    parts::Moment,
};
use crate::extract::Fields;

/// Of what a change ends so much is listed on a page; a dry run through the API or the command line lists all.
const MOST_LISTED: usize = 1_000;

/// What fields hold, by name.
pub(crate) type Values = BTreeMap<String, String>;

/// A form as it was sent.
pub(crate) struct Sent {
    values: Values,
    seen: Option<Values>,
}

impl Sent {
    /// Reads the fields of these names. One that was not sent at all counts as unchanged, a box as not ticked.
    pub(crate) fn read<'n>(
        fields: &Fields,
        names: impl IntoIterator<Item = &'n str>,
        boxes: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let sent = names.into_iter().filter(|name| fields.ticked(name));
        let values = sent
            .chain(boxes)
            // Browsers send line breaks as CR LF.
            .map(|name| (name.to_owned(), fields.get(name).replace("\r\n", "\n")))
            .collect();
        Self { values, seen: serde_json::from_str(fields.get("seen")).ok() }
    }

    /// The value of a field that was changed.
    pub(crate) fn changed(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name)?;
        let before = self.seen.as_ref().and_then(|seen| seen.get(name));
        if before == Some(value) { None } else { Some(value) }
    }

    /// What the form is filled with when it is shown again: what was typed, else what stands `now`.
    pub(crate) fn filled(&self, now: &Values) -> Values {
        let kept = |(name, value): (&String, &String)| {
            (name.clone(), self.changed(name).unwrap_or(value).to_owned())
        };
        now.iter().map(kept).collect()
    }

    /// What is different `now` from what was seen: name, before, now.
    fn differences<'v>(&'v self, now: &'v Values) -> impl Iterator<Item = (&'v str, &'v str, &'v str)> {
        let seen = self.seen.iter().flatten();
        seen.filter_map(|(name, before)| {
            let value = now.get(name)?;
            (value != before).then_some((name.as_str(), before.as_str(), value.as_str()))
        })
    }
}

/// A value in the table of differences.
fn shown(value: &str) -> String {
    if value.is_empty() { "–".to_owned() } else { value.to_owned() }
}

/// What a form remembers of what it was filled with.
pub(crate) fn remembered(values: &Values) -> String {
    serde_json::to_string(values).unwrap_or_default()
}

impl Form {
    /// Shows why the form was refused: beside the fields, or above them all.
    pub(crate) fn refuse_all(&mut self, error: &Error) {
        // What is wrong is to be read first.
        for field in self.sections.iter_mut().flat_map(|section| &mut section.fields) {
            field.autofocus = false;
        }
        if let Some(count) = error.confirm() {
            // Sent once more as it stands, it is confirmed.
            error.message().clone_into(&mut self.problem);
            self.listed = error.listed().iter().take(MOST_LISTED).cloned().collect();
            let sign = if self.action.contains('?') { '&' } else { '?' };
            self.action = format!("{}{sign}{CONFIRMED_BY}={count}", self.action);
            self.submit = format!("{}: confirm", self.submit);
            return;
        }
        if error.fields().is_empty() {
            error.message().clone_into(&mut self.problem);
        }
        for field in error.fields() {
            self.refuse(&field.field, &field.message);
        }
    }

    /// Shows what somebody else has changed since the form was opened.
    pub(crate) fn disagree(&mut self, sent: &Sent, now: &Values, when: Moment) {
        let label = |name: &str| {
            let mut fields = self.sections.iter().flat_map(|section| &section.fields);
            fields
                .find(|field| field.name == name)
                .map_or_else(|| name.to_owned(), |field| field.label.clone())
        };
        let changes = sent.differences(now).map(|(name, before, now)| Change {
            label: label(name),
            before: shown(before),
            now: shown(now),
        });
        self.conflict = Some(Conflict { when, changes: changes.collect() });
    }
}

#[cfg(test)]
mod tests {
    use super::{Sent, Values};

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn two_people_who_change_different_fields_do_not_undo_each_other() {
        let sent = Sent {
            values: values(&[("title", "Lead"), ("phone", "1"), ("city", "")]),
            seen: Some(values(&[("title", "Manager"), ("phone", "1"), ("city", "Rome")])),
        };
        let now = values(&[("title", "Manager"), ("phone", "22"), ("city", "Rome")]);
        assert_eq!(sent.changed("title"), Some("Lead"));
        assert_eq!((sent.changed("phone"), sent.changed("other")), (None, None));
        assert_eq!(sent.changed("city"), Some(""));
        assert_eq!(sent.filled(&now), values(&[("title", "Lead"), ("phone", "22"), ("city", "")]));
        assert_eq!(sent.differences(&now).collect::<Vec<_>>(), [("phone", "1", "22")]);
    }
}
