//! The small things that pages are made of: badges, avatars, times, links, actions, pagers.
//!
//! Plain data with every decision taken: the templates under `templates/parts/` only write it down. Nothing here
//! knows a domain type, so that a page can be drawn, and looked at, without a server.

use askama::{Template, filters::HtmlSafe};

/// The colour that a badge, a banner or a notice speaks in. The word beside it says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Green,
    Blue,
    Violet,
    Amber,
    Red,
    Grey,
}

impl Tone {
    /// The class that sets the two colours.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Green => "tone-green",
            Self::Blue => "tone-blue",
            Self::Violet => "tone-violet",
            Self::Amber => "tone-amber",
            Self::Red => "tone-red",
            Self::Grey => "tone-grey",
        }
    }
}

/// A word in a coloured pill, such as a status.
#[derive(Debug, Clone)]
pub(crate) struct Badge {
    pub(crate) tone: Tone,
    pub(crate) label: String,
}

/// Initials on a colour of their own.
#[derive(Debug, Clone)]
pub(crate) struct Avatar {
    pub(crate) initials: String,
    pub(crate) hue: u8,
}

/// How many avatar colours `tokens.css` defines.
const HUES: u32 = 24;

impl Avatar {
    /// `key` (an id) decides the colour, so that a person keeps it when renamed.
    pub(crate) fn of(name: &str, key: &str) -> Self {
        let sum = key.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        Self { initials: initials(name), hue: u8::try_from(sum % HUES).unwrap_or_default() }
    }
}

/// First letters of the first and the last word; scripts written without spaces show one.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    let letters: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "?".to_owned() } else { letters }
}

/// An instant, for the eye, for the tooltip and for the script that keeps "2 minutes ago" true.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// RFC 3339, for `<time datetime>`.
    pub(crate) machine: String,
    /// Date, time and zone in full.
    pub(crate) full: String,
    /// How long ago or ahead, as shown.
    pub(crate) relative: String,
}

/// A place to go.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) label: String,
    pub(crate) href: String,
}

impl Link {
    pub(crate) fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into() }
    }
}

/// One thing that can be done from here. Its `href` is a page that asks before anything changes.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) label: String,
    pub(crate) href: String,
    pub(crate) icon: &'static str,
    /// Hard to take back: shown in red, and last.
    pub(crate) danger: bool,
    /// The page's `dialog` block can be shown over the current page.
    pub(crate) dialog: bool,
    /// Why this viewer can't do it; empty when they can.
    pub(crate) refused: String,
}

impl Action {
    /// An action that is a page of its own.
    pub(crate) fn page(label: impl Into<String>, href: impl Into<String>, icon: &'static str) -> Self {
        let (label, href) = (label.into(), href.into());
        Self { label, href, icon, danger: false, dialog: false, refused: String::new() }
    }

    /// An action that asks in a dialog.
    pub(crate) fn dialog(label: impl Into<String>, href: impl Into<String>, icon: &'static str) -> Self {
        Self { dialog: true, ..Self::page(label, href, icon) }
    }

    /// Marks what is hard to take back.
    pub(crate) fn dangerous(self) -> Self {
        Self { danger: true, ..self }
    }

    /// Shown but not offered, with the reason.
    pub(crate) fn refused(self, reason: impl Into<String>) -> Self {
        Self { refused: reason.into(), ..self }
    }
}

/// Actions grouped as the menu draws them, a line between the groups.
pub(crate) type Menu = Vec<Vec<Action>>;

/// What is said above a page: who was suspended and why, a temporary owner, a changed slug.
#[derive(Debug, Clone)]
pub(crate) struct Banner {
    pub(crate) tone: Tone,
    pub(crate) icon: &'static str,
    pub(crate) title: String,
    /// Further sentences, each a line.
    pub(crate) lines: Vec<String>,
    pub(crate) action: Option<Action>,
}

/// The ways through a list by keyset: there are no page numbers, only before and after.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pager {
    /// "50 of 1,284 people".
    pub(crate) summary: String,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    /// Page sizes to choose from, the current one marked.
    pub(crate) sizes: Vec<PageSize>,
}

/// One offered page size.
#[derive(Debug, Clone)]
pub(crate) struct PageSize {
    pub(crate) size: u32,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// A list with nothing in it: why, and the step that fills it.
#[derive(Debug, Clone)]
pub(crate) struct Empty {
    pub(crate) icon: &'static str,
    pub(crate) title: String,
    pub(crate) text: String,
    /// The first one is the primary.
    pub(crate) actions: Vec<Action>,
}

/// A secret that is shown this once: a temporary password, a new API token.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) title: String,
    pub(crate) text: String,
    /// What it is, for the field's label.
    pub(crate) label: String,
    pub(crate) value: String,
}

/// Things with a name as the palette's options: what their list answers when asked for the fragment `palette`.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/options.html")]
pub(crate) struct Options {
    /// What they are: "Group".
    pub(crate) kind: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) found: Vec<Link>,
}

/// A titled group of labelled values.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/card.html")]
pub(crate) struct Card {
    pub(crate) title: String,
    pub(crate) entries: Vec<Entry>,
}

impl HtmlSafe for Card {}

/// One labelled value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) value: Shown,
    /// A short remark after the value ("not verified", "from the HR system").
    pub(crate) remark: String,
    /// What can be done about it.
    pub(crate) actions: Vec<Action>,
}

impl Entry {
    pub(crate) fn new(label: impl Into<String>, value: Shown) -> Self {
        Self { label: label.into(), value, remark: String::new(), actions: Vec::new() }
    }

    /// Adds what can be done about it.
    pub(crate) fn actions(self, actions: Vec<Action>) -> Self {
        Self { actions, ..self }
    }

    /// Adds the remark.
    pub(crate) fn remark(self, remark: impl Into<String>) -> Self {
        Self { remark: remark.into(), ..self }
    }
}

/// How a value is written.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// Nothing there; a dash for the eye, "not set" for the ear.
    Nothing,
    Text(String),
    /// Several lines, kept as typed.
    Lines(String),
    /// An identifier, with a button that copies it.
    Code(String),
    Link(Link),
    Moment(Moment),
    Badges(Vec<Badge>),
}

impl Shown {
    /// Text, or nothing when it is empty.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Nothing } else { Self::Text(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Avatar, initials};

    #[test]
    fn initials_suit_names_of_any_script() {
        for (name, expected) in [
            ("Amara Okafor", "AO"),
            ("Maria da Silva Santos", "MS"),
            ("Плато́н Ка́рпов", "ПК"),
            ("山田太郎", "山"),
            ("ßen", "SS"),
            ("  ", "?"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn a_renamed_person_keeps_the_colour() {
        assert_eq!(Avatar::of("Ana Ruiz", "0190").hue, Avatar::of("Ana Molina", "0190").hue);
    }
}
