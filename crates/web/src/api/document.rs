//! What the OpenAPI document says beyond the handlers' own descriptions: the same for every operation, so written once.
//!
//! Names of operations, descriptions and headers of answers, refusals as problem documents, the parameters of every write,
//! the limits of lists. A handler says only what is its own.

use std::collections::BTreeMap;

use model::{access::OWNER_WARNING, outgrown::CONFIRMED_BY, page};
use serde_json::{Map, Value, json};

use super::refusals;
use crate::{problem::IMPACT, route::Declared};

/// Sub-resources that are lists, by their path's last part.
const LISTS: [&str; 14] = [
    "activity",
    "all",
    "sign_ins",
    "users",
    "groups",
    "roles",
    "tokens",
    "invitations",
    "members",
    "sessions",
    "mails",
    "permissions",
    "audit",
    "holders",
];

/// Who did something, as it is asked for.
const AGENT: &str = "^(operator|system|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$";

/// Lists whose items are judged one by one: one of another form is refused for itself, beside the others.
const JUDGED_ONE_BY_ONE: [(&str, &str); 1] = [("BatchBody", "invitations")];

/// What a file of entries is written as.
const FILES: [&str; 2] = ["application/jsonl", "text/csv"];

/// Completes the document; `routes` are those of the API.
pub(super) fn complete(document: &mut Value, routes: &[Declared]) {
    for route in routes {
        let method = route.method.as_str().to_lowercase();
        let Some(Value::Object(operation)) =
            document.pointer_mut(&format!("/paths/{}/{method}", route.path.replace('/', "~1")))
        else {
            continue;
        };
        let name = name(route);
        parameters(route, operation);
        warn_of_owners(route, operation);
        answers(route, &name, operation);
        operation.insert("operationId".to_owned(), name.into());
    }
    let responses = refusals();
    if let Some(Value::Object(components)) = document.get_mut("components") {
        components.insert("responses".to_owned(), Value::Object(responses));
    }
    for (schema, list) in JUDGED_ONE_BY_ONE {
        if let Some(items) =
            document.pointer_mut(&format!("/components/schemas/{schema}/properties/{list}/items"))
        {
            *items = json!({"anyOf": [items.take(), {"type": "object"}]});
        }
    }
    open_parts(document);
    without_empty_defaults(document);
    let optional = bodies_that_may_be_empty(document);
    for body in optional {
        if let Some(required) = document.pointer_mut(&format!("{body}/required")) {
            *required = false.into();
        }
    }
}

/// Where the bodies stand of which nothing must be there: none at all counts as an empty one.
fn bodies_that_may_be_empty(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema =
                schema["$ref"].as_str().and_then(|name| document.pointer(&name[1..])).unwrap_or(schema);
            let is_plain = schema["type"] == "object" && schema.get("allOf").is_none();
            if is_plain && schema["required"].as_array().is_none_or(Vec::is_empty) {
                found.push(format!(
                    "/paths/{}/{method}/requestBody",
                    path.replace('~', "~0").replace('/', "~1")
                ));
            }
        }
    }
    found
}

