//! Every answer of the API in every test is what the document says: its status is declared for the operation, its content
//! type too, and its JSON fits the schema.

use std::sync::LazyLock;

use axum::http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Map, Value};

/// Made on a thread of its own: a test counts what its own has described.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| std::thread::spawn(web::openapi).join().unwrap());

/// Panics unless the document declares this answer.
pub(crate) fn check(method: &Method, path: &str, status: StatusCode, headers: &HeaderMap, text: &str) {
    // Refused before the route was known, or no route at all.
    let Some((pattern, operation)) = operation(method, path) else { return };
    if status == StatusCode::METHOD_NOT_ALLOWED {
        return;
    }
    if let Err(why) = is_declared(operation, status, headers, text) {
        panic!("{method} {pattern} {status}: {why}\n{text}");
    }
}

fn is_declared(
    operation: &'static Value,
    status: StatusCode,
    headers: &HeaderMap,
    text: &str,
) -> Result<(), String> {
    if !status.is_success() {
        let refusal: Value = serde_json::from_str(text).map_err(|_| "no problem document".to_owned())?;
        let codes = operation["x-refusals"][status.as_str()].as_array().into_iter().flatten();
        if !codes.into_iter().any(|code| *code == refusal["code"]) {
            return Err(format!("the document does not declare the code {}", refusal["code"]));
        }
    }
    let response = resolved(&operation["responses"][status.as_str()]);
    if !response.is_object() {
        return Err("the document does not declare this status".to_owned());
    }
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(content) = response["content"].as_object() else {
        return if text.is_empty() { Ok(()) } else { Err("the document declares no content".to_owned()) };
    };
    let essence = content_type.split(';').next().unwrap_or_default();
    let declared = content.get(essence).ok_or_else(|| format!("{content_type} is not declared"))?;
    if !essence.ends_with("json") {
        return Ok(());
    }
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    fits(&value, &declared["schema"], "$")
}

/// The operation that answers there, by the pattern with most words of its own.
fn operation(method: &Method, path: &str) -> Option<(String, &'static Value)> {
    let parts: Vec<&str> = path.split('/').collect();
    let matching = DOCUMENT["paths"].as_object()?.iter().filter_map(|(pattern, item)| {
        let wanted: Vec<&str> = pattern.split('/').collect();
        let is_one = wanted.len() == parts.len()
            && wanted
                .iter()
                .zip(&parts)
                .all(|(wanted, part)| wanted.starts_with('{') && !part.is_empty() || wanted == part);
        let operation = item.get(method.as_str().to_lowercase())?;
        let own = wanted.iter().filter(|part| !part.starts_with('{')).count();
        is_one.then_some((own, pattern, operation))
    });
    matching.max_by_key(|(own, ..)| *own).map(|(_, pattern, operation)| (pattern.clone(), operation))
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            resolved(DOCUMENT.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference}")))
        }
        None => value,
    }
}

/// Whether a value fits a schema, as far as the document's schemas go.
fn fits(value: &Value, schema: &'static Value, at: &str) -> Result<(), String> {
    let schema = resolved(schema);
    let Some(rules) = schema.as_object() else { return Ok(()) };
    if let Some(values) = rules.get("enum").and_then(Value::as_array)
        && !values.contains(value)
    {
        return Err(format!("{at}: {value} is none of {values:?}"));
    }
    if let Some(types) = rules.get("type")
        && !types_of(types).iter().any(|name| is_of(value, name))
    {
        return Err(format!("{at}: {value} is not {types}"));
    }
    for part in list(rules, "allOf") {
        fits(value, part, at)?;
    }
    for kind in ["oneOf", "anyOf"] {
        let choices = list(rules, kind);
        let fitting = choices.iter().filter(|choice| fits(value, choice, at).is_ok()).count();
        if !choices.is_empty() && (fitting == 0 || kind == "oneOf" && fitting > 1) {
            return Err(format!("{at}: {fitting} of {kind} fit {value}"));
        }
    }
    if let (Value::Array(items), Some(schema)) = (value, rules.get("items")) {
        for (number, item) in items.iter().enumerate() {
            fits(item, schema, &format!("{at}[{number}]"))?;
        }
    }
    let Value::Object(object) = value else { return Ok(()) };
    for name in list(rules, "required").iter().filter_map(|name| name.as_str()) {
        if !object.contains_key(name) {
            return Err(format!("{at}: {name} is missing"));
        }
    }
    let properties = rules.get("properties").and_then(Value::as_object);
    for (name, inner) in object {
        let own = properties.and_then(|known| known.get(name)).or_else(|| rules.get("additionalProperties"));
        match own {
            Some(Value::Bool(false)) => return Err(format!("{at}: {name} is not declared")),
            Some(schema) => fits(inner, schema, &format!("{at}.{name}"))?,
            None => {}
        }
    }
    Ok(())
}

fn list(rules: &'static Map<String, Value>, name: &str) -> &'static [Value] {
    rules.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn types_of(types: &Value) -> Vec<&str> {
    match types {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => value.is_null(),
    }
}
