//! Who is let in although an address has had too many requests.

use std::net::IpAddr;

use app::cache::PresentedCredential;
use axum::http::HeaderMap;
use model::{Error, Result};

use super::{Guard, authenticate, presented_devices};
use crate::route::Needs;

/// Who is known is not shut out by others at an address: it has a limit of its own, and a listed network has none.
pub(super) async fn admit_known(
    Guard { shared, route }: &Guard,
    headers: &HeaderMap,
    address: IpAddr,
    slug: &str,
    too_many: Error,
) -> Result<()> {
    if route.needs == Needs::Nothing {
        return Err(too_many);
    }
    let https = shared.options.is_https();
    let org = shared.app.org(slug).await?;
    if org.settings.lockout.exempts(&address.to_string()) {
        return Ok(());
    }
    let who = match route.needs {
        Needs::Permission(_) => authenticate(&shared.app, &org, headers, https, route.credential)
            .await
            .ok()
            .map(|(access, _)| match access.credential {
                PresentedCredential::Session(id, _) => id.0,
                PresentedCredential::Token(id, _) => id.0,
            }),
        _ => shared
            .app
            .known_device(org.id.into(), &presented_devices(headers, &org, https))
            .await?
            .map(|device| device.0),
    };
    shared.limits.check_known(route.rate, who.ok_or(too_many)?)
}
