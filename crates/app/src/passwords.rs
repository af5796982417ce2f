//! Choosing a password: the one place where it is decided whether somebody may have it, whoever asks by whichever door.
//!
//! In this order: its length; how hard it is to guess; whether it is in the operator's file of breached passwords;
//! whether the person had it before. All but the first runs in the pool of `hashing.rs`, which is bounded.

use model::{
    Error, Org, OrgContext, Password, Result, UserId,
    credential::Credential,
    settings::PasswordPolicy,
    strength::{About, Estimate},
};
use store::boxed;

use crate::{App, breached::BreachedPasswords};

/// What is told to somebody who is typing a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strength {
    /// 0 to 4; at most 2 if it is refused.
    pub score: u8,
    /// What to think of it, and if it is refused what to do.
    pub words: String,
    /// Whether it would be accepted, as far as can be told without knowing the person.
    pub is_accepted: bool,
}

impl App {
    /// Checks a password that somebody wants to have and hashes it, as one that lasts; `Credential::temporary` makes it
    /// another. `field` is the form's field that gets the refusal. With `user`, who must have proven to be that person,
    /// the present and the earlier passwords are refused too: to anybody else that would tell what they were.
    #[boxed]
    pub async fn choose_password(
        &self,
        field: &'static str,
        text: &str,
        org: &Org,
        about: About,
        user: Option<UserId>,
    ) -> Result<Credential> {
        let policy = &org.settings.password;
        let password = Password::chosen(field, text, policy)?;
        let (checked, policy, breached) = (password.clone(), policy.clone(), self.breached().clone());
        self.hasher().work(move || check(field, &checked, &policy, &about, &breached).map(drop)).await?;
        if let Some(user) = user {
            self.check_history(field, &password, org, user).await?;
        }
        self.new_credential(password).await
    }

    /// What to tell somebody who is typing. Nothing is kept of it.
    #[boxed]
    pub async fn password_strength(
        &self,
        text: String,
        policy: PasswordPolicy,
        about: About,
    ) -> Result<Strength> {
        let breached = self.breached().clone();
        let judge = move || {
            let judged = Password::chosen("password", &text, &policy)
                .and_then(|password| check("password", &password, &policy, &about, &breached));
            Ok(match judged {
                Ok(estimate) => accepted(estimate.score),
                Err(error) if error.fields().is_empty() => return Err(error),
                Err(error) => {
                    let score = Password::typed(&text)
                        .map_or(0, |password| Estimate::of(&password, &about).score.min(2));
                    Strength { score, words: error.message().to_owned(), is_accepted: false }
                }
            })
        };
        self.hasher().work(judge).await
    }

    /// What others know of a person, whose password must be something else.
    #[boxed]
    pub async fn about(&self, org: &Org, user: UserId) -> Result<About> {
        Ok(About::person(&self.load_person(org.id.into(), user).await?.user.fields, org))
    }

    /// Hashes a password into what is stored, as one that lasts.
    pub(crate) async fn new_credential(&self, password: Password) -> Result<Credential> {
        let hash = self.hasher().hash(password).await?;
        Ok(Credential { hash, set_at: self.now(), expires_at: None, must_change: false, stamp: 0 })
    }

    /// Refuses the present password and as many earlier ones as the policy says. Each is compared in a turn of its own.
    async fn check_history(
        &self,
        field: &'static str,
        password: &Password,
        org: &Org,
        user: UserId,
    ) -> Result<()> {
        let (context, count) = (OrgContext::from(org.id), org.settings.password.history);
        let read = async |connection: &mut store::Connection<'_>| {
            let present = store::credentials::find(connection, context, user).await?;
            Ok((present, store::credentials::earlier(connection, context, user, count).await?))
        };
        let (present, earlier) = self.database().read(read).await?;
        if let Some(present) = present
            && self.hasher().verify(password.clone(), Some(&present.hash)).await?.matches
        {
            let message = "This is the present password. Choose another one.";
            return Err(Error::invalid_field(field, "password.unchanged", message));
        }
        for hash in earlier {
            if self.hasher().verify(password.clone(), Some(&hash)).await?.matches {
                let message = "This was one of your last passwords. Choose one that you have not used here.";
                return Err(Error::invalid_field(field, "password.used_before", message));
            }
        }
        Ok(())
    }
}

/// Refuses a password that nobody could have chosen, without keeping it. Where there is no program yet to wait for: it takes
/// milliseconds.
pub(crate) fn ensure_acceptable(
    field: &'static str,
    text: &str,
    policy: &PasswordPolicy,
    about: &About,
    breached: &BreachedPasswords,
) -> Result<()> {
    check(field, &Password::chosen(field, text, policy)?, policy, about, breached).map(drop)
}

/// What can be said of a password without knowing what the person had before.
fn check(
    field: &'static str,
    password: &Password,
    policy: &PasswordPolicy,
    about: &About,
    breached: &BreachedPasswords,
) -> Result<Estimate> {
    let estimate = Estimate::of(password, about);
    estimate.check(field, policy)?;
    if breached.contain(password)? {
        let message = "This password is known from a breach elsewhere. Choose another one, and change it wherever \
                       else it is used.";
        return Err(Error::invalid_field(field, "password.breached", message));
    }
    Ok(estimate)
}

fn accepted(score: u8) -> Strength {
    let words = match score {
        0 | 1 => "Accepted, but easy to guess.",
        2 => "Accepted, but not hard to guess.",
        3 => "Good: hard to guess.",
        _ => "Strong: very hard to guess.",
    };
    Strength { score, words: words.to_owned(), is_accepted: true }
}
