//! Single-use links in mail: making them, looking at them, using them up.
//!
//! The secret of a link follows from the server's key and everything that the link is bound to, so that it can be put
//! into a mail whenever the mail is sent, while the database holds its hash alone. Looking at a link changes nothing:
//! mail scanners look at links. Of any number of requests that use one, exactly one succeeds.

use std::time::Duration;

use model::{
    Error, Kind, LinkId, Org, OrgContext, Result, User, UserId,
    link::{Ending, Link, Purpose, Standing},
    outgrown::Maker,
    session::Secret,
};
use store::{Connection, boxed};

use crate::{App, Operation, keys::Keys};

/// How long an ended link is kept, so that its page can say what became of it.
pub(crate) const KEEP: Duration = Duration::from_secs(90 * 24 * 3600);

/// The secret of a link: bound to organization, user, purpose and address.
fn secret(
    keys: &Keys,
    context: OrgContext,
    id: LinkId,
    user: UserId,
    purpose: Purpose,
    address: &str,
) -> Secret {
    let parts: [&[u8]; 5] = [
        context.org.0.as_bytes(),
        id.0.as_bytes(),
        user.0.as_bytes(),
        purpose.as_str().as_bytes(),
        address.as_bytes(),
    ];
    Secret::of(keys.derive("link", &parts))
}

impl App {
    /// Where a link leads, for a mail or to be copied. Made of the configured address, never of a request.
    pub(crate) fn link_url(&self, org: &Org, link: &Link) -> Result<String> {
        let secret = secret(self.keys(), link.org, link.id, link.user, link.purpose, &link.address);
        if secret.hash() != link.secret {
            return Err(Error::internal("a link was made with another key"));
        }
        let (base, path) = (self.public_url(), link.purpose.path());
        Ok(format!("{base}/o/{}/{path}/{}", org.slug, secret.reveal()))
    }

    /// The link of that secret, whatever has become of it. One for another organization or purpose is no link.
    pub(crate) async fn find_link(
        &self,
        context: OrgContext,
        purpose: Purpose,
        secret: &str,
    ) -> Result<Link> {
        let hash = Secret::of_link(secret).ok_or_else(unknown)?.hash();
        let read = async |connection: &mut Connection<'_>| {
            store::links::find(connection, context, &hash, purpose).await
        };
        self.database().read(read).await?.ok_or_else(unknown)
    }

    /// The link if it opens, or why it does not.
    pub(crate) async fn open_link(
        &self,
        context: OrgContext,
        purpose: Purpose,
        secret: &str,
    ) -> Result<Link> {
        let link = self.find_link(context, purpose, secret).await?;
        check(&link, link.standing(self.now()))?;
        Ok(link)
    }

    /// Whose link it is, if it opens.
    #[boxed]
    pub async fn link_holder(&self, org: &Org, purpose: Purpose, secret: &str) -> Result<Option<User>> {
        let context = OrgContext::from(org.id);
        let link = match self.open_link(context, purpose, secret).await {
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Gone) => return Ok(None),
            link => link?,
        };
        let user = link.user;
        let read =
            async move |connection: &mut Connection<'_>| store::users::find(connection, context, user).await;
        self.database().read(read).await
    }

    /// Notes that a person has begun with a link's page. That the page was fetched says nothing: programs that look through
    /// mail fetch it, too. Of what opens nothing nothing is noted, and nothing said.
    #[boxed]
    pub async fn note_begun(&self, org: &Org, purpose: Purpose, secret: &str) -> Result<()> {
        Secret::of_link(secret).ok_or_else(unknown)?;
        match self.open_link(org.id.into(), purpose, secret).await {
            Ok(link) => self.note_opening(&link).await,
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The same, of a link that was found. Bookkeeping: nothing depends on it.
    pub(crate) async fn note_opening(&self, link: &Link) -> Result<()> {
        if link.opened_at.is_some() {
            return Ok(());
        }
        let (context, id, user, now) = (link.org, link.id, link.user, self.now());
        let invites = matches!(link.purpose, Purpose::Invitation | Purpose::Activation);
        self.maintain(context, async move |connection| {
            store::links::opened(connection, context, id, now).await?;
            if invites {
                store::invitations::opened(connection, context, user, now).await?;
            }
            Ok(())
        })
        .await
    }
}

/// No such link: never made, mangled, or of somewhere else.
fn unknown() -> Error {
    let message = "This link does not work. Copy it whole from the mail, or ask for a new one.";
    Error::new(Kind::NotFound, "link.unknown", message)
}

/// Refuses unless the link opens; says what became of it.
pub(crate) fn check(link: &Link, standing: Standing) -> Result<()> {
    let (code, message) = match standing {
        Standing::Open => return Ok(()),
        Standing::Expired => ("link.expired", "This link has expired. Ask for a new one."),
        Standing::Ended(Ending::Used) => match link.purpose {
            Purpose::Invitation | Purpose::Activation => {
                ("link.used", "This invitation has been accepted already. Sign in with your password.")
            }
            _ => ("link.used", "This link has been used already. Ask for a new one if you still need it."),
        },
        Standing::Ended(Ending::Cancelled) => {
            ("link.cancelled", "This link was taken back. Ask whoever sent it for a new one.")
        }
        Standing::Ended(Ending::Replaced) => {
            ("link.replaced", "A newer link was sent. Use the one in the latest mail.")
        }
        Standing::Ended(Ending::Overtaken) => {
            ("link.overtaken", "This link is not needed any more, because the account has changed since.")
        }
    };
    Err(Error::new(Kind::Gone, code, message))
}

impl Operation<'_, '_> {
    /// Makes a link, which the actor may have a copy of. Its secret can be had from `App::link_url` later.
    pub(crate) async fn new_link(
        &mut self,
        user: UserId,
        purpose: Purpose,
        address: &str,
        lifetime: Duration,
    ) -> Result<Link> {
        let maker = self.made_by_another(user);
        self.new_link_within(user, purpose, address, lifetime, maker.as_ref()).await
    }

    /// The same, which `maker` may have a copy of.
    pub(crate) async fn new_link_within(
        &mut self,
        user: UserId,
        purpose: Purpose,
        address: &str,
        lifetime: Duration,
        maker: Option<&Maker>,
    ) -> Result<Link> {
        let (org, id) = (self.context, LinkId(self.new_id()));
        let link = Link {
            id,
            org,
            user,
            purpose,
            address: address.to_owned(),
            secret: secret(self.keys, org, id, user, purpose, address).hash(),
            created_at: self.now,
            expires_at: self.now.plus(lifetime),
            opened_at: None,
            ended: None,
        };
        store::links::insert(self.connection, &link, maker).await?;
        Ok(link)
    }

    /// Uses a link up, or refuses: it may have ended since it was looked at.
    pub(crate) async fn spend_link(&mut self, link: &Link) -> Result<()> {
        self.ensure_link_not_outgrown(link).await?;
        if store::links::spend(self.connection, self.context, link.id, self.now).await? {
            return Ok(());
        }
        let present =
            store::links::by_id(self.connection, self.context, link.id).await?.ok_or_else(unknown)?;
        check(&present, present.standing(self.now))?;
        Err(Error::internal("a link that opens could not be used"))
    }

    /// Ends a user's links for these purposes.
    pub(crate) async fn end_links(
        &mut self,
        user: UserId,
        purposes: &[Purpose],
        ending: Ending,
    ) -> Result<()> {
        for purpose in purposes {
            store::links::end(self.connection, self.context, user, *purpose, ending, self.now).await?;
        }
        Ok(())
    }
}
