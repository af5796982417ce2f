//! The first organization and its owner: by a single-use link, by start variables, or, when every owner is locked
//! out, by the operator on the host.

use std::{sync::Arc, time::Duration};

use model::{
    Error, Kind, Org, OrgContext, OrgId, Permission, Result, Timestamp, UserFields, UserId,
    access::Role,
    credential,
    credential_change::CredentialChange,
    grant::GrantTerms,
    lifecycle::{Action, State},
    role::Scope,
    session::Secret,
    settings::Settings,
    strength::About,
    user::Completeness,
};
use store::{Connection, boxed};
use uuid::Uuid;

use crate::{Actor, App, Operation, Person, breached::BreachedPasswords, passwords, users::Holds};

/// The first organization and its owner.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// The organization's name.
    pub org_name: String,
    /// The organization's address.
    pub slug: String,
    /// The owner's record: names and email.
    pub owner: UserFields,
    /// The owner's password.
    pub password: String,
}

impl SetUp {
    /// Refuses what [`App::set_up`] would refuse, before there is a database.
    pub fn check(&self, breached: &BreachedPasswords) -> Result<()> {
        let fields = self.owner.clone().checked(Completeness::Full)?;
        let org = Org {
            id: OrgId(Uuid::nil()),
            slug: model::org::slug(&self.slug)?,
            name: model::org::name(&self.org_name)?,
            settings: Settings::default(),
            created_at: Timestamp::from_micros(0),
            version: 1,
        };
        let about = About::person(&fields, &org);
        passwords::ensure_acceptable("password", &self.password, &org.settings.password, &about, breached)
    }
}

/// How long the set-up link works.
const LINK_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

fn used_up() -> Error {
    let message = "This set-up link has been used or is too old. Restart Muster to get a new one.";
    Error::new(Kind::Gone, "setup.used", message)
}

impl App {
    /// A fresh set-up link's secret, if there is no organization yet; earlier links are dead.
    #[boxed]
    pub async fn new_setup_link(&self) -> Result<Option<Secret>> {
        if self.is_set_up().await? {
            return Ok(None);
        }
        let (secret, now) = (self.new_secret(), self.now());
        let hash = secret.hash();
        self.maintain(OrgContext::NOWHERE, async move |connection| {
            store::setup::insert(connection, &hash, now, now.plus(LINK_LIFE)).await
        })
        .await?;
        Ok(Some(secret))
    }

