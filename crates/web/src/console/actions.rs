//! What can be done with a user, as the row's menu and the user's page offer it: what the lifecycle allows from here,
//! less what this viewer may not do. About stronger people it says why not.

use app::lifecycle::permission_for;
use model::{
    Permission, Status, User,
    lifecycle::{ActionName, StateName},
    user::UserType,
};

use super::{
    view::parts::{Action, Menu},
    visit::Visit,
};

/// Where the ways to another password, and to other roles and groups, are shown side by side.
pub(crate) const RESET_PATH: &str = "/reset-password";
pub(crate) const ACCESS_PATH: &str = "/roles-and-groups";

/// Why something is shown and not offered.
pub(super) const STRONGER: &str = "May do more than you";

/// How an action is offered. `None`: it is nothing that is asked for on a user's page.
pub(crate) fn words(action: ActionName, state: StateName) -> Option<(&'static str, &'static str)> {
    Some(match action {
        ActionName::Invite if state == StateName::Invited => ("Resend invitation", "mail"),
        ActionName::Invite => ("Send invitation", "mail"),
        ActionName::CancelInvitation => ("Cancel invitation", "close"),
        ActionName::Activate => ("Activate", "check"),
        ActionName::Unlock => ("Unlock", "unlock"),
        ActionName::Reactivate if state == StateName::Deprovisioned => ("Rehire", "reactivate"),
        ActionName::Reactivate => ("Reactivate", "reactivate"),
        ActionName::Restore => ("Restore", "restore"),
        ActionName::Lock => ("Lock", "lock"),
        ActionName::Suspend => ("Suspend", "pause"),
        ActionName::Deprovision => ("Deprovision", "archive"),
        ActionName::Delete => ("Delete", "trash"),
        ActionName::Purge => ("Delete permanently", "erase"),
        ActionName::Settle => ("Approve", "check"),
        ActionName::Reject => ("Reject", "close"),
        ActionName::Accept => return None,
    })
}

/// The permission that a transition from this state needs.
pub(crate) fn needed(action: ActionName, state: StateName) -> Permission {
    match (action, state) {
        (ActionName::Reactivate, StateName::Deprovisioned) => Permission::UserDeprovision,
        (ActionName::Invite, StateName::Invited) => Permission::InvitationResend,
        _ => permission_for(action),
    }
}

/// The page that asks before it is done.
pub(crate) fn path(action: ActionName) -> String {
    format!("/{action}")
}

/// What a viewer can do with one user; with who may do more than the viewer, little.
pub(crate) struct Possible<'v> {
    visit: &'v Visit,
    user: &'v User,
    is_weaker: bool,
    /// Whether this is an owner, where that is known.
    is_owner: Option<bool>,
}

impl<'v> Possible<'v> {
    pub(crate) fn new(visit: &'v Visit, user: &'v User, is_weaker: bool) -> Self {
        Self { visit, user, is_weaker, is_owner: None }
    }

    /// Says whether this is an owner.
    pub(crate) fn owner(self, is_owner: bool) -> Self {
        Self { is_owner: Some(is_owner), ..self }
    }

    /// Where the record is edited; empty if this viewer can't.
    pub(crate) fn edit_href(&self) -> String {
        let editable = self.visit.may(Permission::UserUpdate)
            && !matches!(self.user.state.name(), StateName::Trashed | StateName::Purged);
        if editable && self.is_weaker { self.visit.at_user(self.user.id, "/edit") } else { String::new() }
    }

    /// The row's menu: the ways to the user, then what can be done.
    pub(crate) fn row_menu(&self) -> Menu {
        let mut ways = Vec::new();
        if self.visit.may(Permission::UserRead) {
            ways.push(Action::page("View profile", self.visit.at_user(self.user.id, ""), "user"));
        }
        if self.visit.may(Permission::SessionRead) {
            ways.push(Action::page(
                "Active sessions",
                self.visit.at_user(self.user.id, "/sessions"),
                "devices",
            ));
        }
        let edit = self.edit_href();
        if !edit.is_empty() {
            ways.push(Action::page("Edit", edit, "edit"));
        }
        let mut menu = vec![ways];
        let several = |label, path, icon, all: Vec<Action>| match all.len() {
            0 | 1 => all,
            // What nothing can be done with is not opened to find that out.
            _ if all.iter().all(|way| !way.refused.is_empty()) => {
                vec![Action::dialog(label, path, icon).refused(STRONGER)]
            }
            _ => vec![Action::dialog(label, self.visit.at_user(self.user.id, path), icon)],
        };
        let passwords = several("Reset password…", RESET_PATH, "password", self.password_ways());
        let access = several("Roles and groups…", ACCESS_PATH, "shield", self.access_ways());
        menu.extend(self.arranged(&[], passwords, access));
        menu.retain(|group| !group.is_empty());
        menu
    }

    /// The one step that most likely comes next, for the button beside the name.
    pub(crate) fn next_step(&self, status: Status) -> Option<ActionName> {
        let likely = match status {
            Status::Inactive => ActionName::Activate,
            Status::Invited => ActionName::Invite,
            Status::Locked => ActionName::Unlock,
            Status::Suspended | Status::Deprovisioned => ActionName::Reactivate,
            Status::Deleted => ActionName::Restore,
            Status::Pending => ActionName::Settle,
            Status::Active => return None,
        };
        self.transitions().find(|action| *action == likely)
    }

