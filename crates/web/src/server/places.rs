//! Who holds a place on a listener. Where places get scarce, the connection that has been there for longest of those that
//! keep us waiting, with nobody known behind them, makes room: whoever sends a request at once always gets through.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use model::network::site;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{ClientLimits, Connection, count_refusal, for_everybody};

/// The places of one listener. Cheap to clone.
#[derive(Clone)]
pub(super) struct Places(Arc<Inner>);

struct Inner {
    limits: ClientLimits,
    trusted_proxies: Vec<IpNet>,
    held: Mutex<Held>,
    freed: Notify,
}

/// By the order in which they came.
type Line = BTreeMap<u64, Arc<Connection>>;

#[derive(Default)]
struct Held {
    last: u64,
    all: BTreeMap<u64, (Arc<Connection>, Option<IpAddr>)>,
    of_peers: HashMap<IpAddr, Line>,
}

/// What became of a connection that wants a place.
pub(super) enum Entry {
    /// It has one.
    Taken(Place),
    /// Its address holds too many.
    Refused,
    /// There is none at all at present.
    Full,
}

/// A place, until dropped.
pub(super) struct Place {
    places: Places,
    number: u64,
    connection: Arc<Connection>,
}

impl Places {
    pub(super) fn new(limits: ClientLimits, trusted_proxies: Vec<IpNet>) -> Self {
        Self(Arc::new(Inner { limits, trusted_proxies, held: Mutex::default(), freed: Notify::new() }))
    }

    /// A place for a connection of that address. Above the share for everybody, another one makes room for it if there is
    /// one that may be cut; up to the limit it is taken even if there is none.
    pub(super) fn enter(&self, address: IpAddr) -> Entry {
        let Inner { limits, trusted_proxies, held, .. } = &*self.0;
        let address = address.to_canonical();
        let is_trusted = trusted_proxies.iter().any(|network| network.contains(&address));
        let peer = (!is_trusted).then(|| site(address));
        let mut held = held.lock();
        if let Some(line) = peer.and_then(|peer| held.of_peers.get(&peer)) {
            let (count, most) = (line.len(), limits.connections_per_address);
            if count >= for_everybody(most) {
                let idle = line.iter().find(|(_, connection)| connection.may_be_cut());
                let idle = idle.map(|(number, _)| *number);
                if !held.cut(idle, "connections_per_address") && count >= most {
                    count_refusal("connections_per_address");
                    return Entry::Refused;
                }
            }
        }
        let (count, most) = (held.all.len(), limits.connections);
        if count >= for_everybody(most) {
            let idle = held.all.iter().find(|(_, (connection, _))| connection.may_be_cut());
            let idle = idle.map(|(number, _)| *number);
            if !held.cut(idle, "connections") && count >= most {
                return Entry::Full;
            }
        }
        let connection = Arc::new(Connection::default());
        let number = held.insert(peer, connection.clone());
        Entry::Taken(Place { places: self.clone(), number, connection })
    }

    /// Waits until a place was given back.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
    }
}

impl Held {
    fn insert(&mut self, peer: Option<IpAddr>, connection: Arc<Connection>) -> u64 {
        self.last += 1;
        if let Some(peer) = peer {
            self.of_peers.entry(peer).or_default().insert(self.last, connection.clone());
        }
        self.all.insert(self.last, (connection, peer));
        self.last
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Connection>> {
        let (connection, peer) = self.all.remove(&number)?;
        if let Some(peer) = peer
            && let Some(line) = self.of_peers.get_mut(&peer)
        {
            line.remove(&number);
            if line.is_empty() {
                self.of_peers.remove(&peer);
            }
        }
        Some(connection)
    }

    /// Ends a connection, whose place is free from now on; says whether there was one.
    fn cut(&mut self, number: Option<u64>, reason: &'static str) -> bool {
        let Some(connection) = number.and_then(|number| self.remove(number)) else { return false };
        connection.cut();
        count_refusal(reason);
        true
    }
}

impl Place {
    pub(super) fn connection(&self) -> Arc<Connection> {
        self.connection.clone()
    }

    pub(super) fn limits(&self) -> &ClientLimits {
        &self.places.0.limits
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.0.held.lock().remove(self.number);
        self.places.0.freed.notify_one();
    }
}
