//! The REST API under `/o/{slug}/api/v1`: one file per noun, OpenAPI from the handlers themselves.

mod access;
mod account;
pub(crate) mod activity;
pub(crate) mod audit;
mod copying;
pub(crate) mod data_exports;
mod devices;
mod document;
pub(crate) mod erasure;
mod explanations;
mod grants;
mod groups;
mod import;
mod invitations;
mod lifecycle;
pub(crate) mod mails;
mod orgs;
mod owners;
mod permissions;
mod recovery;
mod refusals;
pub(crate) mod role_definitions;
mod roles;
pub(crate) mod sessions;
mod tokens;
mod users;

use std::collections::{BTreeSet, HashMap};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use model::{Permission, Timestamp};
use serde_json::Value;
use utoipa::{
    OpenApi as _,
    openapi::{
        Components,
        path::{Parameter, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::routes;

use crate::{
    Shared, assets,
    problem::ProblemDocument,
    route::{Needs, Route},
};

/// Every route of the API.
pub(crate) fn routes() -> Vec<Route> {
    use Permission as P;
    let may = |permission| Needs::Permission(permission);
    let mut routes = vec![
        Route::api(may(P::UserList), routes!(users::list)).scoped(),
        Route::api(may(P::UserCreate), routes!(users::create)).mails(),
        Route::api(may(P::UserImport), routes!(import::import)).mails(),
        Route::api(may(P::UserRead), routes!(users::show)),
        Route::api(may(P::UserUpdate), routes!(users::edit)).mails(),
        Route::api(may(P::UserActivate), routes!(lifecycle::activate)).mails(),
        Route::api(may(P::UserActivate), routes!(lifecycle::settle)).mails(),
        Route::api(may(P::UserActivate), routes!(lifecycle::reject)),
        Route::api(may(P::UserSuspend), routes!(lifecycle::suspend)),
        Route::api(may(P::UserRead), routes!(lifecycle::reactivate)).mails(),
        Route::api(may(P::UserDeprovision), routes!(lifecycle::deprovision)),
        Route::api(may(P::UserLock), routes!(lifecycle::lock)),
        Route::api(may(P::UserUnlock), routes!(lifecycle::unlock)),
        Route::api(may(P::UserResetPassword), routes!(lifecycle::set_password)).mails(),
        Route::api(may(P::UserResetPassword), routes!(lifecycle::require_password_change)),
        Route::api(may(P::UserResetPassword), routes!(recovery::send_reset_link)).mails(),
        Route::api(may(P::UserDelete), routes!(lifecycle::delete)),
        Route::api(may(P::UserRestore), routes!(lifecycle::restore)),
        Route::api(may(P::UserPurge), routes!(lifecycle::purge)),
        Route::api(may(P::UserRead), routes!(explanations::sign_in)),
        Route::api(may(P::MailRead), routes!(mails::list)),
        Route::api(may(P::MailRead), routes!(mails::status)),
        Route::api(may(P::MailRead), routes!(mails::of_user)),
        Route::api(may(P::MailManage), routes!(mails::retry)).mails(),
        Route::api(may(P::MailManage), routes!(mails::retry_all)).mails(),
        Route::api(may(P::MailManage), routes!(mails::test)).limited().mails(),
        Route::api(may(P::InvitationRead), routes!(invitations::list)),
        Route::api(may(P::UserInvite), routes!(invitations::invite)).mails().scoped(),
        Route::api(may(P::UserInvite), routes!(invitations::many::invite_many)).mails(),
        Route::api(may(P::InvitationResend), routes!(invitations::many::resend_many)).mails(),
        Route::api(may(P::InvitationRead), routes!(invitations::show)),
        Route::api(may(P::InvitationResend), routes!(invitations::resend)).mails(),
        Route::api(may(P::InvitationResend), routes!(invitations::remind)).mails(),
        Route::api(may(P::UserInvite), routes!(invitations::cancel)),
        Route::api(may(P::UserInvite), routes!(invitations::link)),
        Route::api(may(P::UserRead), routes!(invitations::invite_user)).mails(),
        Route::api(may(P::UserPurge), routes!(erasure::receipt)),
        Route::api(may(P::UserExportData), routes!(data_exports::ask)).limited(),
        Route::api(may(P::UserExportData), routes!(data_exports::show)),
        Route::api(may(P::AccountRead), routes!(data_exports::ask_own)).limited(),
        Route::api(may(P::AccountRead), routes!(data_exports::show_own)),
        Route::api(may(P::AuditRead), routes!(activity::of_user)),
        Route::api(may(P::AuditRead), routes!(activity::sign_ins)),
        Route::api(may(P::AuditRead), routes!(activity::export)),
        Route::api(may(P::AccountRead), routes!(activity::own)),
        Route::api(may(P::AccountRead), routes!(activity::own_sign_ins)),
        Route::api(may(P::AccountRead), routes!(activity::export_own)),
        Route::api(may(P::AccessRead), routes!(access::of_user)),
        Route::api(may(P::AccessRead), routes!(access::why)),
        Route::api(may(P::AccessRead), routes!(access::holders)).scoped(),
        Route::api(may(P::AccountRead), routes!(access::own)),
        Route::api(may(P::RoleRead), routes!(role_definitions::list)),
        Route::api(may(P::RoleCreate), routes!(role_definitions::create)),
        Route::api(may(P::RoleRead), routes!(role_definitions::compare)),
        Route::api(may(P::RoleRead), routes!(role_definitions::show)),
        Route::api(may(P::RoleUpdate), routes!(role_definitions::edit)),
        Route::api(may(P::RoleDelete), routes!(role_definitions::delete)),
        Route::api(may(P::AccessRead), routes!(role_definitions::holders)),
        Route::api(may(P::RoleRead), routes!(permissions::list)),
        Route::api(may(P::PermissionManage), routes!(permissions::define)),
        Route::api(may(P::PermissionManage), routes!(permissions::remove)),
        Route::api(may(P::AccountRead), routes!(account::whoami)),
        Route::api(may(P::AccountRead), routes!(account::show)),
        Route::api(may(P::AccountUpdate), routes!(account::edit)),
        Route::api(may(P::AccountPassword), routes!(account::change_password)).limited().mails(),
        Route::api(may(P::AccountRead), routes!(recovery::email)),
        Route::api(may(P::AccountUpdate), routes!(recovery::change_email)).limited().mails(),
        Route::api(may(P::AccountUpdate), routes!(recovery::cancel_email)),
        Route::api(may(P::AccountUpdate), routes!(recovery::verify_email)).limited().mails(),
        Route::api(may(P::AccountRead), routes!(recovery::notices)),
        Route::api(may(P::AccountUpdate), routes!(recovery::set_notices)),
        Route::api(may(P::AccountSessions), routes!(sessions::own)),
        Route::api(may(P::AccountSessions), routes!(sessions::revoke_own)),
        Route::api(may(P::AccountSessions), routes!(sessions::revoke_own_one)),
        Route::api(may(P::AccountSessions), routes!(devices::own)),
        Route::api(may(P::AccountSessions), routes!(devices::remove_own)),
        Route::api(may(P::SessionRead), routes!(devices::of_user)),
        Route::api(may(P::SessionRevoke), routes!(devices::remove)),
        Route::api(may(P::SessionRead), routes!(sessions::of_user)),
        Route::api(may(P::SessionRevoke), routes!(sessions::revoke_of_user)),
        Route::api(may(P::SessionRevoke), routes!(sessions::revoke_one)),
        Route::api(may(P::SessionRead), routes!(sessions::list)),
        Route::api(may(P::SessionRevoke), routes!(sessions::revoke)),
        Route::api(may(P::AuditRead), routes!(audit::list)),
        Route::api(may(P::AuditRead), routes!(audit::show)),
        Route::api(may(P::AuditRead), routes!(audit::prove)),
        Route::api(may(P::AuditRead), routes!(audit::consistency)),
        Route::api(may(P::AuditRead), routes!(audit::checkpoint)),
        Route::api(may(P::AuditExport), routes!(audit::export)),
        Route::api(may(P::SettingsRead), routes!(orgs::show)),
        Route::api(may(P::SettingsUpdate), routes!(orgs::edit)),
        Route::api(may(P::OrgRename), routes!(orgs::rename)),
        Route::page(Method::GET, "/o/{slug}/api/v1/openapi.json", Needs::Org, show_document),
        Route::page(Method::GET, "/o/{slug}/api/docs", Needs::Org, browse),
    ];
    routes.extend(access_routes());
    routes
}

/// Those about groups and roles: who may do what.
fn access_routes() -> Vec<Route> {
    use Permission as P;
    let may = |permission| Needs::Permission(permission);
    vec![
        Route::api(may(P::RoleAssign), routes!(roles::replace)).mails(),
        Route::api(may(P::RoleAssign), routes!(roles::grant)).mails(),
        Route::api(may(P::RoleAssign), routes!(roles::revoke)).mails(),
        Route::api(may(P::GroupList), routes!(groups::list)).scoped(),
        Route::api(may(P::GroupCreate), routes!(groups::create)),
        Route::api(may(P::GroupRead), routes!(groups::show)),
        Route::api(may(P::GroupUpdate), routes!(groups::edit)),
        Route::api(may(P::GroupDelete), routes!(groups::delete)),
        Route::api(may(P::GroupRead), routes!(groups::members::list)),
        Route::api(may(P::GroupAssign), routes!(groups::members::add_many)),
        Route::api(may(P::GroupAssign), routes!(groups::members::add)),
        Route::api(may(P::GroupAssign), routes!(groups::members::remove)),
        Route::api(may(P::GroupAssign), routes!(groups::structure::nest)),
        Route::api(may(P::GroupAssign), routes!(groups::structure::unnest)),
        Route::api(may(P::GroupAssign), routes!(groups::structure::move_group)),
        Route::api(may(P::GroupRead), routes!(groups::structure::roles)),
        Route::api(may(P::RoleAssign), routes!(groups::structure::grant)),
        Route::api(may(P::RoleAssign), routes!(groups::structure::revoke)),
        Route::api(may(P::GroupUpdate), routes!(groups::structure::add_owner)),
        Route::api(may(P::GroupUpdate), routes!(groups::structure::remove_owner)),
        Route::api(may(P::UserRead), routes!(groups::members::of_user)),
        Route::api(may(P::AccountGroups), routes!(groups::members::owned)),
        Route::api(may(P::AccountGroups), routes!(groups::members::owned_members)),
        Route::api(may(P::AccountGroups), routes!(groups::members::add_many_to_owned)),
        Route::api(may(P::AccountGroups), routes!(groups::members::add_to_owned)),
        Route::api(may(P::AccountGroups), routes!(groups::members::remove_from_owned)),
        Route::api(may(P::OwnerManage), routes!(owners::make)).mails(),
        Route::api(may(P::OwnerManage), routes!(owners::remove)).mails(),
        // Each role and membership asks for what giving it needs.
        Route::api(may(P::UserRead), routes!(copying::copy)).mails(),
        Route::api(may(P::AccountTokens), routes!(tokens::list)),
        Route::api(may(P::AccountTokens), routes!(tokens::create)).mails(),
        Route::api(may(P::AccountTokens), routes!(tokens::revoke)),
        Route::api(may(P::TokenList), routes!(tokens::all)),
        Route::api(may(P::TokenList), routes!(tokens::of_user)),
        Route::api(may(P::TokenCreate), routes!(tokens::create_for)).mails(),
        Route::api(may(P::TokenRevoke), routes!(tokens::revoke_of)),
    ]
}

/// What the document says of the API as a whole.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Muster",
        description = "Who belongs to an organization, and what each person may do. Everything the console does. \
                       Writes take `?dry_run=true`, `If-Match` with the `ETag` of what you have seen, and an \
                       `Idempotency-Key`; refusals are problem documents (RFC 9457) with a stable `code`. \
                       `?dry_run=true&impact=true` answers an `Impact`: who would gain and lose which access.",
    ),
    servers((url = "/", description = "The server that this document comes from.")),
    components(schemas(ProblemDocument, model::impact::Impact))
)]
struct Document;

