//! What one can do with users: list, look at, create, edit. Moving them through the lifecycle is `lifecycle.rs`.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Action, Agent, Error, GroupId, Org, OrgContext, Permission, Result, RoleKey, Status, User, UserFields,
    UserId,
    access::Role,
    audit::{self, Changed, Changes},
    credential::{self, Credential},
    error::FieldError,
    filter::UserQuery,
    grant::GrantTerms,
    lifecycle::{Effect, State},
    link::{Ending, Purpose},
    page::Page,
    rights::Reach,
    role::Scope,
    session::Secret,
    strength::About,
    user::{Completeness, UserType},
};
use serde_json::{Map, Value};
use store::{Connection, Lane, boxed, made_within::Made};

pub use store::{
    grants::RoleGrant,
    memberships::Membership,
    user_list::{Listed, ListedRole},
};

pub use crate::person::{PasswordState, Person};
use crate::{Actor, App, Operation, impact::Concern, invitations::Sending, operation::Event};

/// Someone to create.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// The record; the username is made from the names if left out.
    pub fields: UserFields,
    /// Roles to give, besides Member.
    pub roles: Vec<RoleKey>,
    /// Groups to join.
    pub groups: Vec<GroupId>,
    /// What to sign in with.
    pub password: InitialPassword,
}

/// What a new user signs in with.
#[derive(Debug, Clone, Default)]
pub enum InitialPassword {
    /// Nothing yet: the user is staged.
    #[default]
    None,
    /// Nothing yet: an invitation or activation mail goes out, and the user is invited.
    Mail(Purpose),
    /// A temporary password made by Muster, shown once.
    Generated,
    /// A password that somebody chose for the user.
    Chosen {
        /// As typed.
        password: String,
        /// Whether another one must be chosen at the first sign-in; it is then temporary.
        must_change: bool,
    },
}

/// What a new user holds from the first moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holds {
    /// Roles, besides Member.
    pub(crate) roles: Vec<RoleKey>,
    /// Groups.
    pub(crate) groups: Vec<GroupId>,
}

/// Somebody was created.
#[derive(Debug, Clone)]
pub struct Created {
    /// Who.
    pub person: Person,
    /// The generated password, to be shown once. Not repeated when the same request is repeated.
    pub password: Option<String>,
    /// Whether an earlier request with the same idempotency key did it.
    pub replayed: bool,
}

