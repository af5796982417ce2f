//! How much of the server one client may hold, and how slow it may be.

use std::time::Duration;

use model::Result;
use web::ClientLimits;

use super::Values;

impl Values<'_> {
    pub(super) fn client_limits(&self) -> Result<ClientLimits> {
        let usual = ClientLimits::default();
        let patience = self.number("server.request_patience", 1, 300)?.map(Duration::from_secs);
        let at_least =
            |name, least, usual| -> Result<usize> { Ok(self.number(name, least, 60_000)?.unwrap_or(usual)) };
        Ok(ClientLimits {
            connections: at_least("server.connections", 16, usual.connections)?,
            connections_per_address: at_least(
                "server.connections_per_address",
                4,
                usual.connections_per_address,
            )?,
            requests_per_address: at_least("server.requests_per_address", 4, usual.requests_per_address)?,
            patience: patience.unwrap_or(usual.patience),
            ..usual
        })
    }
}
