//! Known devices: browsers that people have signed in with, each known by a cookie of its own.
//!
//! A known device lets nobody in without the password. But strangers' failures don't shut it out: it has a limit of its
//! own (`tries.rs`). It ends with the sessions where an account is taken back or shut out (`credentials.rs`,
//! `lifecycle.rs`), after half a year without a sign-in, or when its owner or an administrator removes it.

use model::{
    DeviceId, Error, OrgContext, Permission, Result, UserId,
    device::{Device, KnownDevice},
    session::{Secret, SecretHash, Session},
};
use serde_json::Value;
use store::{Connection, boxed};

pub use connect::geo::Place;

use crate::{Actor, App, Operation, access::signed_out, users::changed};

/// A known device as pages show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedDevice {
    /// What is known.
    pub known: KnownDevice,
    /// With what, as far as it tells.
    pub device: Device,
    /// From where, roughly, at the last sign-in.
    pub place: Place,
    /// It is the one that asks.
    pub is_this: bool,
}

impl App {
    /// The devices that somebody is known on, the latest used first.
    #[boxed]
    pub async fn devices_of(&self, actor: &Actor, user: UserId) -> Result<Vec<ListedDevice>> {
        actor.require(Permission::SessionRead)?;
        let context = actor.context;
        let there =
            async |connection: &mut Connection<'_>| store::users::is_present(connection, context, user).await;
        if !self.database().read(there).await? {
            return Err(Error::not_found());
        }
        self.list_devices(actor, user).await
    }

    /// The devices that one is known on oneself.
    #[boxed]
    pub async fn own_devices(&self, actor: &Actor) -> Result<Vec<ListedDevice>> {
        actor.require(Permission::AccountSessions)?;
        self.list_devices(actor, actor.user().ok_or_else(signed_out)?).await
    }

    /// The known device that a browser presents, whosever it is.
    #[boxed]
    pub async fn known_device(&self, context: OrgContext, presented: &[Secret]) -> Result<Option<DeviceId>> {
        if presented.is_empty() {
            return Ok(None);
        }
        let secrets: Vec<SecretHash> =
            presented.iter().take(KnownDevice::COOKIES).map(Secret::hash).collect();
        let since = self.now().minus(KnownDevice::LIFETIME);
        let read = async |connection: &mut Connection<'_>| {
            store::devices::presented_by_anybody(connection, context, &secrets, since).await
        };
        self.database().read(read).await
    }

    async fn list_devices(&self, actor: &Actor, user: UserId) -> Result<Vec<ListedDevice>> {
        let (context, atlas) = (actor.context, self.places().look());
        let since = self.now().minus(KnownDevice::LIFETIME);
        let read = async |connection: &mut Connection<'_>| {
            store::devices::list(connection, context, user, since).await
        };
        let known = self.database().read(read).await?;
        let listed = |known: KnownDevice| ListedDevice {
            device: connect::device::recognize(&known.user_agent, &known.hints),
            place: atlas.place(&known.address),
            is_this: actor.session() == Some(known.session),
            known,
        };
        Ok(known.into_iter().map(listed).collect())
    }

    /// Removes a known device of somebody. Its sessions go on; it counts as a stranger at the next sign-in.
    #[boxed]
    pub async fn remove_device(&self, actor: &Actor, user: UserId, device: DeviceId) -> Result<()> {
        let deed = async move |op: &mut Operation<'_, '_>| {
            op.person_to_change(user, None).await?;
            op.remove_device(user, device).await
        };
        self.run(actor, Permission::SessionRevoke, deed).await
    }

    /// Removes one of one's own known devices.
    #[boxed]
    pub async fn remove_own_device(&self, actor: &Actor, device: DeviceId) -> Result<()> {
        let user = actor.user().ok_or_else(signed_out)?;
        let deed = async move |op: &mut Operation<'_, '_>| op.remove_device(user, device).await;
        self.run(actor, Permission::AccountSessions, deed).await
    }
}

impl Operation<'_, '_> {
    async fn remove_device(&mut self, user: UserId, device: DeviceId) -> Result<()> {
        let person = self.person(user).await?;
        if !store::devices::end(self.connection, self.context, user, device).await? {
            return Err(Error::not_found());
        }
        let changes = changed("device", device.to_string().into(), Value::Null);
        self.record_user(&person.user, "device.removed", changes, String::new());
        Ok(())
    }

    /// Notes that somebody signs in with a browser, and from where: it is known from then on, by the presented cookie if
    /// that is one of this person's, else by a fresh one (`None`).
    pub(crate) async fn remember_device(
        &mut self,
        session: &Session,
        presented: &[SecretHash],
        fresh: SecretHash,
    ) -> Result<Option<SecretHash>> {
        let (context, user, since) = (self.context, session.user, self.now.minus(KnownDevice::LIFETIME));
        let network = model::network::counted(&session.address);
        store::devices::note_network(self.connection, context, user, &network, self.now).await?;
        let mut known = KnownDevice {
            id: DeviceId(self.new_id()),
            org: context,
            user,
            session: session.id,
            address: session.address.clone(),
            country: session.country.clone(),
            user_agent: session.user_agent.clone(),
            hints: session.hints.clone(),
            first_seen_at: self.now,
            last_seen_at: self.now,
        };
        for secret in presented {
            let own = std::slice::from_ref(secret);
            if let Some(id) = store::devices::presented(self.connection, context, user, own, since).await? {
                known.id = id;
                store::devices::seen(self.connection, &known).await?;
                self.forget_tries_on(id).await?;
                return Ok(Some(*secret));
            }
        }
        store::devices::insert(self.connection, &known, &fresh).await?;
        store::devices::end_oldest(self.connection, context, user, KnownDevice::MOST).await?;
        Ok(None)
    }

    /// Notes how what somebody signs in with looks, and from which country. Whether it is nothing new: a known device, or
    /// one that looks like it, from a country where the person has been; or the first sign-in ever, which there is
    /// nothing to compare with.
    pub(crate) async fn note_device(&mut self, session: &Session, is_known: bool) -> Result<bool> {
        let key = connect::device::recognize(&session.user_agent, &session.hints).key();
        let (context, user, country) = (self.context, session.user, session.country.as_str());
        let known = store::devices::note(self.connection, context, user, &key, country, self.now).await?;
        let is_known = is_known || known.device;
        Ok(known.nothing || (is_known && (known.country || country.is_empty())))
    }
}
