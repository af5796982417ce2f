//! Effective access on pages: what somebody may do with the ways to it, why somebody can or can't, and who can.

use askama::Template;

use super::{
    frame::Frame,
    parts::{Avatar, Badge, Banner, Empty, Link, Menu, Moment, Pager, Tone},
    users::{Tab, UserHeading},
};

/// What somebody may do: a user's tab, or one's own.
#[derive(Template)]
#[template(path = "console/users/access.html")]
pub(crate) struct AccessPage {
    pub(crate) frame: Frame,
    pub(crate) heading: UserHeading,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) tabs_label: &'static str,
    pub(crate) menu: Menu,
    /// The page's own address; empty where nothing can be asked.
    pub(crate) path: String,
    /// What can be asked about.
    pub(crate) questions: Vec<QuestionGroup>,
    pub(crate) answer: Option<AnswerView>,
    pub(crate) held: HeldAccess,
}

/// What is held, and what takes it away at present.
#[derive(Debug, Clone)]
pub(crate) struct HeldAccess {
    pub(crate) banners: Vec<Banner>,
    /// Permissions by what they are about.
    pub(crate) resources: Vec<Resource>,
    pub(crate) roles: Vec<HeldView>,
    pub(crate) groups: Vec<HeldView>,
}

/// Permissions to choose from, under the name of what they are about.
#[derive(Debug, Clone)]
pub(crate) struct QuestionGroup {
    pub(crate) label: String,
    /// Name, sentence, whether it is chosen.
    pub(crate) choices: Vec<(String, String, bool)>,
}

/// One row of the matrix.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) label: String,
    pub(crate) permissions: Vec<PermissionView>,
}

/// A permission in the matrix.
#[derive(Debug, Clone)]
pub(crate) struct PermissionView {
    pub(crate) name: String,
    /// What it allows, in words; an application's by its name.
    pub(crate) sentence: String,
    /// Through which roles, and over what.
    pub(crate) through: String,
    /// Whether it counts now.
    pub(crate) now: bool,
    /// Where it is explained; empty where that can't be asked.
    pub(crate) href: String,
}

/// A role or group with the ways to it.
#[derive(Debug, Clone)]
pub(crate) struct HeldView {
    pub(crate) name: String,
    /// "direct", "2 ways", "not yet".
    pub(crate) summary: String,
    pub(crate) now: bool,
    pub(crate) paths: Vec<PathView>,
    /// How many ways are not shown.
    pub(crate) more: String,
}

/// A way.
#[derive(Debug, Clone)]
pub(crate) struct PathView {
    /// "Direct", "Night shift › Support".
    pub(crate) label: String,
    /// Shown where it does not simply hold: "Begins tomorrow", "Ends in 3 days".
    pub(crate) badge: Option<Badge>,
    pub(crate) steps: Vec<StepView>,
}

/// A step of a way.
#[derive(Debug, Clone)]
pub(crate) struct StepView {
    pub(crate) name: String,
    /// "by Olivia Owner, for the audit, until …".
    pub(crate) terms: String,
    pub(crate) given: Moment,
}

/// Why somebody can, or can't.
#[derive(Debug, Clone)]
pub(crate) struct AnswerView {
    pub(crate) tone: Tone,
    pub(crate) icon: &'static str,
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
    pub(crate) roles: Vec<HeldView>,
    /// Roles that would give it: name, how much else they give, whether the viewer may give them.
    pub(crate) offers: Vec<(String, String, bool)>,
    /// Groups that would give it.
    pub(crate) groups: Vec<Link>,
    pub(crate) who_href: String,
}

/// Who can do something.
#[derive(Template)]
#[template(path = "console/users/who_can.html")]
pub(crate) struct WhoCanPage {
    pub(crate) frame: Frame,
    pub(crate) path: String,
    pub(crate) questions: Vec<QuestionGroup>,
    /// What was asked, in words.
    pub(crate) lead: String,
    pub(crate) rows: Vec<HolderRow>,
    pub(crate) groups: Vec<Link>,
    pub(crate) empty: Option<Empty>,
    pub(crate) pager: Pager,
}

/// Somebody who can.
#[derive(Debug, Clone)]
pub(crate) struct HolderRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) avatar: Avatar,
    pub(crate) status: Badge,
    pub(crate) role: String,
    /// "Direct", "Night shift › Support", "and 2 more ways".
    pub(crate) path: String,
    pub(crate) more: String,
}
