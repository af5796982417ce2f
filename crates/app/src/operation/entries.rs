//! The audit entries of an operation: what they say, their order, and the seals that they are written with.

use model::{
    EntryId, Error, Result,
    audit::{Entry, events, seal::Seal},
    merkle::Hash,
};

use super::{Event, Operation};
use crate::audit::entry_mac;

impl Operation<'_, '_> {
    /// Writes an entry of the audit log, with this operation's change.
    pub fn record(&mut self, event: Event<'_>) {
        // The first has the operation's own id: that it is there proves that the operation is.
        let id = if self.entries.is_empty() { self.id } else { EntryId(self.new_id()) };
        self.entries.push(Entry {
            id,
            at: self.now,
            event: event.name.to_owned(),
            actor: self.agent,
            actor_name: self.actor.name.clone(),
            target_type: event.target_type.to_owned(),
            target: event.target,
            target_name: event.target_name.to_owned(),
            changes: event.changes,
            reason: event.reason,
            request_id: self.actor.request_id.clone(),
            address: self.actor.address.clone(),
            door: self.actor.door,
            erased_at: None,
        });
    }

    /// Entries are read in the order of their ids; those of one operation are of one moment and otherwise random.
    pub(super) fn order_entries(&mut self) {
        let mut ids: Vec<EntryId> = self.entries.iter().map(|entry| entry.id).collect();
        ids.sort_unstable();
        for (entry, id) in self.entries.iter_mut().zip(ids) {
            entry.id = id;
        }
    }

    /// Writes the entries, each sealed: its leaf and an HMAC of it, so that it can't be changed or added to unnoticed.
    /// Its place in the tree it gets later (`audit/sequence.rs`): a tree grown here would make all commits wait in line.
    pub(super) async fn seal_entries(&mut self) -> Result<Vec<(EntryId, Hash)>> {
        let mut sealed = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            if let Some(objection) = events::objection(entry) {
                return Err(Error::internal(objection));
            }
            let (mut by, mut about) = ([0; 32], [0; 32]);
            self.entropy.fill(&mut by);
            self.entropy.fill(&mut about);
            let seal = Seal::new(entry, by, about, false);
            let leaf = seal.leaf(self.context.org, entry);
            let mac = entry_mac(self.keys, self.context, &leaf);
            store::audit::append(self.connection, self.context, entry, &seal, &leaf, &mac).await?;
            sealed.push((entry.id, leaf));
        }
        Ok(sealed)
    }
}
