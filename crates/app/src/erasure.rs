//! What goes along with deleting somebody permanently: counting what is removed, finding the places that name a person
//! without belonging to them, the receipt, and cleaning the files that the database leaves.
//!
//! The deletion itself is `Operation::purge` in `lifecycle.rs`: everything here that it calls is in its transaction.

use std::time::Duration;

use model::{
    Error, OrgContext, Permission, Result, User, UserId,
    audit::{Changed, Changes},
    erasure::Receipt,
    job::Work,
};
use serde_json::Value;
use store::{Connection, boxed};

use crate::{Actor, App, Operation};

/// Erasures that come together are cleaned up after together.
const SCRUB_AFTER: Duration = Duration::from_secs(60);
/// The entry of an erasure is among the last of its person.
const LAST_ENTRIES: u16 = 100;

impl App {
    /// The receipt of an erasure.
    #[boxed]
    pub async fn erasure_receipt(&self, actor: &Actor, user: UserId) -> Result<Receipt> {
        actor.require(Permission::UserPurge)?;
        let context = actor.context;
        let read = async |connection: &mut Connection<'_>| {
            store::audit::about(connection, context, user.0, None, LAST_ENTRIES).await
        };
        let entries = self.database().read(read).await?;
        entries.iter().find_map(Receipt::of).ok_or_else(Error::not_found)
    }

    /// Removes what erasures have left in the free parts of the database's files.
    pub(crate) async fn scrub(&self) -> Result<()> {
        let started = self.now();
        self.database().scrub().await?;
        self.maintain(OrgContext::NOWHERE, async move |connection| {
            store::jobs::all_done(connection, Work::Scrub.kind(), started).await
        })
        .await
    }
}

impl Operation<'_, '_> {
    /// How much is held on a person, as the entry of the erasure says it.
    pub(crate) async fn holdings(&mut self, user: UserId) -> Result<Changes> {
        let held = store::erasure::holdings(self.connection, self.context, user).await?;
        let gone = |count: i64| Changed { before: count.into(), after: Value::from(0) };
        Ok(held.into_iter().map(|(kind, count)| (kind.to_owned(), gone(count))).collect())
    }

    /// Removes a person from what belongs to others, and has the files cleaned.
    pub(crate) async fn erase_elsewhere(&mut self, user: &User, pseudonym: &str) -> Result<()> {
        let (context, id) = (self.context, user.id);
        store::data_exports::erase(self.connection, context, id).await?;
        store::erasure::unname_inviter(self.connection, context, id, pseudonym).await?;
        store::mails::forget_written(self.connection, context, id).await?;
        let fields = &user.fields;
        let mut addresses = store::erasure::addresses(self.connection, context, id).await?;
        addresses.extend([&fields.email, &fields.personal_email].into_iter().flatten().cloned());
        addresses.sort_unstable();
        addresses.dedup();
        for address in &addresses {
            store::erasure::forget_address(self.connection, context, address).await?;
            store::audit::erase_mentions(self.connection, context, address, self.now).await?;
        }
        self.unname_in_mails(user, pseudonym).await?;
        for typed in addresses.iter().map(String::as_str).chain([user.username()]) {
            store::erasure::forget_typed(self.connection, context, typed).await?;
        }
        self.later(Work::Scrub, self.now.plus(SCRUB_AFTER));
        Ok(())
    }

    /// Takes a person's names out of unsent mails of former versions, which held names instead of ids.
    async fn unname_in_mails(&mut self, user: &User, pseudonym: &str) -> Result<()> {
        let fields = &user.fields;
        let addresses = [&fields.email, &fields.personal_email].into_iter().flatten().map(String::as_str);
        let mut names: Vec<&str> = [user.name(), user.username()].into_iter().chain(addresses).collect();
        // What another one is a part of comes first.
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for (id, details) in store::mails::of_former_versions(self.connection, self.context).await? {
            let mut reworded = details.clone();
            for text in [&mut reworded.by, &mut reworded.message, &mut reworded.about] {
                *text = names.iter().fold(std::mem::take(text), |text, name| unnamed(&text, name, pseudonym));
            }
            if reworded != details {
                store::mails::reword(self.connection, self.context, id, &reworded).await?;
            }
        }
        Ok(())
    }
}

/// A text with another name for somebody's, where that stands as a word of its own.
fn unnamed(text: &str, name: &str, pseudonym: &str) -> String {
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(name).filter(|_| !name.is_empty()) {
        let is_part = [before.chars().next_back().or_else(|| done.chars().next_back()), after.chars().next()]
            .into_iter()
            .flatten()
            .any(char::is_alphanumeric);
        done.push_str(before);
        done.push_str(if is_part { name } else { pseudonym });
        rest = after;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::unnamed;

    #[test]
    fn a_name_is_replaced_where_it_is_a_word_of_its_own() {
        assert_eq!(unnamed("Ana’s role, Anabel, Ana", "Ana", "X"), "X’s role, Anabel, X");
        assert_eq!(unnamed("e and the rest", "e", "X"), "X and the rest");
        assert_eq!(unnamed("AnaAna", "Ana", "X"), "AnaAna");
        assert_eq!(unnamed("nobody", "", "X"), "nobody");
    }
}