/// A default that says no more than that something may be left out: generators make such a field one that must be there.
fn without_empty_defaults(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let is_schema = object.contains_key("type") || object.contains_key("oneOf");
            if is_schema && object.get("default").is_some_and(is_empty) {
                object.remove("default");
            }
            object.values_mut().for_each(without_empty_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty_defaults),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
        || value.as_str().is_some_and(str::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(Map::is_empty)
}

/// What an operation is called: `users_list`, `users_create`, `groups_members_delete`.
fn name(route: &Declared) -> String {
    let path = route.path.rsplit_once("/api/v1/").map_or(route.path.as_str(), |(_, path)| path);
    let is_one = path.ends_with('}');
    let mut parts: Vec<String> =
        path.split('/').filter(|part| !part.starts_with('{')).map(|part| part.replace('-', "_")).collect();
    let is_list = !is_one && parts.last().is_some_and(|last| LISTS.contains(&last.as_str()));
    let verb = match (route.method.as_str(), is_one, is_list) {
        ("GET", false, true) => "list",
        // Why somebody has a permission, beside all that somebody may do.
        ("GET", true, _) if path.contains("/access/") => "explain",
        ("GET", ..) => "read",
        ("POST", false, true) => "create",
        ("POST", ..) => "",
        ("PATCH", ..) => "update",
        ("PUT", true, _) => "set",
        ("PUT", ..) => "replace",
        (_, false, true) => "delete_all",
        _ => "delete",
    };
    let is_for_many = verb.is_empty() && !route.path.contains("{id}") && !route.path.contains("/account");
    if is_for_many && matches!(parts.last().map(String::as_str), Some("resend" | "retry")) {
        parts.push("many".to_owned());
    }
    if !verb.is_empty() {
        parts.push(verb.to_owned());
    }
    parts.join("_")
}

/// What can make an owner says what that means.
fn warn_of_owners(route: &Declared, operation: &mut Map<String, Value>) {
    if !route.raises {
        return;
    }
    let before = operation.get("description").and_then(Value::as_str).map(|text| format!("{text}\n\n"));
    let text = format!("{}Where it makes somebody an owner: {OWNER_WARNING}", before.unwrap_or_default());
    operation.insert("description".to_owned(), text.into());
}

fn parameters(route: &Declared, operation: &mut Map<String, Value>) {
    let Some(Value::Array(parameters)) = operation.get_mut("parameters") else { return };
    if route.writes() {
        parameters.push(json!({
            "name": "impact", "in": "query", "required": false, "schema": {"type": "boolean"},
            "description": "`true`, beside `dry_run=true`: answer whose access would change.",
        }));
    }
    if route.ends_secrets {
        parameters.push(json!({
            "name": CONFIRMED_BY, "in": "query", "required": false, "schema": {"type": "integer", "minimum": 0},
            "description": "Confirms that secrets that others made (links, passwords, API tokens, addresses) end because \
                            their users get more rights than the makers have: `confirm` of a refusal with \
                            `access.secrets_end`, or of an impact, which lists all of them.",
        }));
    }
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap_or_default();
        let schema = match name {
            "limit" | "page_size" => {
                json!({"type": "integer", "minimum": 1, "maximum": page::MAX_LIMIT, "default": page::DEFAULT_LIMIT})
            }
            "search" => json!({"type": "string", "maxLength": model::search::LONGEST}),
            "dry_run" => json!({"type": "boolean"}),
            "Idempotency-Key" => json!({"type": "string", "minLength": 1, "maxLength": 255}),
            "slug" => json!({"type": "string", "minLength": 3, "maxLength": 40}),
            "actor" => json!({"type": "string", "pattern": AGENT}),
            "If-Match" => json!({"type": "string", "pattern": "^(\\*|(W/)?\"[0-9]{1,18}\"|[0-9]{1,18})$"}),
            "days" | "older_than_days" | "expires_within_hours" => {
                json!({"type": "integer", "minimum": 0, "maximum": u16::MAX})
            }
            _ => continue,
        };
        parameter["schema"] = schema;
    }
}

fn answers(route: &Declared, name: &str, operation: &mut Map<String, Value>) {
    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    responses.remove("default");
    if route.writes() {
        // In the place of any other success, of a dry run that was asked for it.
        let dry = responses.entry("200").or_insert_with(
            || json!({"description": "Only of a dry run with `impact=true`: whose access it would change."}),
        );
        dry["content"][IMPACT] = json!({"schema": {"$ref": "#/components/schemas/Impact"}});
    }
    for (status, response) in responses.iter_mut() {
        let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
        if !described {
            response["description"] = match status.as_str() {
                "200" => "As it is now; of a dry run, as it would be.",
                "201" => "It was made.",
                "202" => "It will be done shortly.",
                "204" => "It was done; there is nothing to add.",
                _ => "The answer.",
            }
            .into();
        }
        if let Some(content) = response.get_mut("content").and_then(Value::as_object_mut)
            && FILES.iter().any(|kind| content.contains_key(*kind))
        {
            // Whichever format was asked for.
            for kind in FILES {
                content.entry(kind).or_insert_with(|| json!({"schema": {"type": "string"}}));
            }
        }
        let mut headers = Map::new();
        let header = |description: &str| json!({"description": description, "schema": {"type": "string"}});
        headers
            .insert("X-Request-Id".to_owned(), header("The request's id, as in the log and the audit log."));
        if status == "201" {
            headers.insert("Location".to_owned(), header("Where it is, if it has an address of its own."));
        }
        if matches!(status.as_str(), "200" | "201") {
            let description = "The version, for `If-Match`, if what is answered has one.";
            headers.insert("ETag".to_owned(), header(description));
        }
        response["headers"] = Value::Object(headers);
    }
    let refusals = refusals::of(route, name);
    for status in refusals.keys() {
        let reference = json!({"$ref": format!("#/components/responses/{}", response_name(*status))});
        responses.insert(status.to_string(), reference);
    }
    let codes: Map<String, Value> =
        refusals.into_iter().map(|(status, codes)| (status.to_string(), json!(codes))).collect();
    operation.insert("x-refusals".to_owned(), Value::Object(codes));
}

