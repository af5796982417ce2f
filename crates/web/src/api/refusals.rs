//! Which codes an operation of the API can refuse with, by status: in its declaration, so that programs know them all.
//!
//! What follows from a route's declaration (a body, a query, a permission, a version) is derived from it; the rest is a
//! table of codes with the operations that can answer them. The tests hold every answer that they get against it.

use std::collections::{BTreeMap, BTreeSet};

use model::Permission;

use crate::route::{Declared, Needs, Rate};

/// Codes by status.
pub(super) type Refusals = BTreeMap<u16, BTreeSet<&'static str>>;

/// Every refusal of the operation of that name.
pub(super) fn of(route: &Declared, operation: &str) -> Refusals {
    let mut refusals = Refusals::new();
    let mut add = |status: u16, codes: &[&'static str]| refusals.entry(status).or_default().extend(codes);
    for (status, codes) in EVERY {
        add(*status, codes);
    }
    if matches!(route.needs, Needs::Permission(needed) if needed != Permission::AccountPassword) {
        add(403, &["password.must_change"]);
    }
    if route.writes() {
        for (status, codes) in WRITES {
            add(*status, codes);
        }
        if route.rate != Rate::Free {
            add(429, &["rate.too_many"]);
        }
    }
    if route.ends_secrets {
        add(409, &["access.secrets_end", "access.secrets_changed"]);
    }
    let names = |wanted: &[&str]| route.query.iter().any(|name| wanted.contains(&name.as_str()));
    if names(&["page_token", "cursor", "before", "after"]) {
        add(400, &["cursor.malformed", "cursor.other_order"]);
    }
    if !route.query.is_empty() {
        add(422, &["invalid"]);
    }
    for (status, code, operations) in OWN {
        if is_named(operation, operations) && (route.writes() || is_of_reading(code)) {
            add(*status, &[code]);
        }
    }
    refusals
}

/// What a question can be refused with, too: the others are about a change.
fn is_of_reading(code: &str) -> bool {
    let codes = [
        "audit.no_place",
        "data_export.gone",
        "data_export.not_yours",
        "group.unknown",
        "invalid",
        "role.missing",
    ];
    codes.contains(&code)
}

/// Of every operation.
const EVERY: &[(u16, &[&str])] = &[
    (
        400,
        &[
            "host.malformed",
            "if_match.malformed",
            "query.malformed",
            "query.repeated",
            "query.unknown",
            "text.unstorable",
        ],
    ),
    (401, &["unauthenticated"]),
    (403, &["forbidden"]),
    (404, &["not_found"]),
    (429, &["rate.in_progress"]),
    (500, &["internal"]),
    (
        503,
        &[
            "database.contention",
            "database.full",
            "database.unavailable",
            "database.unreachable",
            "overloaded",
            "shutting_down",
        ],
    ),
];

/// Of every one that writes.
const WRITES: &[(u16, &[&str])] = &[
    (400, &["body.broken", "body.malformed", "body.not_json", "idempotency.malformed"]),
    (403, &["form.foreign"]),
    (408, &["body.too_slow"]),
    (409, &["idempotency.other_request"]),
    (410, &["idempotency.purged"]),
    (413, &["body.too_large"]),
    (422, &["invalid"]),
    (503, &["outcome_unknown", "writing_stopped"]),
];

/// Of some: the status, the code, and the operations that can answer it; a `*` stands for the rest of a name.
const OWN: &[(u16, &str, &[&str])] = &[
    (400, "role.missing", &["access_holders_list"]),
    (403, "access.above_own", GIVING),
    (403, "access.not_all_copied", &["users_copy_access"]),
    (403, "access.stronger_person", &["users_*", "invitations_*", "sessions_*"]),
    (403, "data_export.not_yours", &["account_data_export*", "users_data_export*"]),
    (404, "group.unknown", &["users_*", "groups_*", "invitations_*", "account_groups_*"]),
    (409, "account.own_email", &["users_update"]),
    (409, "account.own_password", &["users_set_password"]),
    (409, "audit.no_place", &["audit_*"]),
    (409, "email.taken", NAMING),
    (409, "email.verified_already", &["account_email_verify"]),
    (409, "group.cycle", &["groups_*"]),
    (409, "group.name_taken", &["groups_create", "groups_update", "users_import"]),
    (409, "group.not_nested", &["groups_*"]),
    (409, "invitation.ended", &["invitations_*"]),
    (409, "invitation.exists", &["invitations_create"]),
    (409, "invitation.expired", &["invitations_*", "users_invite"]),
    (409, "invitation.no_address", &["invitations_*", "users_*"]),
    (409, "invitation.none", &["invitations_*", "users_*"]),
    (409, "invitation.service_user", &["invitations_*", "users_invite", "users_create"]),
    (409, "mail.not_waiting", &["mails_retry"]),
    (409, "org.last_owner", ABOUT_OWNERS),
    (409, "password.changed_meanwhile", &["account_*", "users_*"]),
    (409, "permission.too_many", &["permissions_set"]),
    (409, "reset.address_outgrown", &["users_send_reset_link"]),
    (409, "reset.locked", &["users_send_reset_link"]),
    (409, "reset.no_address", &["users_send_reset_link"]),
    (409, "reset.not_active", &["users_send_reset_link"]),
    (409, "role.built_in", &["roles_*"]),
    (409, "role.name_taken", &["roles_create", "roles_update"]),
    (409, "role.too_many", &["roles_create"]),
    (409, "slug.taken", &["org_rename"]),
    (409, "token.not_a_service_user", &["users_tokens_create"]),
    (409, "token.user_not_active", &["tokens_create", "users_tokens_create"]),
    (409, "user.already_active", &["users_activate", "users_reactivate"]),
    (409, "user.already_deleted", &["users_delete"]),
    (409, "user.already_deprovisioned", &["users_deprovision"]),
    (409, "user.already_suspended", &["users_suspend"]),
    (409, "user.cannot_be_owner", &["users_make_admin"]),
    (409, "user.exists", &["invitations_create"]),
    (409, "user.in_trash", &["users_*"]),
    (409, "user.no_password", &["users_require_password_change"]),
    (409, "user.not_awaited", &["users_settle"]),
    (409, "user.not_locked", &["users_unlock"]),
    (409, "user.not_possible", MOVING),
    (409, "user.owner_through_group", &["users_remove_admin"]),
    (409, "user.service_password", &["users_*"]),
    (409, "user.suspend_first", &["users_delete"]),
    (409, "username.taken", NAMING),
    (410, "data_export.gone", &["account_data_export*", "users_data_export*"]),
    (412, "group.changed_meanwhile", &["groups_*"]),
    (412, "org.changed_meanwhile", &["org_*"]),
    (412, "role.changed_meanwhile", &["roles_*"]),
    (412, "user.changed_meanwhile", &["users_*", "account_update"]),
    (422, "invalid", &["audit_*", "users_access_*"]),
    (429, "email.too_many", &["account_email*"]),
    (
        429,
        "invitation.too_many_resends",
        &["invitations_*", "users_invite", "users_activate", "users_settle"],
    ),
    (429, "reset.too_many", &["users_send_reset_link"]),
    (429, "sign_in.too_many", &["account_password", "account_email*", "tokens_create"]),
];

/// What gives or takes rights, or moves somebody who has them.
const GIVING: &[&str] =
    &["account_groups_*", "groups_*", "invitations_*", "permissions_*", "roles_*", "tokens_*", "users_*"];

/// What may take the last owner away.
const ABOUT_OWNERS: &[&str] =
    &["account_groups_*", "groups_*", "permissions_*", "roles_*", "users_*", "account_update"];

/// What moves a user through the lifecycle.
const MOVING: &[&str] = &[
    "invitations_cancel",
    "invitations_create",
    "invitations_resend",
    "users_activate",
    "users_create",
    "users_delete",
    "users_deprovision",
    "users_invite",
    "users_lock",
    "users_purge",
    "users_reactivate",
    "users_reject",
    "users_restore",
    "users_set_password",
    "users_settle",
    "users_suspend",
    "users_unlock",
];

/// What gives a user a username or an address.
const NAMING: &[&str] =
    &["account_email", "invitations_create", "users_create", "users_restore", "users_update"];

/// Whether a name is one of these, where `*` stands for the rest.
fn is_named(operation: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => operation.starts_with(start),
        None => operation == *pattern,
    })
}
