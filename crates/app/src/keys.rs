//! The server's key: 32 secret bytes kept outside the database, from which every other secret of the server follows.
//!
//! Links in mail, the seals of audit entries and the signatures of checkpoints are made with keys derived from it, one per
//! purpose. Whoever steals the database alone can make none of them. Where the key is kept is the binary's `config.rs`;
//! that all nodes use the same one is checked here.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Entropy, Error, Kind, Result, User};
use sha2::Sha256;

use store::{Connection, boxed, email_directory::EmailHash};

use crate::App;

/// See the module. Deliberately without `Debug` of its content.
#[derive(Clone)]
pub struct Keys([u8; 32]);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// The key of these bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A fresh one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        Self(key)
    }

    /// Reads one as it stands in a file or a setting: 43 characters of base64url.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As it stands in a file.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// HMAC-SHA256 of `parts` for one purpose. Each part goes in with its length, so that no two lists are alike.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl Keys {
    /// What stands for an address, in whatever spelling, in the directory of addresses.
    pub(crate) fn email_hash(&self, address: &str) -> EmailHash {
        self.derive("email directory", &[model::user::key(address).as_bytes()])
    }

    /// The same of the address that a user has proven to have.
    pub(crate) fn proven_email(&self, user: &User) -> Option<EmailHash> {
        let address = user.fields.email.as_deref().filter(|_| user.email_verified)?;
        Some(self.email_hash(address))
    }
}

/// Users whose entry in the directory of addresses is written in one transaction.
const CHUNK: u16 = 500;

impl App {
    /// Fills the directory of addresses for users from before there was one. Can be killed and begun again.
    #[boxed]
    pub async fn fill_email_directory(&self) -> Result<()> {
        let look =
            async |connection: &mut Connection<'_>| store::email_directory::is_filled(connection).await;
        if self.database().read(look).await? {
            return Ok(());
        }
        let mut position = Some(store::email_directory::START);
        while let Some(from) = position {
            let keys = self.keys().clone();
            let fill = async move |connection: &mut Connection<'_>| {
                let hash_of = |user: &User| keys.proven_email(user);
                store::email_directory::fill(connection, from, &hash_of, CHUNK).await
            };
            position = self.maintain(model::OrgContext::NOWHERE, fill).await?;
        }
        tracing::info!("the directory of proven addresses was filled");
        Ok(())
    }

    /// Refuses to work on a database that was used with another key: links would not open and seals would look broken.
    /// The first server that comes sets the key.
    #[boxed]
    pub async fn check_key(&self) -> Result<()> {
        let fingerprint = self.keys().derive("fingerprint", &[]);
        let read = async |connection: &mut Connection<'_>| store::setup::key(connection).await;
        let known = if let Some(known) = self.database().read(read).await? {
            known
        } else {
            let keep = async move |connection: &mut Connection<'_>| {
                store::setup::keep_key(connection, &fingerprint).await
            };
            self.maintain(model::OrgContext::NOWHERE, keep).await?
        };
        if known == fingerprint {
            return Ok(());
        }
        let message = "This database was used with another key. Give this server the same one: copy the key file that \
                       belongs to the database, or set security.key.";
        Err(Error::new(Kind::Unavailable, "key.differs", message))
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let keys = Keys::new([7; 32]);
        let again = Keys::parse(&format!("{}\n", keys.reveal())).unwrap();
        assert_eq!(again.derive("a", &[b"b"]), keys.derive("a", &[b"b"]));
        assert!(Keys::parse("short").is_none());
    }

    #[test]
    fn what_is_derived_differs_with_everything_it_is_derived_from() {
        let keys = Keys::new([7; 32]);
        let all = [
            keys.derive("ab", &[b"c"]),
            keys.derive("a", &[b"bc"]),
            keys.derive("a", &[b"b", b"c"]),
            keys.derive("a", &[b"b", b"c", b""]),
            Keys::new([8; 32]).derive("a", &[b"bc"]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one));
        }
    }
}