    /// The button of a transition.
    pub(crate) fn button(&self, action: ActionName) -> Option<Action> {
        let (label, icon) = words(action, self.user.state.name())?;
        Some(self.offered(label, &path(action), icon))
    }

    /// The transitions that the lifecycle allows and this viewer may ask for.
    fn transitions(&self) -> impl Iterator<Item = ActionName> {
        let state = self.user.state.name();
        let possible = self.user.possible(&self.visit.org().settings.lifecycle);
        // Sending the invitation again is what activating would be; who has no address, or is a program, can't be invited.
        let fields = &self.user.fields;
        let has_address = fields.email.is_some() || fields.personal_email.is_some();
        let is_reached = has_address && fields.kind() != UserType::Service;
        let makes_sense = move |action: &ActionName| match action {
            ActionName::Activate => state != StateName::Invited,
            ActionName::Invite => is_reached,
            _ => true,
        };
        let possible = possible.into_iter().filter(makes_sense);
        possible.filter(move |action| self.visit.may(needed(*action, state)))
    }

    /// Everything that can be asked for, less `without`: harmless, blocking, and what is hard to take back.
    pub(crate) fn menu(&self, without: &[ActionName]) -> Menu {
        self.arranged(without, self.password_ways(), self.access_ways())
    }

    fn arranged(&self, without: &[ActionName], passwords: Vec<Action>, access: Vec<Action>) -> Menu {
        let state = self.user.state.name();
        let (mut harmless, mut blocking, mut dangerous) = (Vec::new(), Vec::new(), Vec::new());
        for action in self.transitions().filter(|action| !without.contains(action)) {
            let Some((label, icon)) = words(action, state) else { continue };
            let offered = self.offered(&format!("{label}…"), &path(action), icon);
            match action {
                ActionName::Delete | ActionName::Purge => dangerous.push(offered.dangerous()),
                ActionName::Lock
                | ActionName::Suspend
                | ActionName::Deprovision
                | ActionName::Reject
                | ActionName::CancelInvitation => blocking.push(offered),
                _ => harmless.push(offered),
            }
        }
        if state == StateName::Invited && self.visit.may(Permission::UserInvite) {
            harmless.push(self.offered("Copy link…", "/invitation-link", "copy"));
        }
        harmless.extend(passwords);
        if self.visit.may(Permission::UserRead) && state != StateName::Purged {
            let path = self.visit.at_user(self.user.id, "/sign-in-explanation");
            harmless.push(Action::page("Why can't they sign in?", path, "help"));
        }
        harmless.extend(access);
        [harmless, blocking, dangerous].into_iter().filter(|group| !group.is_empty()).collect()
    }

    /// The ways to another password.
    pub(crate) fn password_ways(&self) -> Vec<Action> {
        let (state, mut ways) = (self.user.state.name(), Vec::new());
        let takes_password = self.user.fields.kind() != UserType::Service
            && matches!(
                state,
                StateName::Staged | StateName::Invited | StateName::Active | StateName::Suspended
            );
        if takes_password && self.visit.may(Permission::UserResetPassword) {
            if state == StateName::Active {
                ways.push(self.offered("Send reset link…", "/send-reset-link", "mail"));
            }
            ways.push(self.offered("Set temporary password…", "/set-password", "password"));
            if matches!(state, StateName::Active | StateName::Suspended) {
                ways.push(self.offered("Require password change…", "/require-password-change", "key"));
            }
        }
        ways
    }

    /// The ways to other roles and groups.
    pub(crate) fn access_ways(&self) -> Vec<Action> {
        let is_gone = matches!(self.user.state.name(), StateName::Trashed | StateName::Purged);
        let mut ways = Vec::new();
        let takes_roles = self.user.fields.kind() != UserType::Guest && !is_gone;
        if takes_roles && self.visit.may(Permission::RoleAssign) {
            ways.push(self.offered("Temporary access…", "/temporary-access", "clock"));
            ways.push(self.offered("Add role…", "/add-role", "plus"));
            ways.push(self.offered("Change roles…", "/roles", "shield"));
            ways.push(self.offered("Copy access…", "/copy-access", "copy"));
        }
        if self.visit.may(Permission::GroupAssign) && !is_gone {
            // Whoever may do more than the viewer can still be put into a group, and taken out.
            let path = self.visit.at_user(self.user.id, "/groups");
            ways.push(Action::dialog("Change groups…", path, "group"));
        }
        ways.extend(self.owning());
        ways
    }

    /// Making somebody an owner or an owner no more: offered to owners, about people.
    fn owning(&self) -> Option<Action> {
        let is_active = self.user.state.name() == StateName::Active;
        if self.user.fields.kind() != UserType::Human || !self.visit.may(Permission::OwnerManage) {
            return None;
        }
        if self.is_owner? {
            return Some(self.offered("Remove admin…", "/remove-admin", "shield"));
        }
        is_active.then(|| self.offered("Make admin…", "/make-admin", "shield"))
    }

    fn offered(&self, label: &str, path: &str, icon: &'static str) -> Action {
        let action = Action::dialog(label, self.visit.at_user(self.user.id, path), icon);
        if self.is_weaker { action } else { action.refused(STRONGER) }
    }
}
