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

use crate::{
    Shared, assets,
    problem::ProblemDocument,
    route::{Needs, Route, operation},
};

/// Every route of the API.
pub(crate) fn routes() -> Vec<Route> {
    use Permission as P;
    let may = |permission| Needs::Permission(permission);
    let mut routes = vec![
        Route::api(may(P::UserList), operation!(users::list)).scoped(),
        Route::api(may(P::UserCreate), operation!(users::create)).mails(),
        Route::api(may(P::UserImport), operation!(import::import)).mails(),
        Route::api(may(P::UserRead), operation!(users::show)),
        Route::api(may(P::UserUpdate), operation!(users::edit)).raises().mails(),
        Route::api(may(P::UserActivate), operation!(lifecycle::activate)).mails(),
        Route::api(may(P::UserActivate), operation!(lifecycle::settle)).mails(),
        Route::api(may(P::UserActivate), operation!(lifecycle::reject)),
        Route::api(may(P::UserSuspend), operation!(lifecycle::suspend)),
        Route::api(may(P::UserRead), operation!(lifecycle::reactivate)).raises().mails(),
        Route::api(may(P::UserDeprovision), operation!(lifecycle::deprovision)),
        Route::api(may(P::UserLock), operation!(lifecycle::lock)),
        Route::api(may(P::UserUnlock), operation!(lifecycle::unlock)),
        Route::api(may(P::UserResetPassword), operation!(lifecycle::set_password)).mails(),
        Route::api(may(P::UserResetPassword), operation!(lifecycle::require_password_change)),
        Route::api(may(P::UserResetPassword), operation!(recovery::send_reset_link)).mails(),
        Route::api(may(P::UserDelete), operation!(lifecycle::delete)),
        Route::api(may(P::UserRestore), operation!(lifecycle::restore)),
        Route::api(may(P::UserPurge), operation!(lifecycle::purge)),
        Route::api(may(P::UserRead), operation!(explanations::sign_in)),
        Route::api(may(P::MailRead), operation!(mails::list)),
        Route::api(may(P::MailRead), operation!(mails::status)),
        Route::api(may(P::MailRead), operation!(mails::of_user)),
        Route::api(may(P::MailManage), operation!(mails::retry)).mails(),
        Route::api(may(P::MailManage), operation!(mails::retry_all)).mails(),
        Route::api(may(P::MailManage), operation!(mails::test)).limited().mails(),
        Route::api(may(P::InvitationRead), operation!(invitations::list)),
        Route::api(may(P::UserInvite), operation!(invitations::invite)).mails().scoped(),
        Route::api(may(P::UserInvite), operation!(invitations::many::invite_many)).mails(),
        Route::api(may(P::InvitationResend), operation!(invitations::many::resend_many)).mails(),
        Route::api(may(P::InvitationRead), operation!(invitations::show)),
        Route::api(may(P::InvitationResend), operation!(invitations::resend)).mails(),
        Route::api(may(P::InvitationResend), operation!(invitations::remind)).mails(),
        Route::api(may(P::UserInvite), operation!(invitations::cancel)),
        Route::api(may(P::UserInvite), operation!(invitations::link)),
        Route::api(may(P::UserRead), operation!(invitations::invite_user)).mails(),
        Route::api(may(P::UserPurge), operation!(erasure::receipt)),
        Route::api(may(P::UserExportData), operation!(data_exports::ask)).limited(),
        Route::api(may(P::UserExportData), operation!(data_exports::show)),
        Route::api(may(P::AccountRead), operation!(data_exports::ask_own)).limited(),
        Route::api(may(P::AccountRead), operation!(data_exports::show_own)),
        Route::api(may(P::AuditRead), operation!(activity::of_user)),
        Route::api(may(P::AuditRead), operation!(activity::sign_ins)),
        Route::api(may(P::AuditRead), operation!(activity::export)),
        Route::api(may(P::AccountRead), operation!(activity::own)),
        Route::api(may(P::AccountRead), operation!(activity::own_sign_ins)),
        Route::api(may(P::AccountRead), operation!(activity::export_own)),
        Route::api(may(P::AccessRead), operation!(access::of_user)),
        Route::api(may(P::AccessRead), operation!(access::why)),
        Route::api(may(P::AccessRead), operation!(access::holders)).scoped(),
        Route::api(may(P::AccountRead), operation!(access::own)),
        Route::api(may(P::RoleRead), operation!(role_definitions::list)),
        Route::api(may(P::RoleCreate), operation!(role_definitions::create)),
        Route::api(may(P::RoleRead), operation!(role_definitions::compare)),
        Route::api(may(P::RoleRead), operation!(role_definitions::show)),
        Route::api(may(P::RoleUpdate), operation!(role_definitions::edit)).raises(),
        Route::api(may(P::RoleDelete), operation!(role_definitions::delete)),
        Route::api(may(P::AccessRead), operation!(role_definitions::holders)),
        Route::api(may(P::RoleRead), operation!(permissions::list)),
        Route::api(may(P::PermissionManage), operation!(permissions::define)),
        Route::api(may(P::PermissionManage), operation!(permissions::remove)),
        Route::api(may(P::AccountRead), operation!(account::whoami)),
        Route::api(may(P::AccountRead), operation!(account::show)),
        Route::api(may(P::AccountUpdate), operation!(account::edit)),
        Route::api(may(P::AccountPassword), operation!(account::change_password)).limited().mails(),
        Route::api(may(P::AccountRead), operation!(recovery::email)),
        Route::api(may(P::AccountUpdate), operation!(recovery::change_email)).limited().mails(),
        Route::api(may(P::AccountUpdate), operation!(recovery::cancel_email)),
        Route::api(may(P::AccountUpdate), operation!(recovery::verify_email)).limited().mails(),
        Route::api(may(P::AccountRead), operation!(recovery::notices)),
        Route::api(may(P::AccountUpdate), operation!(recovery::set_notices)),
        Route::api(may(P::AccountSessions), operation!(sessions::own)),
        Route::api(may(P::AccountSessions), operation!(sessions::revoke_own)),
        Route::api(may(P::AccountSessions), operation!(sessions::revoke_own_one)),
        Route::api(may(P::AccountSessions), operation!(devices::own)),
        Route::api(may(P::AccountSessions), operation!(devices::remove_own)),
        Route::api(may(P::SessionRead), operation!(devices::of_user)),
        Route::api(may(P::SessionRevoke), operation!(devices::remove)),
        Route::api(may(P::SessionRead), operation!(sessions::of_user)),
        Route::api(may(P::SessionRevoke), operation!(sessions::revoke_of_user)),
        Route::api(may(P::SessionRevoke), operation!(sessions::revoke_one)),
        Route::api(may(P::SessionRead), operation!(sessions::list)),
        Route::api(may(P::SessionRevoke), operation!(sessions::revoke)),
        Route::api(may(P::AuditRead), operation!(audit::list)),
        Route::api(may(P::AuditRead), operation!(audit::show)),
        Route::api(may(P::AuditRead), operation!(audit::prove)),
        Route::api(may(P::AuditRead), operation!(audit::consistency)),
        Route::api(may(P::AuditRead), operation!(audit::checkpoint)),
        Route::api(may(P::AuditExport), operation!(audit::export)),
        Route::api(may(P::SettingsRead), operation!(orgs::show)),
        Route::api(may(P::SettingsUpdate), operation!(orgs::edit)),
        Route::api(may(P::OrgRename), operation!(orgs::rename)),
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
        Route::api(may(P::RoleAssign), operation!(roles::replace)).raises().mails(),
        Route::api(may(P::RoleAssign), operation!(roles::grant)).raises().mails(),
        Route::api(may(P::RoleAssign), operation!(roles::revoke)).mails(),
        Route::api(may(P::GroupList), operation!(groups::list)).scoped(),
        Route::api(may(P::GroupCreate), operation!(groups::create)),
        Route::api(may(P::GroupRead), operation!(groups::show)),
        Route::api(may(P::GroupUpdate), operation!(groups::edit)),
        Route::api(may(P::GroupDelete), operation!(groups::delete)).ends_secrets(),
        Route::api(may(P::GroupRead), operation!(groups::members::list)),
        Route::api(may(P::GroupAssign), operation!(groups::members::add_many)).raises(),
        Route::api(may(P::GroupAssign), operation!(groups::members::add)).raises(),
        Route::api(may(P::GroupAssign), operation!(groups::members::remove)),
        Route::api(may(P::GroupAssign), operation!(groups::structure::nest)).raises(),
        Route::api(may(P::GroupAssign), operation!(groups::structure::unnest)).ends_secrets(),
        Route::api(may(P::GroupAssign), operation!(groups::structure::move_group)).raises(),
        Route::api(may(P::GroupRead), operation!(groups::structure::roles)),
        Route::api(may(P::RoleAssign), operation!(groups::structure::grant)).raises(),
        Route::api(may(P::RoleAssign), operation!(groups::structure::revoke)),
        Route::api(may(P::GroupUpdate), operation!(groups::structure::add_owner)),
        Route::api(may(P::GroupUpdate), operation!(groups::structure::remove_owner)),
        Route::api(may(P::UserRead), operation!(groups::members::of_user)),
        Route::api(may(P::AccountGroups), operation!(groups::members::owned)),
        Route::api(may(P::AccountGroups), operation!(groups::members::owned_members)),
        Route::api(may(P::AccountGroups), operation!(groups::members::add_many_to_owned)).raises(),
        Route::api(may(P::AccountGroups), operation!(groups::members::add_to_owned)).raises(),
        Route::api(may(P::AccountGroups), operation!(groups::members::remove_from_owned)),
        Route::api(may(P::OwnerManage), operation!(owners::make)).raises().mails(),
        Route::api(may(P::OwnerManage), operation!(owners::remove)).mails(),
        // Each role and membership asks for what giving it needs.
        Route::api(may(P::UserRead), operation!(copying::copy)).raises().mails(),
        Route::api(may(P::AccountTokens), operation!(tokens::list)),
        Route::api(may(P::AccountTokens), operation!(tokens::create)).mails(),
        Route::api(may(P::AccountTokens), operation!(tokens::revoke)),
        Route::api(may(P::AccountTokens), operation!(tokens::revoke_own)),
        Route::api(may(P::TokenList), operation!(tokens::all)),
        Route::api(may(P::TokenList), operation!(tokens::of_user)),
        Route::api(may(P::TokenCreate), operation!(tokens::create_for)).mails(),
        Route::api(may(P::TokenRevoke), operation!(tokens::revoke_of)),
        Route::api(may(P::TokenRevoke), operation!(tokens::revoke_all_of)),
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
    for (name, schema) in routes().iter().filter_map(Route::documents).flat_map(|(schemas, _)| schemas) {
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
