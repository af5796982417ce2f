//! Giving somebody what somebody else holds, in the API.

use app::copying::{Copied, Copying, NotCopied};
use axum::{extract::State, http::StatusCode, response::Response};
use model::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Shared,
    api::{
        users::{UserView, present},
        versioned,
    },
    auth::Caller,
    extract::{Id, Json},
    problem::{Answer, ProblemDocument},
};

/// Whose access to give.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CopyBody {
    /// From whom: username, email or id.
    from: String,
    /// What ends for that one, ends here too (the default); else it is given for good.
    #[serde(default = "yes")]
    keep_ends: bool,
    /// Give what can be given, though something can't; else nothing is given then.
    #[serde(default)]
    partial: bool,
}

fn yes() -> bool {
    true
}

/// What became of copying.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CopiedView {
    /// Who has the access now.
    #[serde(flatten)]
    user: UserView,
    /// What was given, by name.
    given: Vec<String>,
    /// What was held already.
    held_already: Vec<String>,
    /// What could not be given, and why.
    not_given: Vec<NotGiven>,
}

/// Something that could not be given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotGiven {
    /// What.
    what: String,
    /// Why.
    why: String,
}

impl From<NotCopied> for NotGiven {
    fn from(refused: NotCopied) -> Self {
        Self { what: refused.what, why: refused.why }
    }
}

/// Copy access
///
/// Gives a user the roles and memberships that somebody else holds directly, as far as you may give them. Ask with
/// `?dry_run=true` and `partial` what would be given.
#[utoipa::path(post, path = "/o/{slug}/api/v1/users/{id}/copy-access", tag = "Roles", request_body = CopyBody,
    params(("id" = uuid::Uuid, Path, description = "The id of the user who gets the access.")),
    responses((status = 200, body = CopiedView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn copy(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<UserId>,
    Json(body): Json<CopyBody>,
) -> Answer<Response> {
    let copying = Copying { keep_ends: body.keep_ends, partial: body.partial };
    let Copied { person, given, held, refused } =
        shared.app.copy_access(&caller.actor, &body.from, id, copying).await?;
    let version = person.user.version;
    let user = present(person, &caller.org.settings.lifecycle, shared.app.now());
    let not_given = refused.into_iter().map(NotGiven::from).collect();
    Ok(versioned(StatusCode::OK, version, CopiedView { user, given, held_already: held, not_given }))
}