/// The OpenAPI document, from the handlers and from the routes' declarations.
pub(crate) fn openapi() -> Value {
    let mut api = Document::openapi();
    let mut components = api.components.take().unwrap_or_else(Components::new);
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    components.add_security_scheme("token", bearer);
    let mut declared = Vec::new();
    for route in routes() {
        let of_route = route.declared();
        let Some((schemas, paths)) = route.documents() else { continue };
        declared.push(of_route);
        components.schemas.extend(schemas);
        for (path, mut item) in paths.paths {
            describe(&mut item);
            api.paths.paths.entry(path).or_default().merge_operations(item);
        }
    }
    api.components = Some(components);
    api.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    let mut document = serde_json::to_value(&api).unwrap_or_default();
    document::complete(&mut document, &declared);
    document
}

/// Names of schemas that two types claim: one would stand in the other's place.
pub(crate) fn contested_schemas() -> BTreeSet<String> {
    let mut known: HashMap<String, Value> = HashMap::new();
    let mut contested = BTreeSet::new();
    for (name, schema) in routes().into_iter().filter_map(Route::documents).flat_map(|(schemas, _)| schemas) {
        let schema = serde_json::to_value(&schema).unwrap_or_default();
        if known.insert(name.clone(), schema.clone()).is_some_and(|before| before != schema) {
            contested.insert(name);
        }
    }
    contested
}

