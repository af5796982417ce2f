//! The pages about sessions: somebody's by platform, one's own, and the list of all.

use askama::Template;

use super::{
    frame::Frame,
    parts::{Action, Avatar, Banner, Empty, Link, Menu, Moment, Pager},
    users::{Tab, UserHeading},
};

/// Where one person is signed in, by platform: an administrator's view, or one's own.
#[derive(Template)]
#[template(path = "console/sessions/person.html")]
pub(crate) struct PersonSessions {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) tabs_label: &'static str,
    /// What can be done with the person; none on one's own page.
    pub(crate) menu: Menu,
    pub(crate) actions: Vec<Action>,
    pub(crate) banners: Vec<Banner>,
    pub(crate) groups: Vec<SessionGroup>,
    pub(crate) empty: Option<Empty>,
    pub(crate) devices: Vec<DeviceRow>,
    pub(crate) places: Places,
}

/// One known device.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRow {
    /// The icon of the sort of device, and its name.
    pub(crate) icon: &'static str,
    pub(crate) kind: &'static str,
    /// Browser and version.
    pub(crate) browser: String,
    /// System and version.
    pub(crate) system: String,
    /// What the browser said of itself, for the tooltip.
    pub(crate) user_agent: String,
    /// From where, at the last sign-in.
    pub(crate) address: String,
    /// Empty if it is not known.
    pub(crate) place: String,
    pub(crate) first_seen: Moment,
    pub(crate) last_seen: Moment,
    pub(crate) is_this: bool,
    pub(crate) remove: Revoke,
}

impl DeviceRow {
    /// What it is, in a line.
    pub(crate) fn name(&self) -> String {
        let on = if self.system.is_empty() { "" } else { " on " };
        format!("{}{on}{}", self.browser, self.system)
    }
}

/// The sessions of one platform.
#[derive(Debug, Clone)]
pub(crate) struct SessionGroup {
    pub(crate) label: &'static str,
    pub(crate) rows: Vec<SessionRow>,
}

/// One session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: String,
    /// The icon of the sort of device, and its name.
    pub(crate) icon: &'static str,
    pub(crate) kind: &'static str,
    /// Browser and version.
    pub(crate) browser: String,
    /// System, version, model.
    pub(crate) system: String,
    /// What the browser said of itself, for the tooltip.
    pub(crate) user_agent: String,
    pub(crate) address: String,
    /// Where all sessions of the address are listed; empty where the viewer can't see that.
    pub(crate) address_href: String,
    /// Empty if it is not known.
    pub(crate) place: String,
    pub(crate) method: String,
    pub(crate) remembered: bool,
    pub(crate) started: Moment,
    pub(crate) last_active: Moment,
    pub(crate) is_this: bool,
    /// Whose it is, in lists of all.
    pub(crate) whose: String,
    pub(crate) revoke: Revoke,
}

/// How a session is ended.
#[derive(Debug, Clone)]
pub(crate) enum Revoke {
    /// Not by this viewer, for this reason; or not here.
    No(&'static str),
    /// At once: nobody but oneself is signed out.
    Now { action: String, csrf: String },
    /// After a question.
    Ask(String),
}

impl SessionRow {
    /// What and whose it is, in a line.
    pub(crate) fn name(&self) -> String {
        let on = if self.system.is_empty() { "" } else { " on " };
        let of = if self.whose.is_empty() { "" } else { " of " };
        format!("{}{on}{}{of}{}", self.browser, self.system, self.whose)
    }
}

/// What a page says once about where places come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// There is nothing to look places up in, and the viewer could change that.
    pub(crate) are_missing: bool,
    /// Whose data they are.
    pub(crate) credits: Vec<Link>,
}

/// Every session of the organization. Its block `results` is what a filter or the next page replaces.
#[derive(Template)]
#[template(path = "console/sessions/list.html", blocks = ["results"])]
pub(crate) struct SessionList {
    pub(crate) frame: Frame,
    /// "1,284 sessions of 903 people".
    pub(crate) summary: String,
    /// The words searched for: a person, an address, a network.
    pub(crate) query: String,
    pub(crate) path: String,
    /// What a search keeps of the address: name and value.
    pub(crate) kept: Vec<(String, String)>,
    pub(crate) chips: Vec<ChipGroup>,
    /// Whom the typed words can mean, when they are several.
    pub(crate) meanings: Vec<Link>,
    /// Ending all that is found.
    pub(crate) revoke: Option<Action>,
    pub(crate) rows: Vec<ListedSession>,
    pub(crate) pager: Pager,
    pub(crate) empty: Option<Empty>,
    pub(crate) places: Places,
    pub(crate) announcement: String,
}

/// Choices of one kind, in a menu behind the one that was made. The first is none.
#[derive(Debug, Clone)]
pub(crate) struct ChipGroup {
    pub(crate) id: &'static str,
    pub(crate) label: &'static str,
    pub(crate) choices: Vec<Chip>,
}

impl ChipGroup {
    /// The choice that was made.
    pub(crate) fn chosen(&self) -> &str {
        let made = self.choices.iter().find(|choice| choice.current).or(self.choices.first());
        made.map_or(self.label, |choice| &choice.label)
    }

    /// Whether it leaves anything out.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.choices.iter().skip(1).any(|choice| choice.current)
    }
}

/// One choice.
#[derive(Debug, Clone)]
pub(crate) struct Chip {
    pub(crate) label: String,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// A session with whose it is.
#[derive(Debug, Clone)]
pub(crate) struct ListedSession {
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) avatar: Avatar,
    /// The person's sessions; empty where the viewer can't see them.
    pub(crate) href: String,
    pub(crate) session: SessionRow,
}
