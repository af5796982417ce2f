//! Known devices in the API: somebody's and one's own, listed and removed.

use app::devices::ListedDevice;
use axum::{extract::State, http::StatusCode};
use model::{DeviceId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Shared,
    api::{moment, sessions::DeviceView},
    auth::Caller,
    extract::{Device, Id},
    problem::{Answer, ProblemDocument},
};

/// A browser that somebody has signed in with. Wrong passwords that strangers type elsewhere don't lock it out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnownDeviceView {
    /// Its id; opens nothing.
    #[schema(value_type = uuid::Uuid)]
    id: DeviceId,
    /// It is the one that asks.
    this: bool,
    /// With what.
    device: DeviceView,
    /// Where the last sign-in came from.
    address: String,
    /// Where that is, roughly; missing if it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    place: String,
    /// The first sign-in with it.
    first_seen_at: String,
    /// The last one.
    last_seen_at: String,
}

/// Known devices of one person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceList {
    /// The latest used first.
    items: Vec<KnownDeviceView>,
}

impl DeviceList {
    fn of(devices: Vec<ListedDevice>) -> axum::Json<Self> {
        let present = |listed: ListedDevice| KnownDeviceView {
            id: listed.known.id,
            this: listed.is_this,
            address: listed.known.address,
            place: listed.place.label(),
            first_seen_at: moment(listed.known.first_seen_at),
            last_seen_at: moment(listed.known.last_seen_at),
            device: DeviceView::new(listed.device, listed.known.user_agent),
        };
        axum::Json(Self { items: devices.into_iter().map(present).collect() })
    }
}

/// List a user's known devices
#[utoipa::path(get, path = "/o/{slug}/api/v1/users/{id}/devices", tag = "Sessions",
    params(("id" = uuid::Uuid, Path, description = "The user's id.")),
    responses((status = 200, body = DeviceList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn of_user(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Answer<axum::Json<DeviceList>> {
    Ok(DeviceList::of(shared.app.devices_of(&caller.actor, id).await?))
}

/// Remove a known device of a user
///
/// Its sessions go on.
#[utoipa::path(delete, path = "/o/{slug}/api/v1/users/{id}/devices/{device}", tag = "Sessions",
    params(("id" = uuid::Uuid, Path, description = "The user's id."),
           ("device" = uuid::Uuid, Path, description = "The device's id.")),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn remove(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Device(device): Device,
) -> Answer<StatusCode> {
    shared.app.remove_device(&caller.actor, id, device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List one's own known devices
#[utoipa::path(get, path = "/o/{slug}/api/v1/account/devices", tag = "Account",
    responses((status = 200, body = DeviceList), (status = "default", body = ProblemDocument)))]
pub(crate) async fn own(State(shared): State<Shared>, caller: Caller) -> Answer<axum::Json<DeviceList>> {
    Ok(DeviceList::of(shared.app.own_devices(&caller.actor).await?))
}

/// Remove one of one's own known devices
///
/// Its sessions go on.
#[utoipa::path(delete, path = "/o/{slug}/api/v1/account/devices/{id}", tag = "Account",
    params(("id" = uuid::Uuid, Path, description = "The device's id.")),
    responses((status = 204), (status = "default", body = ProblemDocument)))]
pub(crate) async fn remove_own(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<DeviceId>,
) -> Answer<StatusCode> {
    shared.app.remove_own_device(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
