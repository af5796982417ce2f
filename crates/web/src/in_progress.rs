//! How many requests of each client address are in progress, so that no client of a proxy holds all that the proxy may.
//!
//! Counted from before the body is read until there is an answer. Who is found signed in is counted, too, but a quarter of
//! an address's places is kept for those.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use model::{Error, Kind, Result, network::site};
use parking_lot::Mutex;

use crate::server::{count_refusal, for_everybody};

/// The requests in progress.
pub(crate) struct InProgress {
    most: usize,
    of_addresses: Mutex<HashMap<IpAddr, usize>>,
}

/// A request's place, until dropped.
pub(crate) struct Held {
    counts: Arc<InProgress>,
    address: IpAddr,
}

impl InProgress {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, of_addresses: Mutex::default() }
    }

    /// One more request of that address, which must not have too many already.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr, is_proven: bool) -> Result<Held> {
        let address = site(address);
        let most = if is_proven { self.most } else { for_everybody(self.most) };
        let mut counts = self.of_addresses.lock();
        let count = counts.entry(address).or_default();
        if *count >= most {
            count_refusal("requests_per_address");
            let message =
                "Too many requests from this address are in progress. Wait a few seconds, then try again.";
            return Err(Error::new(Kind::TooMany, "rate.in_progress", message).with_retry_after(5));
        }
        *count += 1;
        Ok(Held { counts: self.clone(), address })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.counts.of_addresses.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
