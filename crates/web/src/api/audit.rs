//! The audit log in the API: entries by filter, exports, proofs, checkpoints.

#![expect(unused_qualifications, reason = "written by the macro that describes the query")]

use app::audit::{
    export::Format,
    prove::{Consistency, Inclusion},
};
use axum::{
    Json as Answered,
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::{
    EntryId, Error, Zone,
    audit::{Entry, query::AuditQuery},
    given_date::GivenDate,
    page,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Shared,
    auth::Caller,
    extract::{Id, Json, Query},
    file::Reader,
    problem::{Answer, ProblemDocument},
};

/// Entries that an export reads at once.
const BATCH: u16 = 200;

/// Which entries.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditParams {
    /// By whom: a user's id, `operator` or `system`.
    #[param(value_type = Option<String>)]
    actor: Option<model::Agent>,
    /// About what: the id of a user, session, token, invitation or of the organization.
    target: Option<uuid::Uuid>,
    /// Events that begin so: `user.`, `sign_in.failed`.
    event: Option<String>,
    /// Not before that time, or that day in the organization's time zone.
    since: Option<String>,
    /// Before that time, or up to the end of that day in the organization's time zone.
    until: Option<String>,
    /// From this address.
    address: Option<String>,
    /// Of this request.
    request_id: Option<String>,
    /// `next` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    before: Option<EntryId>,
    /// `previous` of the page after.
    #[param(value_type = Option<uuid::Uuid>)]
    after: Option<EntryId>,
    /// How many, 1 to 200; 50 unless given.
    limit: Option<u16>,
}

impl AuditParams {
    fn query(self, zone: &Zone) -> model::Result<AuditQuery> {
        let params = self;
        Ok(AuditQuery {
            actor: params.actor,
            target: params.target,
            event: params.event,
            since: given("since", params.since)?.map(|since| since.start_in(zone)),
            until: given("until", params.until)?.map(|until| until.end_in(zone)),
            address: params.address,
            request_id: params.request_id,
            before: params.before,
            after: params.after,
            limit: page::limit(params.limit)?,
        })
    }
}

/// A time or a day, as it is asked for.
fn given(field: &'static str, text: Option<String>) -> model::Result<Option<GivenDate>> {
    let read = |text: String| text.parse();
    let refused = |error: Error| Error::invalid_field(field, "time.malformed", error.message());
    text.map(read).transpose().map_err(refused)
}

/// One field's value before and after.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedView {
    before: serde_json::Value,
    after: serde_json::Value,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// Its id, and the operation's.
    #[schema(value_type = uuid::Uuid)]
    id: EntryId,
    /// When the operation ran.
    at: String,
    /// What happened: `user.suspended`.
    event: String,
    /// Who did it: a user's id, `operator` or `system`.
    actor: String,
    /// The name at the time.
    actor_name: String,
    /// To what: `user`, `org`, `token`, `session` ….
    target_type: String,
    /// Whose id.
    target: uuid::Uuid,
    /// The name at the time.
    target_name: String,
    /// What changed, per field.
    changes: std::collections::BTreeMap<String, ChangedView>,
    /// Why.
    reason: String,
    /// The request's id, as in the log and in `X-Request-Id`.
    request_id: String,
    /// Where from.
    address: String,
    /// Through which door: `console`, `api`, `cli`, `worker`.
    door: String,
    /// When names, values and addresses were erased, if they were.
    erased_at: Option<String>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let changed =
            |changed: model::audit::Changed| ChangedView { before: changed.before, after: changed.after };
        Self {
            id: entry.id,
            at: entry.at.to_string(),
            event: entry.event,
            actor: entry.actor.to_string(),
            actor_name: entry.actor_name,
            target_type: entry.target_type,
            target: entry.target,
            target_name: entry.target_name,
            changes: entry.changes.into_iter().map(|(field, values)| (field, changed(values))).collect(),
            reason: entry.reason,
            request_id: entry.request_id,
            address: entry.address,
            door: entry.door.to_string(),
            erased_at: entry.erased_at.map(|at| at.to_string()),
        }
    }
}

/// A page of entries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryPage {
    /// The newest first. A page looks through 20,000 entries at most: with a filter it may be short, or empty, and not
    /// the last.
    items: Vec<EntryView>,
    /// Send it as `before` for the next page; none: that was all.
    #[schema(value_type = Option<uuid::Uuid>)]
    next: Option<EntryId>,
    /// Send it as `after` for the page before; none: these are the newest.
    #[schema(value_type = Option<uuid::Uuid>)]
    previous: Option<EntryId>,
}

