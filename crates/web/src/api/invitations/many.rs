//! Many invitations at once through the API: each with its own verdict.

use app::invitations::{Invited, NewInvitation};
use axum::extract::State;
use model::{Error, InvitationId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{InvitationBody, new_invitation};
use crate::{
    Shared,
    auth::Caller,
    extract::Json,
    problem::{Answer, FieldProblem, ProblemDocument},
};

/// Many to invite.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    invitations: Vec<Map<String, Value>>,
}

/// For the document: many to invite.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchBody {
    /// At most 500.
    invitations: Vec<InvitationBody>,
}

/// What came of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchView {
    /// How many were invited.
    invited: usize,
    /// How many were not.
    refused: usize,
    /// In the order of the list.
    verdicts: Vec<InviteVerdict>,
}

/// What came of one entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InviteVerdict {
    /// `invited` or `refused`.
    verdict: &'static str,
    /// The invitation.
    #[schema(value_type = Option<uuid::Uuid>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<InvitationId>,
    /// Who.
    #[schema(value_type = Option<uuid::Uuid>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    /// Why it was refused: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Which fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// The id of what is there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    existing: Option<String>,
}

fn verdict(result: &model::Result<Invited>) -> InviteVerdict {
    let mut verdict = InviteVerdict {
        verdict: "invited",
        invitation: None,
        user: None,
        code: None,
        detail: None,
        errors: Vec::new(),
        existing: None,
    };
    match result {
        Ok(invited) => {
            (verdict.invitation, verdict.user) = (Some(invited.invitation), Some(invited.person.user.id));
        }
        Err(error) => {
            verdict.verdict = "refused";
            (verdict.code, verdict.detail) =
                (Some(error.code().to_owned()), Some(error.message().to_owned()));
            verdict.errors = error.fields().iter().map(FieldProblem::from).collect();
            verdict.existing = error.existing().map(str::to_owned);
        }
    }
    verdict
}

/// Invite many
///
/// Each with its own verdict; those that are refused cost the others nothing.
#[utoipa::path(post, path = "/o/{slug}/api/v1/invitations/batch", tag = "Invitations", request_body = BatchBody,
    responses((status = 200, body = BatchView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn invite_many(
    State(shared): State<Shared>,
    caller: Caller,
    Json(Batch { invitations }): Json<Batch>,
) -> Answer<axum::Json<BatchView>> {
    let mut read: Vec<model::Result<NewInvitation>> = Vec::with_capacity(invitations.len());
    for invitation in invitations {
        read.push(new_invitation(&shared, &caller, invitation).await);
    }
    let good = read.iter().flatten().cloned().collect();
    let mut done = shared.app.invite_many(&caller.actor, &caller.org, good).await?.into_iter();
    let verdicts: Vec<InviteVerdict> = read
        .into_iter()
        .map(|read| match read {
            Ok(_) => verdict(&done.next().unwrap_or_else(|| Err(Error::internal("no verdict")))),
            Err(error) => verdict(&Err(error)),
        })
        .collect();
    let invited = verdicts.iter().filter(|verdict| verdict.verdict == "invited").count();
    Ok(axum::Json(BatchView { invited, refused: verdicts.len() - invited, verdicts }))
}

/// Which to send again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ManyBody {
    /// At most 200 invitations; left out: what has expired, at most 200 of it.
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    ids: Option<Vec<String>>,
}

/// What came of sending many again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ManyView {
    /// How many were sent again.
    sent: usize,
    /// Which were not, and why.
    refused: Vec<RefusedView>,
    /// How many expired ones are left; ask again if there are any.
    expired_left: i64,
}

/// One that was not sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedView {
    /// Which.
    #[schema(value_type = uuid::Uuid)]
    invitation: InvitationId,
    /// Why: a stable code.
    code: String,
    /// The same for people.
    detail: String,
}

/// Send many invitations again
///
/// Those that are named, or whatever has expired; each for itself.
#[utoipa::path(post, path = "/o/{slug}/api/v1/invitations/resend", tag = "Invitations", request_body = ManyBody,
    responses((status = 200, body = ManyView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn resend_many(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<ManyBody>,
) -> Answer<axum::Json<ManyView>> {
    let ids =
        body.ids.map(|ids| ids.iter().map(|id| id.parse()).collect::<model::Result<_>>()).transpose()?;
    let many = shared.app.resend_invitations(&caller.actor, &caller.org, ids).await?;
    let refused = many.refused.iter().map(|(invitation, error)| RefusedView {
        invitation: *invitation,
        code: error.code().to_owned(),
        detail: error.message().to_owned(),
    });
    let refused = refused.collect();
    Ok(axum::Json(ManyView { sent: many.sent.len(), refused, expired_left: many.left }))
}