    /// Whether a set-up link still opens. Looking changes nothing.
    #[boxed]
    pub async fn check_setup_link(&self, secret: &Secret) -> Result<()> {
        let (hash, now) = (secret.hash(), self.now());
        let read = async |connection: &mut Connection<'_>| {
            Ok(store::setup::holds(connection, &hash, now).await? && !store::orgs::exist(connection).await?)
        };
        if self.database().read(read).await? { Ok(()) } else { Err(used_up()) }
    }

    /// Creates the first organization with its owner; uses the link up.
    #[boxed]
    pub async fn set_up(&self, link: Option<&Secret>, wanted: SetUp) -> Result<Arc<Org>> {
        let fields = wanted.owner.checked(Completeness::Full)?;
        let org = self.new_org(&wanted.org_name, &wanted.slug)?;
        if let Some(link) = link {
            self.check_setup_link(link).await?;
        }
        let about = About::person(&fields, &org);
        let credential = self.choose_password("password", &wanted.password, &org, about, None).await?;
        let (slug, hash) = (org.slug.clone(), link.map(Secret::hash));
        let actor = Actor::operator(org.id.into());
        let template = org.settings.lifecycle.username_template.clone();
        let holds = Holds { roles: vec![Role::Owner.into()], groups: Vec::new() };
        let deed = async move |op: &mut Operation<'_, '_>| {
            if let Some(hash) = hash
                && !store::setup::take(op.connection, &hash, op.now).await?
            {
                return Err(used_up());
            }
            // Also when it was not this link that set up: by start variables, or on the command line.
            let is_late = !store::setup::is_first(op.connection, op.now).await?
                || store::orgs::exist(op.connection).await?;
            if is_late && hash.is_some() {
                return Err(used_up());
            }
            if is_late {
                return Err(Error::new(Kind::Conflict, "setup.done", "There is an organization already."));
            }
            op.create_org(&org).await?;
            op.create(fields.clone(), &holds, Some(&credential), &template).await
        };
        let _: Person = self.run(&actor, Permission::UserCreate, deed).await?;
        self.org(&slug).await
    }

    /// The way back in, on the host only: gives a user (found by username or email, created if there is none) the role
    /// Owner, makes the account usable, and sets a password that must be changed. Answers the password.
    #[boxed]
    pub async fn recover_owner(&self, org: &Org, identifier: &str) -> Result<(Person, String)> {
        let password = credential::generate(self.entropy());
        let reveal = password.reveal().to_owned();
        // Lasting, or the organization would still have no able owner; to be changed at the first sign-in all the same.
        let mut credential = self.new_credential(password).await?;
        credential.must_change = true;
        // The account is taken back: whatever others made for it ends.
        let actor =
            Actor { end_secrets: model::outgrown::Confirmed::Everything, ..Actor::operator(org.id.into()) };
        let (identifier, settings) = (identifier.to_owned(), org.settings.clone());
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.owners_may_change().await?;
            let found = store::users::find_by_identifier(op.connection, op.context, &identifier).await?;
            let mut person = if let Some(user) = found {
                op.make_usable(user.id, &settings).await?
            } else {
                let fields = recovered(&identifier).checked(Completeness::Full)?;
                op.create(fields, &Holds::default(), Some(&credential), &settings.lifecycle.username_template)
                    .await?
            };
            op.put_credential(&mut person, &credential, CredentialChange::RecoveredByOperator).await?;
            op.grant(
                &mut person,
                Role::Owner.into(),
                Scope::Org,
                GrantTerms::until(None, "recovered by the operator"),
            )
            .await?;
            Ok(person)
        };
        let person = self.run(&actor, Permission::OwnerManage, deed).await?;
        Ok((person, reveal))
    }
}

/// The record of an owner who is created for recovery.
fn recovered(email: &str) -> UserFields {
    UserFields {
        email: Some(email.to_owned()),
        display_name: Some("Recovered owner".to_owned()),
        ..UserFields::default()
    }
}

impl Operation<'_, '_> {
    /// Brings a user, wherever in life, to where signing in works.
    async fn make_usable(&mut self, id: UserId, settings: &Settings) -> Result<Person> {
        let mut person = self.person(id).await?;
        if person.user.fields.valid_until.is_some() || person.user.fields.valid_from.is_some() {
            (person.user.fields.valid_until, person.user.fields.valid_from) = (None, None);
            self.save(&mut person.user).await?;
        }
        if matches!(person.user.state, State::Trashed { .. }) {
            person = self.transition(person, Action::Restore, &settings.lifecycle).await?;
        }
        if person.user.is_locked(self.now) {
            person.user.lock = None;
            self.save(&mut person.user).await?;
        }
        let (awaiting, away) = match &person.user.state {
            State::Active | State::Trashed { .. } | State::Purged => return Ok(person),
            State::Pending { awaits } => (awaits.clone(), false),
            State::Suspended(_) | State::Deprovisioned(_) => (Vec::new(), true),
            State::Staged | State::Invited => (Vec::new(), false),
        };
        for what in &awaiting {
            person = self.transition(person, Action::Settle(*what), &settings.lifecycle).await?;
        }
        if away {
            return self
                .transition(person, Action::Reactivate { valid_until: None }, &settings.lifecycle)
                .await;
        }
        if person.user.state != State::Active {
            // The password follows in the same transaction.
            person.password.set_at = Some(self.now);
            person = self.transition(person, Action::Activate, &settings.lifecycle).await?;
        }
        Ok(person)
    }
}