impl App {
    /// One page of the list.
    #[boxed]
    pub async fn users(&self, actor: &Actor, query: UserQuery) -> Result<Page<Listed>> {
        let reach = actor.reach(Permission::UserList)?;
        let (context, now) = (actor.context, self.now());
        if query.search.trim().is_empty() {
            let read = async |connection: &mut Connection<'_>| {
                store::user_list::page(connection, context, &query, &reach, now).await
            };
            return self.database().read(read).await;
        }
        let read = async move |connection: &mut Connection<'_>| {
            store::user_list::page(connection, context, &query, &reach, now).await
        };
        self.database().read_blocking(read).await
    }

    /// How many users there are of each status, exact up to 10,000.
    #[boxed]
    pub async fn user_counts(&self, actor: &Actor) -> Result<Vec<(Status, i64)>> {
        let reach = actor.reach(Permission::UserList)?;
        let (context, now) = (actor.context, self.now());
        let read = async move |connection: &mut Connection<'_>| match &reach {
            Reach::Everybody => store::user_list::counts(connection, context, now, 10_000).await,
            Reach::Groups(groups) => store::user_list::counts_within(connection, context, groups, now).await,
        };
        self.database().read_blocking(read).await
    }

    /// One user.
    #[boxed]
    pub async fn user(&self, actor: &Actor, id: UserId) -> Result<Person> {
        actor.require(Permission::UserRead)?;
        self.load_person(actor.context, id).await
    }

    /// The user whose username, email or id this is: how the command line names people.
    #[boxed]
    pub async fn user_by_identifier(&self, actor: &Actor, identifier: &str) -> Result<Person> {
        actor.require(Permission::UserRead)?;
        if let Ok(id) = identifier.parse() {
            return self.load_person(actor.context, id).await;
        }
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            store::users::find_by_identifier(connection, context, identifier).await
        };
        let user = self.database().read(read).await?.ok_or_else(Error::not_found)?;
        self.load_person(context, user.id).await
    }

    pub(crate) async fn load_person(&self, context: OrgContext, id: UserId) -> Result<Person> {
        let now = self.now();
        let read = async |connection: &mut Connection<'_>| {
            let user = store::users::find(connection, context, id).await?.ok_or_else(Error::not_found)?;
            Person::load(connection, context, user, now).await
        };
        self.database().read(read).await
    }

    /// Creates a user: with a password active at once, without one staged.
    #[boxed]
    pub async fn create_user(&self, actor: &Actor, org: &Org, new: NewUser) -> Result<Created> {
        let fields = new.fields.checked(Completeness::Full)?;
        let (credential, reveal) = match &new.password {
            InitialPassword::None | InitialPassword::Mail(_) => (None, None),
            _ if fields.kind() == UserType::Service => return Err(service_users_have_no_password()),
            InitialPassword::Generated => {
                let password = credential::generate(self.entropy());
                let reveal = password.reveal().to_owned();
                let credential = self.new_credential(password).await?;
                (Some(credential.temporary(&org.settings.password)), Some(reveal))
            }
            InitialPassword::Chosen { password, must_change } => {
                actor.require(Permission::UserCreate)?;
                let about = About::person(&fields, org);
                let credential = self.choose_password("password", password, org, about, None).await?;
                let temporary = |credential: Credential| credential.temporary(&org.settings.password);
                (Some(if *must_change { temporary(credential) } else { credential }), None)
            }
        };
        let (holds, policy) =
            (Holds { roles: new.roles, groups: new.groups }, org.settings.lifecycle.clone());
        let mail = match new.password {
            InitialPassword::Mail(Purpose::Activation) => Some((Action::Activate, Permission::UserActivate)),
            InitialPassword::Mail(_) => Some((Action::Invite, Permission::UserInvite)),
            _ => None,
        };
        let deed = async move |op: &mut Operation<'_, '_>| {
            let template = &policy.username_template;
            let person = op.create(fields.clone(), &holds, credential.as_ref(), template).await?;
            let Some((action, permission)) = mail.clone() else { return Ok(person) };
            op.permissions.require(permission)?;
            op.transition(person, action, &policy).await
        };
        let (person, replayed) =
            self.run_replayable(actor, Permission::UserCreate, Lane::Interactive, deed).await?;
        Ok(Created { person, password: reveal.filter(|_| !replayed && !actor.dry_run), replayed })
    }

    /// Changes a user's record by a JSON merge patch (RFC 7396). `version` is what the caller has seen.
    #[boxed]
    pub async fn edit_user(
        &self,
        actor: &Actor,
        id: UserId,
        patch: Map<String, Value>,
        version: Option<i64>,
    ) -> Result<Person> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let person = op.person_to_change(id, version).await?;
            op.edit(person, &patch).await
        };
        self.run(actor, Permission::UserUpdate, deed).await
    }

    /// Takes a fresh secret for something opaque (a session, a token).
    pub(crate) fn new_secret(&self) -> Secret {
        Secret::new(self.entropy())
    }
}

fn service_users_have_no_password() -> Error {
    let message = "A service user signs in with API tokens only. Leave the password out.";
    Error::invalid_field("password", "user.service_password", message)
}

/// Usernames tried before a number is drawn at random.
const NUMBERED: usize = 20;
/// How often it is drawn: among thousands of one name it meets another one now and then.
const DRAWN: usize = 8;

impl Operation<'_, '_> {
    /// Writes a new user with roles and a credential.
    pub(crate) async fn create(
        &mut self,
        fields: UserFields,
        holds: &Holds,
        credential: Option<&Credential>,
        template: &str,
    ) -> Result<Person> {
        if fields.kind() == UserType::Guest && holds.roles.iter().any(|role| *role != Role::Member) {
            return Err(crate::roles::guests_hold_none());
        }
        self.may_place(&holds.groups).await?;
        self.check_references(&fields, &UserFields::default()).await?;
        self.check_responsible(&fields, None).await?;
        let id = UserId(self.new_id());
        let mut user = User::new(id, self.context, fields, self.now);
        if credential.is_some() || user.fields.kind() == UserType::Service {
            user.state = State::Active;
            user.joined_at = Some(self.now);
        }
        self.insert_named(&mut user, template).await?;
        if let Some(credential) = credential {
            store::credentials::set(self.connection, self.context, id, credential).await?;
            self.keep_maker_of_password(id).await?;
        }
        if user.fields.personal_email.is_some() {
            self.keep_maker(Made::PersonalAddress(id), id).await?;
        }
        let changes = audit::changes(&Map::new(), &user.fields.to_object());
        self.record(Event {
            name: "user.created",
            target_type: "user",
            target: id.0,
            target_name: user.name(),
            changes,
            reason: String::new(),
        });
        self.carry_out(&user, &expiry(&user)).await?;
        let mut person = Person::new(user, credential);
        let roles: BTreeSet<RoleKey> = holds.roles.iter().copied().collect();
        for role in roles.into_iter().filter(|role| *role != Role::Member) {
            self.grant(&mut person, role, Scope::Org, GrantTerms::default()).await?;
        }
        for group in holds.groups.iter().copied().collect::<BTreeSet<_>>() {
            self.place(&mut person, group, GrantTerms::default()).await?;
        }
        Ok(person)
    }

