//! What surrounds every page: the organization, the way around, who is looking, and what must not be overlooked.
//!
//! Filled once per request from the session; pages only say which section they stand in and how one got there.

use super::parts::{Avatar, Banner, Link, Tone};

/// Everything that `layout.html` needs.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The page's own name, first in the window's title.
    pub(crate) title: String,
    pub(crate) org: Org,
    /// The other organizations signed in to in this browser.
    pub(crate) other_orgs: Vec<Org>,
    pub(crate) viewer: Viewer,
    pub(crate) section: Section,
    /// The way here, from the section down; the last is the page itself.
    pub(crate) crumbs: Vec<Link>,
    /// What owners must not overlook, whichever page they are on.
    pub(crate) alarm: Option<Banner>,
    /// What has just been done.
    pub(crate) notice: Option<Notice>,
    /// For the forms of the frame itself, such as signing out.
    pub(crate) csrf: String,
    /// Where the demonstration keeps its mail; empty anywhere else.
    pub(crate) mailbox_href: &'static str,
}

/// An organization as the switcher shows it.
#[derive(Debug, Clone)]
pub(crate) struct Org {
    pub(crate) name: String,
    pub(crate) slug: String,
}

impl Org {
    /// The letter on its tile.
    pub(crate) fn initial(&self) -> String {
        self.name.chars().find(|c| c.is_alphanumeric()).unwrap_or('?').to_uppercase().collect()
    }

    /// Its root, without a slash at the end.
    pub(crate) fn base(&self) -> String {
        format!("/o/{}", self.slug)
    }
}

/// Who is looking, and which sections they may see.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a section of its own")]
pub(crate) struct Viewer {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) avatar: Avatar,
    pub(crate) may_see_users: bool,
    pub(crate) may_see_groups: bool,
    pub(crate) may_see_sessions: bool,
    pub(crate) may_see_invitations: bool,
    pub(crate) may_see_roles: bool,
    pub(crate) may_see_access: bool,
    pub(crate) may_see_settings: bool,
    pub(crate) may_see_mail: bool,
    pub(crate) may_see_tokens: bool,
    pub(crate) may_see_audit: bool,
}

/// Where a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Users,
    Groups,
    Sessions,
    Invitations,
    Roles,
    Access,
    Audit,
    Settings,
    Account,
}

/// What has just been done, said once.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// One entry of the sidebar.
pub(crate) struct NavigationItem {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) icon: &'static str,
    pub(crate) current: bool,
}

/// Entries under a common heading.
pub(crate) struct NavigationGroup {
    pub(crate) label: &'static str,
    pub(crate) items: Vec<NavigationItem>,
}

impl Frame {
    /// The sidebar: what this viewer may see, in groups.
    pub(crate) fn navigation(&self) -> Vec<NavigationGroup> {
        let base = self.org.base();
        let item = |label, path: &str, icon, section| NavigationItem {
            label,
            href: format!("{base}{path}"),
            icon,
            current: self.section == section,
        };
        let mut groups = Vec::new();
        let mut items = Vec::new();
        if self.viewer.may_see_users {
            items.push(item("Users", "/users", "users", Section::Users));
            if self.viewer.may_see_invitations {
                items.push(item("Invitations", "/invitations", "mail", Section::Invitations));
            }
        }
        if self.viewer.may_see_groups {
            items.push(item("Groups", "/groups", "group", Section::Groups));
        }
        if !items.is_empty() {
            groups.push(NavigationGroup { label: "Directory", items });
        }
        let mut items = Vec::new();
        if self.viewer.may_see_roles {
            items.push(item("Roles", "/roles", "roles", Section::Roles));
        }
        if self.viewer.may_see_access {
            items.push(item("Permission holders", "/access", "help", Section::Access));
        }
        if self.viewer.may_see_sessions {
            items.push(item("Sessions", "/sessions", "devices", Section::Sessions));
        }
        if !items.is_empty() {
            groups.push(NavigationGroup { label: "Access", items });
        }
        let mut items = Vec::new();
        if self.viewer.may_see_audit {
            items.push(item("Audit log", "/audit", "log", Section::Audit));
        }
        if self.viewer.may_see_settings {
            items.push(item("Settings", "/settings", "settings", Section::Settings));
        }
        if !items.is_empty() {
            groups.push(NavigationGroup { label: "Organization", items });
        }
        let items = vec![item("My account", "/account", "account", Section::Account)];
        groups.push(NavigationGroup { label: "You", items });
        groups
    }

    /// Pages that nothing on most pages links to, for the palette.
    pub(crate) fn further_pages(&self) -> Vec<NavigationItem> {
        let (base, viewer) = (self.org.base(), &self.viewer);
        let page = |label, path: &str, icon| NavigationItem {
            label,
            href: format!("{base}{path}"),
            icon,
            current: false,
        };
        let mut pages = vec![
            page("My email", "/account/email", "mail"),
            page("My access", "/account/access", "shield"),
            page("My groups", "/account/groups", "group"),
            page("My sessions", "/account/sessions", "devices"),
            page("My activity", "/account/activity", "log"),
            page("My API tokens", "/account/tokens", "key"),
            page("My data", "/account/data", "download"),
        ];
        if viewer.may_see_roles {
            pages.push(page("Compare roles", "/roles/compare", "compare"));
            pages.push(page("Applications' permissions", "/permissions", "applications"));
        }
        if viewer.may_see_settings {
            pages.push(page("Settings: policies", "/settings/policies", "settings"));
        }
        if viewer.may_see_mail {
            pages.push(page("Settings: mail", "/settings/mail", "mail"));
        }
        if viewer.may_see_tokens {
            pages.push(page("Settings: API tokens", "/settings/tokens", "key"));
        }
        pages
    }
}