/// List the audit log
#[utoipa::path(get, path = "/o/{slug}/api/v1/audit", tag = "Audit log", params(AuditParams),
    responses((status = 200, body = EntryPage), (status = "default", body = ProblemDocument)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    Query(params): Query<AuditParams>,
) -> Answer<Answered<EntryPage>> {
    let page = shared.app.audit(&caller.actor, params.query(&caller.org.settings.zone())?).await?;
    let items = page.items.into_iter().map(EntryView::from).collect();
    Ok(Answered(EntryPage { items, next: page.next, previous: page.previous }))
}

/// An entry and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StandingView {
    #[serde(flatten)]
    entry: EntryView,
    /// Whether it is as it was sealed.
    intact: bool,
    /// At which place of the tree, from 0; none while it waits for one (about a second).
    index: Option<u64>,
    /// The hash of its leaf, in hexadecimal.
    leaf_hash: String,
}

/// Show an entry
#[utoipa::path(get, path = "/o/{slug}/api/v1/audit/{id}", tag = "Audit log",
    params(("id" = uuid::Uuid, Path, description = "The entry's id.")),
    responses((status = 200, body = StandingView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn show(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<EntryId>,
) -> Answer<Answered<StandingView>> {
    let standing = shared.app.audit_entry(&caller.actor, id).await?;
    Ok(Answered(StandingView {
        entry: standing.entry.into(),
        intact: standing.intact,
        index: standing.place,
        leaf_hash: standing.leaf,
    }))
}

/// Of which size.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofParams {
    /// The log when it had so many entries; unless given, as it is now.
    size: Option<u64>,
}

/// Proof that an entry is in the log (RFC 6962 §2.1.1). Hashes are in Base64; see `docs/audit-format.md`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InclusionView {
    /// The bytes that the leaf is the hash of: JSON text.
    leaf: String,
    /// `SHA-256(0x00 ‖ leaf)`.
    leaf_hash: String,
    /// At which place, from 0.
    index: u64,
    /// Of how many entries.
    size: u64,
    /// The root over them.
    root: String,
    /// From the leaf to the root.
    path: Vec<String>,
    /// The salt of the doer's name and address, in hexadecimal; none once they are erased.
    by_salt: Option<String>,
    /// The salt of the target's name, the values and the reason.
    about_salt: Option<String>,
    /// Size and root as a signed note.
    checkpoint: String,
}

impl From<Inclusion> for InclusionView {
    fn from(proof: Inclusion) -> Self {
        let Inclusion { leaf, leaf_hash, index, size, root, path, by_salt, about_salt, checkpoint } = proof;
        Self { leaf, leaf_hash, index, size, root, path, by_salt, about_salt, checkpoint }
    }
}

/// Prove that an entry is in the log
#[utoipa::path(get, path = "/o/{slug}/api/v1/audit/{id}/proof", tag = "Audit log",
    params(("id" = uuid::Uuid, Path, description = "The entry's id."), ProofParams),
    responses((status = 200, body = InclusionView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn prove(
    State(shared): State<Shared>,
    caller: Caller,
    Id(id): Id<EntryId>,
    Query(params): Query<ProofParams>,
) -> Answer<Answered<InclusionView>> {
    Ok(Answered(shared.app.prove_inclusion(&caller.actor, id, params.size).await?.into()))
}

/// Between which sizes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsistencyParams {
    /// The smaller size; 0 unless given.
    #[serde(default)]
    from: u64,
    /// The larger size; unless given, the present one.
    to: Option<u64>,
}

/// Proof that the log of the smaller size is the beginning of the larger (RFC 6962 §2.1.2).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsistencyView {
    /// The smaller size.
    from: u64,
    /// The root over so many entries, in Base64.
    from_root: String,
    /// The larger size.
    to: u64,
    /// The root over so many entries.
    to_root: String,
    /// The proof.
    path: Vec<String>,
    /// The larger size and root as a signed note.
    checkpoint: String,
}

impl From<Consistency> for ConsistencyView {
    fn from(proof: Consistency) -> Self {
        let Consistency { from, from_root, to, to_root, path, checkpoint } = proof;
        Self { from, from_root, to, to_root, path, checkpoint }
    }
}

