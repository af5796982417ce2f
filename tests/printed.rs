//! What the program declares, printed into `docs/` and reviewed as text: routes, permissions, the API's document.
//!
//! A file that differs is written anew and the test fails once, so that nobody changes a door without reading it.

use std::{fmt::Write as _, fs};

use model::{Permission, Role};
use web::{Declared, Door, Needs, Rate};

/// Compares a printed file with what it should say now.
fn compare(name: &str, wanted: &str) {
    let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
    if fs::read_to_string(&path).unwrap_or_default() != wanted {
        fs::write(&path, wanted).unwrap();
        panic!("docs/{name} has changed; read the difference and run the tests again");
    }
}

#[test]
fn routes() {
    let mut routes = web::declared();
    routes.sort_by_key(|route| (route.door == Door::Console, route.path.clone(), route.method.to_string()));
    let mut text = String::from(
        "Every route: method, path, what it needs, how often, whether it may cause mail.\n\
         Made by the tests from the declarations in crates/web; don't edit.\n",
    );
    for (door, title) in [(Door::Api, "The API"), (Door::Console, "The console")] {
        let routes: Vec<&Declared> = routes.iter().filter(|route| route.door == door).collect();
        let width = routes.iter().map(|route| route.path.len()).max().unwrap_or_default();
        writeln!(text, "\n{title}\n").unwrap();
        for route in routes {
            let (method, path) = (route.method.as_str(), &route.path);
            let needs = match route.needs {
                Needs::Nothing => "nothing",
                Needs::Org => "an organization",
                Needs::Permission(permission) => permission.as_str(),
            };
            let rate = match route.rate {
                Rate::Free => "free",
                Rate::Limited => "limited",
                Rate::Typed => "typed",
            };
            let mails = if route.mails { "mails" } else { "" };
            let scoped = if route.scoped { "scoped" } else { "" };
            let line = format!("{method:6}  {path:width$}  {needs:20}  {rate:7}  {mails:5}  {scoped}");
            writeln!(text, "{}", line.trim_end()).unwrap();
        }
    }
    compare("routes.txt", &text);
}

#[test]
fn permissions() {
    let mut text = String::from(
        "Every permission, what it allows, and which built-in role holds it; then every route, and which built-in role it \
         lets in.\nMade by the tests from crates/model/src/access.rs and the declarations in crates/web; don't edit.\n\n",
    );
    for permission in Permission::ALL {
        writeln!(text, "{:20}  {}", permission.as_str(), permission.sentence()).unwrap();
    }
    writeln!(text, "\nThe columns:\n").unwrap();
    for (number, role) in Role::ALL.iter().enumerate() {
        writeln!(text, "{}  {}", number + 1, role.label()).unwrap();
    }
    let head: Vec<String> = (1..=Role::ALL.len()).map(|number| number.to_string()).collect();
    writeln!(text, "\n{:20}  {}", "", head.join("  ")).unwrap();
    for permission in Permission::ALL {
        writeln!(text, "{:20}  {}", permission.as_str(), marks(*permission)).unwrap();
    }
    text.push_str(LEGEND);
    let routes = web::declared().into_iter().filter_map(|route| match route.needs {
        Needs::Permission(permission) => Some((route, permission)),
        Needs::Nothing | Needs::Org => None,
    });
    let mut routes: Vec<(Declared, Permission)> = routes.collect();
    routes.sort_by_key(|(route, _)| {
        (route.door == Door::Console, route.path.clone(), route.method.to_string())
    });
    for (door, title) in [(Door::Api, "The API"), (Door::Console, "The console")] {
        let routes: Vec<_> = routes.iter().filter(|(route, _)| route.door == door).collect();
        let width = routes.iter().map(|(route, _)| route.path.len()).max().unwrap_or_default();
        let heading = width + 8;
        writeln!(text, "\n{title:heading$}  {:20}  {}", "", head.join("  ")).unwrap();
        for (route, permission) in routes {
            let (method, path) = (route.method.as_str(), &route.path);
            let marks = marks(*permission);
            writeln!(text, "{method:6}  {path:width$}  {:20}  {marks}", permission.as_str()).unwrap();
        }
    }
    compare("permissions.txt", &text);
}

/// Which built-in roles hold a permission, in the order of the columns.
fn marks(permission: Permission) -> String {
    let mark = |role: &Role| if role.permissions().contains(permission) { "x" } else { "." };
    Role::ALL.iter().map(mark).collect::<Vec<_>>().join("  ")
}

/// The rules under which the table of the routes holds; each is tested in `tests/permissions.rs`.
const LEGEND: &str = "
The routes that need a permission. x: whoever holds the role is let in; what lies behind may still refuse for reasons of
its own, such as that the person may do more. Besides:

- Who holds several roles is let in where one of them is.
- Of the states only active is let in: nobody who is staged, invited, pending, suspended, deprovisioned, deleted or purged,
  nobody who is locked, nobody outside the dates of the account.
- Who must choose another password reaches the routes of account:password alone.
- A token without scopes is let in where its user is; one with scopes where both its user is and the permission is
  among them. Tokens are for the API; the console wants a session.
";

#[test]
fn openapi() {
    let mut text = serde_json::to_string_pretty(&web::openapi()).unwrap();
    text.push('\n');
    compare("openapi.json", &text);
}

/// Every route of the API is in its document, and nothing else is.
#[test]
fn the_document_of_the_api_is_complete() {
    let document = web::openapi();
    let mut documented: Vec<(String, String)> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = ["get", "post", "put", "patch", "delete"].into_iter();
        let present = methods.filter(|method| item.get(method).is_some());
        documented.extend(present.map(|method| (path.clone(), method.to_uppercase())));
    }
    let declared = web::declared().into_iter().filter(|route| route.door == Door::Api);
    let mut declared: Vec<(String, String)> =
        declared.map(|route| (route.path, route.method.to_string())).collect();
    documented.sort();
    declared.sort();
    assert_eq!(documented, declared);
    let unnamed = declared.iter().filter(|(path, method)| {
        let operation = &document["paths"][path][method.to_lowercase()];
        operation["summary"].as_str().unwrap_or_default().is_empty()
    });
    assert_eq!(unnamed.collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "without a summary");
}

/// What the document lists as possible values is what the API takes and answers.
#[test]
fn the_document_of_the_api_names_values_as_they_are_sent() {
    let document = web::openapi();
    let values = |name: &str| {
        let schema = &document["components"]["schemas"][name];
        let values = schema["enum"].as_array().unwrap_or_else(|| panic!("{name}: {schema}")).iter();
        values.map(|value| value.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let permissions: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    let reasons: Vec<&str> = model::lifecycle::Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(values("Permission"), names(&permissions));
    assert_eq!(values("Reason"), names(&reasons));
}