    /// Who may create people over groups alone, puts them into one of these.
    async fn may_place(&mut self, groups: &[GroupId]) -> Result<()> {
        let Some(permission) = self.permission() else { return Ok(()) };
        if self.permissions.contains(permission) {
            return Ok(());
        }
        for group in groups {
            let above = store::access::above(self.connection, self.context, &[*group]).await?;
            if self.rights.over(&above).contains(permission) {
                return Ok(());
            }
        }
        let message = "Choose at least one of the groups that you manage: you may add people there only.";
        Err(Error::invalid_field("groups", "user.group_needed", message))
    }

    /// Inserts a user under the wished username, or under the first free one that the template makes.
    async fn insert_named(&mut self, user: &mut User, template: &str) -> Result<()> {
        if user.fields.username.is_some() {
            return self.insert_user(user).await;
        }
        let mut candidates = user.fields.username_candidates(template);
        for number in 0..NUMBERED {
            let Some(candidate) = candidates.next() else { break };
            if number > 0
                && store::users::username_is_taken(self.connection, self.context, &candidate).await?
            {
                continue;
            }
            user.fields.username = Some(candidate);
            match self.insert_user(user).await {
                Err(error) if error.code() == "username.taken" => {}
                other => return other,
            }
        }
        user.fields.username = None;
        let base = user.fields.username_candidates(template).next().unwrap_or_default();
        let mut drawn = 0;
        loop {
            drawn += 1;
            match self.insert_numbered(user, &base).await {
                Err(error) if error.code() == "username.taken" && drawn < DRAWN => {}
                other => return other,
            }
        }
    }

    async fn insert_numbered(&mut self, user: &mut User, base: &str) -> Result<()> {
        let [.., a, b, c] = *self.new_id().as_bytes();
        user.fields.username = Some(format!("{base}{}", u32::from_be_bytes([0, a, b, c])));
        self.insert_user(user).await
    }

    /// Who is newly named as manager or as responsible must be of this organization, and seen by the actor.
    async fn check_references(&mut self, fields: &UserFields, before: &UserFields) -> Result<()> {
        for (field, id, known) in [
            ("manager", fields.manager, before.manager),
            ("responsible", fields.responsible, before.responsible),
        ] {
            // Whom the actor may not see is not there; who stands there already may stay.
            if let Some(id) = id.filter(|id| known != Some(*id))
                && !(store::users::is_present(self.connection, self.context, id).await?
                    && self.may_see(id).await?)
            {
                let message = "There is no such user in this organization.";
                return Err(Error::invalid(vec![FieldError::new(
                    field,
                    format!("{field}.unknown"),
                    message,
                )]));
            }
        }
        Ok(())
    }

    /// Applies a merge patch to a loaded person.
    pub(crate) async fn edit(&mut self, mut person: Person, patch: &Map<String, Value>) -> Result<Person> {
        let before = person.user.fields.to_object();
        let mut patched = person.user.fields.patched(patch)?;
        if follows_names(&person.user.fields, patch) {
            patched.display_name = None;
        }
        if !patch.contains_key("username") && patched.email != person.user.fields.email {
            crate::emails::follow(&mut patched, person.user.fields.email_key().as_deref());
        }
        let moves_email = match (&person.user.fields.email, &patched.email) {
            (None, None) => false,
            (_, Some(new)) => !person.user.has_mailbox(new),
            (Some(_), None) => true,
        };
        if moves_email && self.agent == Agent::User(person.user.id) {
            let message = "This is your own address. Change it on your account page, with your present password; the new \
                           address is confirmed by mail.";
            return Err(Error::invalid_field("email", "account.own_email", message));
        }
        if patched.username.is_none() {
            let message = "A user needs a username.";
            return Err(Error::invalid_field("username", "username.missing", message));
        }
        // Who was invited by an address alone writes the name when accepting; until then the address can be corrected.
        let has_joined = person.user.joined_at.is_some();
        let completeness = if has_joined { Completeness::Full } else { Completeness::EmailOnly };
        let fields = patched.checked(completeness)?;
        check_kind(&person, &fields)?;
        self.check_references(&fields, &person.user.fields).await?;
        self.check_responsible(&fields, Some(&person.user.fields)).await?;
        let validity_changed = fields.valid_until != person.user.fields.valid_until
            || fields.valid_from != person.user.fields.valid_from
            || fields.kind() != person.user.fields.kind();
        // What a guest is in gives roles once the guest is none.
        if fields.kind() != person.user.fields.kind() {
            self.raising(Concern::User(person.user.id)).await?;
        }
        if !person.user.edit(fields) {
            return Ok(person);
        }
        let changes = audit::changes(&before, &person.user.fields.to_object());
        self.save(&mut person.user).await?;
        self.record_user(&person.user, "user.edited", changes, String::new());
        if validity_changed {
            self.check_owners(&person);
            self.carry_out(&person.user, &expiry(&person.user)).await?;
        }
        let id = person.user.id;
        if moves_email {
            self.keep_maker(Made::Address(id), id).await?;
        }
        if before.get("personal_email").and_then(Value::as_str)
            != person.user.fields.personal_email.as_deref()
        {
            self.keep_maker(Made::PersonalAddress(id), id).await?;
        }
        self.addresses_changed(&before, &person.user).await?;
        let old = before.get("email").and_then(Value::as_str);
        if moves_email {
            self.settle_email(old, &person.user).await?;
        }
        // Names and dates stand in the caches too.
        self.user_is_stale(person.user.id);
        Ok(person)
    }

