//! The names of users to whom entries refer by their ids: looked up for people to read, never stored with the entry.

use std::collections::{BTreeMap, BTreeSet};

use model::{OrgContext, Result, UserId, audit::Entry};
use store::{Connection, boxed};

use crate::{Actor, App};

impl App {
    /// Writes the names that users have now beside their ids, for whoever may read the log.
    #[boxed]
    pub async fn name_people(&self, actor: &Actor, entries: &mut [Entry]) -> Result<()> {
        self.name_references(actor.context, entries.iter_mut().collect()).await
    }

    /// The same, of entries that somebody may see.
    pub(crate) async fn name_references(&self, context: OrgContext, entries: Vec<&mut Entry>) -> Result<()> {
        let users: BTreeSet<UserId> = entries.iter().flat_map(|entry| entry.references()).collect();
        if users.is_empty() {
            return Ok(());
        }
        let users: Vec<UserId> = users.into_iter().collect();
        let read = async |connection: &mut Connection<'_>| {
            store::access_paths::people(connection, context, &users).await
        };
        let people = self.database().read(read).await?;
        let names: BTreeMap<UserId, String> = people.into_iter().map(|(id, name, _)| (id, name)).collect();
        for entry in entries {
            entry.name_references(|user| names.get(&user).cloned());
        }
        Ok(())
    }
}
