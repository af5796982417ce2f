//! Checking the fields of a user one by one: every refusal is collected, so that a person hears of all at once.
//!
//! Which fields there are is `user.rs`; what a single value must look like is `validate.rs`.

use serde_json::{Map, Value};

use crate::{FieldError, text::trimmed, user::Address, validate};

/// Collects refusals while values are brought into their normal form.
pub(crate) struct Refused(pub(crate) Vec<FieldError>);

impl Refused {
    pub(crate) fn note(&mut self, result: Result<(), FieldError>) {
        self.0.extend(result.err());
    }

    pub(crate) fn with(
        &mut self,
        value: &mut Option<String>,
        check: impl FnOnce(&str) -> Result<String, FieldError>,
    ) {
        let Some(given) = value.take().filter(|given| !trimmed(given).is_empty()) else { return };
        match check(&given) {
            Ok(normal) => *value = Some(normal),
            Err(refused) => self.0.push(refused),
        }
    }

    pub(crate) fn text(&mut self, field: &'static str, value: &mut Option<String>, max: usize) {
        self.with(value, |given| validate::text(field, given, max, false));
    }

    pub(crate) fn lines(&mut self, field: &'static str, value: &mut Option<String>, max: usize) {
        self.with(value, |given| validate::text(field, given, max, true));
    }

    pub(crate) fn address(&mut self, address: &mut Option<Address>) {
        if let Some(lines) = address {
            self.lines("address.street", &mut lines.street, 200);
            self.text("address.city", &mut lines.city, 100);
            self.text("address.region", &mut lines.region, 100);
            self.text("address.postal_code", &mut lines.postal_code, 20);
            self.text("address.country", &mut lines.country, 100);
            if *lines == Address::default() {
                *address = None;
            }
        }
    }

    pub(crate) fn tags(&mut self, tags: &mut Vec<String>) {
        if tags.len() > 20 {
            self.0.push(FieldError::new("tags", "tags.too_many", "Give at most 20 tags."));
        }
        let mut kept: Vec<String> = Vec::new();
        for tag in tags.drain(..) {
            match validate::text("tags", &tag, 50, false) {
                Ok(tag) if !tag.is_empty() && !kept.contains(&tag) => kept.push(tag),
                Ok(_) => {}
                Err(refused) => self.0.push(refused),
            }
        }
        *tags = kept;
    }

    pub(crate) fn attributes(&mut self, attributes: &Map<String, Value>) {
        let text = serde_json::to_string(attributes).unwrap_or_default();
        if text.len() > 16_384 || attributes.values().any(|value| depth(value) > 32) {
            let message = "Attributes may have at most 16 kB and 32 levels.";
            self.0.push(FieldError::new("attributes", "attributes.too_large", message));
        }
        if text.contains("\\u0000") {
            let message = "Attributes can't contain the character NUL.";
            self.0.push(FieldError::new("attributes", "text.control_character", message));
        }
    }
}

/// How deeply a value is nested; the parser has bounded it already.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