/// The refusals, by status: what each means.
fn meanings() -> BTreeMap<u16, (&'static str, &'static str)> {
    BTreeMap::from([
        (400, ("Malformed", "The request can't be understood: malformed JSON, query, header or page token.")),
        (401, ("Unauthenticated", "No token, or one that does not hold (any more).")),
        (
            403,
            (
                "Forbidden",
                "Not allowed; `code` says whether a permission is missing or the person may do more.",
            ),
        ),
        (404, ("NotFound", "There is nothing here, or it is not for the caller.")),
        (408, ("TooSlow", "The body came too slowly; nothing was changed.")),
        (409, ("Conflict", "The state of things does not allow it; `possible` says what does.")),
        (410, ("Gone", "It has ended, or was deleted permanently since.")),
        (412, ("Stale", "Changed since the version in `If-Match`.")),
        (413, ("TooLarge", "More than 1 MB.")),
        (422, ("Invalid", "Values were refused; `errors` names the fields.")),
        (428, ("VersionNeeded", "Send the version that you have seen in `If-Match`.")),
        (429, ("TooMany", "Too many tries; wait for `Retry-After` seconds.")),
        (500, ("Failed", "Something went wrong on the server; nothing was changed.")),
        (
            503,
            (
                "Unavailable",
                "Not now; nothing was changed. With the code `outcome_unknown`: look before you repeat.",
            ),
        ),
    ])
}

fn response_name(status: u16) -> &'static str {
    meanings().get(&status).map_or("Failed", |(name, _)| name)
}

fn refusals() -> Map<String, Value> {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let one = |(status, (name, description)): (u16, (&str, &str))| {
        let mut headers = json!({"X-Request-Id": text("The request's id, as in the log and the audit log.")});
        if matches!(status, 429 | 503) {
            headers["Retry-After"] =
                json!({"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}});
        }
        if status == 401 {
            headers["WWW-Authenticate"] = text("How to prove who asks.");
        }
        let schema = json!({"schema": {"$ref": "#/components/schemas/ProblemDocument"}});
        let content = json!({"application/problem+json": schema});
        (name.to_owned(), json!({"description": description, "headers": headers, "content": content}))
    };
    meanings().into_iter().map(one).collect()
}

/// A closed record can't be a part of another: what allows nothing else is closed where it stands alone.
fn open_parts(document: &mut Value) {
    optional_parts(document);
    let mut parts = Vec::new();
    collect_parts(document, &mut parts);
    for reference in parts {
        if let Some(Value::Object(schema)) = document.pointer_mut(reference.trim_start_matches('#')) {
            schema.remove("additionalProperties");
        }
    }
}

/// A part that may be missing is described as a record or `null`; what is missing of a record is not `null`, though.
fn optional_parts(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for part in object.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
                let choices = part.get("oneOf").and_then(Value::as_array);
                let record =
                    choices.and_then(|choices| choices.iter().find(|choice| choice.get("$ref").is_some()));
                if let Some(record) = record.cloned() {
                    *part = json!({"anyOf": [record, {"type": "object"}]});
                }
            }
            object.values_mut().for_each(optional_parts);
        }
        Value::Array(items) => items.iter_mut().for_each(optional_parts),
        _ => {}
    }
}

fn collect_parts(value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let all = object.get("allOf").and_then(Value::as_array).into_iter().flatten();
            parts.extend(all.filter_map(|part| part["$ref"].as_str()).map(str::to_owned));
            object.values().for_each(|inner| collect_parts(inner, parts));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect_parts(inner, parts)),
        _ => {}
    }
}
