//! Known devices on the pages of sessions: the rows, and removing one.

use app::devices::ListedDevice;
use axum::response::Response;
use model::{DeviceId, UserId};

use super::{
    done::Done,
    sessions::{browser, icon_of},
    view::sessions::{DeviceRow, Revoke},
    visit::Visit,
    words::moment,
};
use crate::{
    extract::{Device, Fields, Id},
    problem::Answer,
};

/// Devices as rows; `action` is where removing one is posted, `None` where the viewer may not.
pub(super) fn rows(
    visit: &Visit,
    devices: &[ListedDevice],
    action: impl Fn(DeviceId) -> Option<String>,
) -> Vec<DeviceRow> {
    let now = visit.app().now();
    let row = |listed: &ListedDevice| {
        let (icon, kind) = icon_of(&listed.device);
        let csrf = visit.caller.csrf.clone();
        DeviceRow {
            icon,
            kind,
            browser: browser(&listed.device),
            system: listed.device.system(),
            user_agent: listed.known.user_agent.clone(),
            address: listed.known.address.clone(),
            place: listed.place.label(),
            first_seen: moment(listed.known.first_seen_at, now),
            last_seen: moment(listed.known.last_seen_at, now),
            is_this: listed.is_this,
            remove: action(listed.known.id)
                .map_or(Revoke::No("May do more than you"), |action| Revoke::Now { action, csrf }),
        }
    };
    devices.iter().map(row).collect()
}

/// `POST /o/{slug}/account/devices/{id}/remove`
pub(crate) async fn remove_own(visit: Visit, Id(id): Id<DeviceId>, fields: Fields) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().remove_own_device(&visit.caller.actor, id).await?;
    Ok(visit.done(&visit.at("/account/sessions"), Done::DeviceRemoved, ""))
}

/// `POST /o/{slug}/users/{id}/devices/{device}/remove`
pub(crate) async fn remove(
    visit: Visit,
    Id(id): Id<UserId>,
    Device(device): Device,
    fields: Fields,
) -> Answer<Response> {
    fields.of(&visit.caller)?;
    visit.app().remove_device(&visit.caller.actor, id, device).await?;
    Ok(visit.done(&visit.at_user(id, "/sessions"), Done::DeviceRemoved, ""))
}