/// Prove that nothing of an older log was changed
#[utoipa::path(get, path = "/o/{slug}/api/v1/audit/consistency", tag = "Audit log", params(ConsistencyParams),
    responses((status = 200, body = ConsistencyView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn consistency(
    State(shared): State<Shared>,
    caller: Caller,
    Query(params): Query<ConsistencyParams>,
) -> Answer<Answered<ConsistencyView>> {
    Ok(Answered(shared.app.prove_consistency(&caller.actor, params.from, params.to).await?.into()))
}

/// A checkpoint, with the key to check it with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckpointView {
    /// The signed note (C2SP tlog-checkpoint).
    checkpoint: String,
    /// The key, as tools for signed notes take it.
    key: String,
}

/// Sign the log as it is now
#[utoipa::path(get, path = "/o/{slug}/api/v1/audit/checkpoint", tag = "Audit log",
    responses((status = 200, body = CheckpointView), (status = "default", body = ProblemDocument)))]
pub(crate) async fn checkpoint(
    State(shared): State<Shared>,
    caller: Caller,
) -> Answer<Answered<CheckpointView>> {
    let checkpoint = shared.app.audit_checkpoint(&caller.actor).await?;
    let key = shared.app.audit_key(caller.org.id)?;
    Ok(Answered(CheckpointView { checkpoint, key }))
}

/// What to export.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportBody {
    /// `jsonl` or `csv`; `jsonl` unless given.
    #[serde(default)]
    format: Option<String>,
    /// By whom: a user's id, `operator` or `system`.
    #[schema(value_type = Option<String>, pattern = "^(operator|system|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
    actor: Option<model::Agent>,
    /// About what: an id.
    target: Option<uuid::Uuid>,
    /// Events that begin so.
    event: Option<String>,
    /// Not before that time, or that day in the organization's time zone.
    #[schema(value_type = Option<String>)]
    since: Option<GivenDate>,
    /// Before that time, or up to the end of that day in the organization's time zone.
    #[schema(value_type = Option<String>)]
    until: Option<GivenDate>,
    /// From this address.
    address: Option<String>,
    /// Of this request.
    request_id: Option<String>,
}

/// Export the audit log
///
/// A file, the newest entry first, written as it is read; the log itself says who exported what.
#[utoipa::path(post, path = "/o/{slug}/api/v1/audit/export", tag = "Audit log", request_body = ExportBody,
    responses((status = 200, description = "The file.", content_type = "application/jsonl", body = String),
        (status = "default", body = ProblemDocument)))]
pub(crate) async fn export(
    State(shared): State<Shared>,
    caller: Caller,
    Json(body): Json<ExportBody>,
) -> Answer<Response> {
    let format = Format::named(body.format.as_deref().unwrap_or("jsonl"))?;
    let zone = caller.org.settings.zone();
    let query = AuditQuery {
        actor: body.actor,
        target: body.target,
        event: body.event,
        since: body.since.map(|since| since.start_in(&zone)),
        until: body.until.map(|until| until.end_in(&zone)),
        address: body.address,
        request_id: body.request_id,
        ..AuditQuery::default()
    };
    download(&shared, &caller, query, format, Reader::Program).await
}

/// The file of an export, for API and console.
pub(crate) async fn download(
    shared: &Shared,
    caller: &Caller,
    query: AuditQuery,
    format: Format,
    reader: Reader,
) -> Answer<Response> {
    let begins = shared.app.begin_audit_export(&caller.actor, &caller.org, &query, format).await?;
    let name = format!("attachment; filename=\"audit-{}.{}\"", caller.org.slug, format.ending());
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(model::Error::internal)?),
    ];
    if !begins {
        return Ok((StatusCode::OK, headers).into_response());
    }
    let query = AuditQuery { before: None, limit: BATCH, ..query };
    let (shared, actor) = (shared.clone(), caller.actor.clone());
    // A page to a piece: nothing is read before somebody takes what was.
    let pieces = futures_util::stream::try_unfold(Some((query, true)), move |left| {
        let (shared, actor) = (shared.clone(), actor.clone());
        async move {
            let Some((mut query, is_first)) = left else { return Ok::<_, std::io::Error>(None) };
            let mut text = if is_first { format.heading() } else { String::new() };
            if is_first && format == Format::Csv {
                text.insert_str(0, reader.mark());
            }
            let page =
                shared.app.audit_export_page(&actor, query.clone()).await.map_err(std::io::Error::other)?;
            for entry in &page.items {
                format.write(entry, &mut text).map_err(std::io::Error::other)?;
            }
            let left = page.next.map(|next| {
                query.before = Some(next);
                (query, false)
            });
            Ok(Some((text, left)))
        }
    });
    Ok((StatusCode::OK, headers, Body::from_stream(pieces)).into_response())
}