/// What every operation has: the organization, and for writes the dry run.
fn describe(item: &mut utoipa::openapi::PathItem) {
    let slug = || parameter("slug", ParameterIn::Path, "The organization's address.");
    let dry_run =
        || parameter("dry_run", ParameterIn::Query, "`true`: answer what would happen, and do nothing.");
    let once = || parameter("Idempotency-Key", ParameterIn::Header, "The same key does the same thing once.");
    let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
    for operation in all.into_iter().flatten() {
        operation.parameters.get_or_insert_default().push(slug().into());
    }
    for operation in [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
    {
        operation.parameters.get_or_insert_default().extend([dry_run().into(), once().into()]);
    }
}

fn parameter(name: &str, place: ParameterIn, description: &str) -> Parameter {
    let required = place == ParameterIn::Path;
    let text = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if required { utoipa::openapi::Required::True } else { utoipa::openapi::Required::False })
        .description(Some(description))
        .schema(Some(text))
        .build()
}

/// The document as it was checked in, which a test keeps equal to the handlers: making it here would take 15 MB for good.
async fn show_document(wishes: HeaderMap) -> Response {
    static TEXT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (content_type, assets::compressed(TEXT, &wishes)).into_response()
}

/// The page on which the API can be browsed and tried. It asks nothing from outside.
async fn browse(State(_): State<Shared>) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>API · Muster</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"{icon}\"></head>\
         <body><main><h1 hidden>Muster API</h1><div id=\"api\"></div></main>\
         <script src=\"{library}\"></script><script type=\"module\" src=\"{start}\"></script></body></html>",
        icon = assets::url("mark.svg"),
        library = assets::url("api-reference.js"),
        start = assets::url("api-page.js"),
    );
    // The library draws with inline styles; scripts stay ours alone.
    let policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                  font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
    let headers = [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))];
    (headers, Html(page)).into_response()
}

/// A document with the version as its `ETag`.
pub(crate) fn versioned<T: serde::Serialize>(status: StatusCode, version: i64, value: T) -> Response {
    let mut response = (status, axum::Json(value)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A moment as the API writes it.
pub(crate) fn moment(at: Timestamp) -> String {
    at.to_string()
}