    /// Links that are out went to addresses that may not be the person's any more.
    async fn addresses_changed(&mut self, before: &Map<String, Value>, user: &User) -> Result<()> {
        let after = user.fields.to_object();
        if ["email", "personal_email"].iter().all(|field| before.get(*field) == after.get(*field)) {
            return Ok(());
        }
        let purposes = [Purpose::PasswordReset, Purpose::EmailVerification, Purpose::Unlock];
        self.end_links(user.id, &purposes, Ending::Overtaken).await?;
        if user.state == State::Invited {
            self.redirect_invitation(user, Sending::Asked).await
        } else {
            Ok(())
        }
    }

    /// Saves a changed user under the version it was loaded with.
    pub(crate) async fn save(&mut self, user: &mut User) -> Result<()> {
        user.updated_at = self.now;
        let proven = self.keys.proven_email(user);
        store::users::update(self.connection, user, proven.as_ref()).await?;
        user.version += 1;
        Ok(())
    }

    async fn insert_user(&mut self, user: &User) -> Result<()> {
        let proven = self.keys.proven_email(user);
        let within = user.fields.email.as_ref().and_then(|_| self.made_for(user.id));
        store::users::insert_within(self.connection, user, proven.as_ref(), within.as_ref()).await
    }

    /// An entry about a user.
    pub(crate) fn record_user(&mut self, user: &User, name: &str, changes: Changes, reason: String) {
        let target_name = user.name();
        self.record(Event { name, target_type: "user", target: user.id.0, target_name, changes, reason });
    }
}

/// A guest is never an administrator, and a program has no password.
fn check_kind(person: &Person, fields: &UserFields) -> Result<()> {
    if fields.kind() == UserType::Guest && person.roles().any(|role| role != Role::Member) {
        let message = "A guest can't hold roles. Remove the roles first.";
        return Err(Error::invalid_field("type", "user.guest_with_roles", message));
    }
    if fields.kind() == UserType::Service && person.password.set_at.is_some() {
        let message = "A person with a password can't become a service user. Create a service user instead.";
        return Err(Error::invalid_field("type", "user.service_password", message));
    }
    Ok(())
}

/// Whether the display name was only made from the names and should be made again from new ones.
fn follows_names(fields: &UserFields, patch: &Map<String, Value>) -> bool {
    let renamed = patch.contains_key("given_name") || patch.contains_key("family_name");
    let names: Vec<&str> =
        [&fields.given_name, &fields.family_name].into_iter().flatten().map(String::as_str).collect();
    renamed
        && !patch.contains_key("display_name")
        && fields.display_name.as_deref() == Some(names.join(" ").as_str())
}

/// The end date asks the worker to suspend then.
fn expiry(user: &User) -> Vec<Effect> {
    user.fields.valid_until.map(Effect::SuspendAt).into_iter().collect()
}

/// One changed field, for entries that aren't about a whole record.
pub(crate) fn changed(field: &str, before: Value, after: Value) -> Changes {
    BTreeMap::from([(field.to_owned(), Changed { before, after })])
}

/// Who did something, in words for a page: a name, the operator, or Muster.
pub fn agent_label(agent: Agent, name: Option<&str>) -> String {
    match agent {
        Agent::User(_) => name.unwrap_or("somebody who has been deleted").to_owned(),
        Agent::Operator => "the operator".to_owned(),
        Agent::System => "Muster".to_owned(),
    }
}
