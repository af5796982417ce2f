//! Forms as data: sections of fields with hints and refusals, and what to do when the record changed meanwhile.
//!
//! `templates/parts/form.html` writes them. Reading a form back, and the rules its values obey, are not here.

use askama::{Template, filters::HtmlSafe};

use super::{parts::Moment, roles::MatrixRow};

/// A form that posts to `action`.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "parts/form.html")]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) csrf: String,
    /// The version that was edited; posted back, so that nobody's change is lost. Empty where there is none.
    pub(crate) version: String,
    /// What the fields held when the form was opened, as JSON; posted back, so that only what was changed is saved.
    pub(crate) seen: String,
    /// Whose password it is, so that the browser's password keeper files it right; not posted. Empty elsewhere.
    pub(crate) username: String,
    pub(crate) submit: String,
    pub(crate) danger: bool,
    /// Where "Cancel" leads; empty for none.
    pub(crate) cancel: String,
    /// A refusal that belongs to no single field.
    pub(crate) problem: String,
    /// What the refusal counts and does not name.
    pub(crate) listed: Vec<String>,
    pub(crate) conflict: Option<Conflict>,
    pub(crate) sections: Vec<Section>,
}

impl HtmlSafe for Form {}

impl Form {
    /// Every field that was refused, for the summary above the form.
    pub(crate) fn refused(&self) -> impl Iterator<Item = &Field> {
        self.sections.iter().flat_map(|section| &section.fields).filter(|field| !field.error.is_empty())
    }

    /// Whether the summary has anything to say.
    pub(crate) fn is_refused(&self) -> bool {
        !self.problem.is_empty() || self.refused().next().is_some()
    }

    /// Whether what it is filled with was typed before and is not saved.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.is_refused() || self.conflict.is_some()
    }

    /// What the way out is called: beside "Cancel invitation" another "Cancel" could mean either.
    pub(crate) fn way_out(&self) -> String {
        match self.submit.strip_prefix("Cancel ") {
            Some(what) => format!("Keep {what}"),
            None => "Cancel".to_owned(),
        }
    }

    /// Puts a refusal beside its field; one that names no field of this form joins the summary.
    pub(crate) fn refuse(&mut self, name: &str, message: &str) {
        let mut fields = self.sections.iter_mut().flat_map(|section| &mut section.fields);
        if let Some(field) = fields.find(|field| field.name == name) {
            message.clone_into(&mut field.error);
        } else {
            if !self.problem.is_empty() {
                self.problem.push(' ');
            }
            self.problem.push_str(message);
        }
    }
}

/// Somebody saved the same record first.
#[derive(Debug, Clone)]
pub(crate) struct Conflict {
    pub(crate) when: Moment,
    pub(crate) changes: Vec<Change>,
}

/// A field that differs: as it was opened, as it stands now.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) label: String,
    pub(crate) before: String,
    pub(crate) now: String,
}

/// A titled group of fields. One without a title stands alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) fields: Vec<Field>,
}

impl Section {
    pub(crate) fn new(title: &str, description: &str, fields: Vec<Field>) -> Self {
        Self { title: title.to_owned(), description: description.to_owned(), fields }
    }

    /// Fields under no heading.
    pub(crate) fn plain(fields: Vec<Field>) -> Self {
        Self { fields, ..Self::default() }
    }
}

/// One thing asked for.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/field.html")]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) control: Control,
    pub(crate) value: String,
    pub(crate) hint: String,
    pub(crate) error: String,
    pub(crate) required: bool,
    pub(crate) autofocus: bool,
    /// Why it can't be changed here; empty when it can.
    pub(crate) locked: String,
    /// The `autocomplete` token; "off" for other people's data.
    pub(crate) autocomplete: &'static str,
    /// Longest accepted text, in characters.
    pub(crate) limit: Option<u32>,
    /// Half a line wide where there is room.
    pub(crate) half: bool,
    /// Only of interest while that other field has that value, or, after a `!`, any other.
    pub(crate) shown_when: Option<(&'static str, &'static str)>,
}

/// What the field is made of.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    /// An `<input>` of this type.
    Input(&'static str),
    /// A password with a button that shows it.
    Password,
    /// One that is chosen: what to think of it is asked at this address while it is typed.
    NewPassword(String),
    Number {
        min: i64,
        max: i64,
        unit: &'static str,
    },
    Text {
        rows: u8,
    },
    Select(Vec<Choice>),
    Radio(Vec<Choice>),
    /// One box; its value is "on" or empty.
    Checkbox,
    /// Several boxes of one name.
    Checkboxes(Vec<Choice>),
    /// Many boxes of one name, by what they are about.
    Matrix(Vec<MatrixRow>),
    /// The exact text must be typed before the button works.
    Retype(String),
}

/// One of several.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) hint: String,
    pub(crate) chosen: bool,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), hint: String::new(), chosen: false }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    pub(crate) fn chosen(self, chosen: bool) -> Self {
        Self { chosen, ..self }
    }
}

impl HtmlSafe for Field {}

impl Field {
    pub(crate) fn new(name: &'static str, label: impl Into<String>, control: Control) -> Self {
        Self {
            name,
            label: label.into(),
            control,
            value: String::new(),
            hint: String::new(),
            error: String::new(),
            required: false,
            autofocus: false,
            locked: String::new(),
            autocomplete: "off",
            limit: None,
            half: false,
            shown_when: None,
        }
    }

    /// One line of text.
    pub(crate) fn text(name: &'static str, label: impl Into<String>) -> Self {
        Self::new(name, label, Control::Input("text"))
    }

    pub(crate) fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    pub(crate) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) fn autofocus(self) -> Self {
        Self { autofocus: true, ..self }
    }

    pub(crate) fn locked(self, reason: impl Into<String>) -> Self {
        Self { locked: reason.into(), ..self }
    }

    pub(crate) fn autocomplete(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    pub(crate) fn limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    pub(crate) fn half(self) -> Self {
        Self { half: true, ..self }
    }

    pub(crate) fn shown_when(self, field: &'static str, value: &'static str) -> Self {
        Self { shown_when: Some((field, value)), ..self }
    }

    /// A group of controls is a `<fieldset>`, a single one has a `<label>`.
    pub(crate) fn is_group(&self) -> bool {
        matches!(self.control, Control::Radio(_) | Control::Checkboxes(_) | Control::Matrix(_))
    }

    /// The ids of what explains this field, for `aria-describedby`.
    pub(crate) fn described_by(&self) -> String {
        let hint = if self.hint.is_empty() && self.locked.is_empty() {
            String::new()
        } else {
            format!("hint-{}", self.name)
        };
        if self.error.is_empty() { hint } else { format!("error-{} {hint}", self.name).trim_end().to_owned() }
    }
}
