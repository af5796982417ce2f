//! Roles of an organization's own, and the permissions of its applications: made, changed, compared, deleted, within the
//! granting rule, and in force with the next request.

use axum::http::Method;
use model::{GroupId, Role};
use serde_json::{Value, json};

use crate::{
    app::{Answer, Somebody, TestApp, api_request},
    matrix::neighbour,
};

/// Makes a role as the owner; its key.
async fn made(app: &TestApp, name: &str, permissions: &[&str]) -> String {
    let answer = app.post("/roles", json!({"name": name, "permissions": permissions})).await.expect(201);
    answer.json()["role"].as_str().unwrap().to_owned()
}

/// Somebody who holds one of the organization's own roles.
async fn holding(app: &TestApp, name: &str, role: &str) -> Somebody {
    let somebody = app.person(name, Role::Member).await;
    app.post(&format!("/users/{}/roles", somebody.id), json!({"role": role})).await.expect(200);
    somebody
}

/// A group that carries a role.
async fn carrying(app: &TestApp, name: &'static str, role: &str) -> GroupId {
    let group = app.post("/groups", json!({"name": name})).await.expect(201).json();
    let id: GroupId = group["id"].as_str().unwrap().parse().unwrap();
    app.post(&format!("/groups/{id}/roles"), json!({"role": role})).await.expect(200);
    id
}

async fn ask(app: &TestApp, who: &Somebody, method: Method, path: &str, body: Value) -> Answer {
    app.call(method, path, &who.token, body).await
}

async fn delete(app: &TestApp, path: &str) -> Answer {
    app.call(Method::DELETE, path, &app.owner.token, Value::Null).await
}

fn first_code(answer: &Answer) -> String {
    answer.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

on_both! {
    /// Whoever looks at one who held it sees that it was taken.
    async fn a_deleted_role_is_an_entry_for_each_who_held_it(app: TestApp) {
        let role = made(&app, "Sailor", &["user:read"]).await;
        let (ana, bo) = (holding(&app, "Ana", &role).await, holding(&app, "Bo", &role).await);
        let group = carrying(&app, "Crew", &role).await;
        delete(&app, &format!("/roles/{role}")).await.expect(200);
        for (who, event) in [(ana.id.0, "role.revoked"), (bo.id.0, "role.revoked"), (group.0, "group.role_revoked")] {
            let events = app.events(&who.to_string()).await;
            assert_eq!(events.last().map(String::as_str), Some(event), "{events:?}");
        }
    }

    async fn what_a_role_allows_is_in_force_with_the_next_request(app: TestApp) {
        let role = made(&app, "Listener", &["user:list"]).await;
        let ana = holding(&app, "Ana", "listener").await;
        let (path, get) = (format!("/roles/{role}"), || Method::GET);
        ask(&app, &ana, get(), "/users", Value::Null).await.expect(200);
        ask(&app, &ana, get(), "/audit", Value::Null).await.expect(403);
        let shown = app.get(&path).await.expect(200);
        assert_eq!((&shown.json()["users"], &shown.json()["groups"]), (&json!(1), &json!(0)));
        let tried = app.patch(&format!("{path}?dry_run=true"), json!({"add": ["audit:read"], "remove": ["user:list"]})).await.expect(200).json();
        assert_eq!((&tried["added"], &tried["removed"], &tried["users"]), (&json!(["audit:read"]), &json!(["user:list"]), &json!(1)));
        ask(&app, &ana, get(), "/users", Value::Null).await.expect(200);
        let edited = app.patch(&path, json!({"permissions": ["audit:read"], "description": "Reads"})).await.expect(200).json();
        assert_eq!((&edited["permissions"], &edited["version"]), (&json!(["audit:read"]), &json!(2)));
        ask(&app, &ana, get(), "/users", Value::Null).await.expect(403);
        ask(&app, &ana, get(), "/audit", Value::Null).await.expect(200);
        let tried = delete(&app, &format!("{path}?dry_run=true")).await.expect(200).json();
        assert_eq!(tried["users"], 1);
        delete(&app, &path).await.expect(200);
        ask(&app, &ana, get(), "/audit", Value::Null).await.expect(403);
        app.get(&path).await.expect(404);
        let ana = app.get(&format!("/users/{}", ana.id)).await.expect(200).json();
        assert_eq!(ana["roles"], json!([]));
        assert_eq!(app.events(&role).await, ["role.created", "role.updated", "role.deleted"]);
    }

    async fn two_who_edit_a_role_do_not_undo_each_other(app: TestApp) {
        let path = format!("/roles/{}", made(&app, "Desk", &["user:list"]).await);
        let mut request = api_request(Method::PATCH, "acme", &path, &app.owner.token, &json!({"add": ["user:read"]}));
        request.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
        app.send(request).await.expect(200);
        for method in [Method::PATCH, Method::DELETE] {
            let body = if method == Method::PATCH { json!({"name": "Table"}) } else { json!({}) };
            let mut request = api_request(method, "acme", &path, &app.owner.token, &body);
            request.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
            app.send(request).await.expect(412);
        }
        let unchanged = app.patch(&path, json!({"add": ["user:read"]})).await.expect(200).json();
        assert_eq!(unchanged["version"], 2, "nothing changed, nothing counted");
    }

    async fn names_are_unlike_each_other_and_permissions_are_known(app: TestApp) {
        made(&app, "Content editor", &[]).await;
        let refused = async |body: Value| app.post("/roles", body).await;
        assert_eq!(first_code(&refused(json!({"name": " "})).await.expect(422)), "role.name_missing");
        assert_eq!(first_code(&refused(json!({"name": "help desk"})).await), "");
        for built_in in ["Helpdesk", "USER MANAGER", "01a1f78e-44c2-7000-8000-000000000000"] {
            assert_eq!(first_code(&refused(json!({"name": built_in})).await.expect(422)), "role.name_taken", "{built_in}");
        }
        assert_eq!(refused(json!({"name": "CONTENT editor"})).await.expect(409).code(), "role.name_taken");
        let unknown = refused(json!({"name": "X", "permissions": ["user:list", "user:fly", "content:edit"]})).await.expect(422);
        assert_eq!(first_code(&unknown), "permission.unknown");
        assert!(unknown.text.contains("content:edit, user:fly"), "{}", unknown.text);
        assert_eq!(unknown.json()["errors"][0]["field"], "permissions");
        let copy = refused(json!({"name": "Y", "copy_of": "emperor"})).await.expect(422);
        assert_eq!((first_code(&copy).as_str(), &copy.json()["errors"][0]["field"]), ("role.unknown", &json!("copy_of")));
    }

    async fn built_in_roles_are_as_they_are(app: TestApp) {
        for role in Role::ALL {
            let path = format!("/roles/{role}");
            assert_eq!(app.patch(&path, json!({"add": ["user:list"]})).await.expect(409).code(), "role.built_in");
            assert_eq!(delete(&app, &path).await.expect(409).code(), "role.built_in");
            app.get(&path).await.expect(200);
        }
        app.get("/roles/emperor").await.expect(404);
    }

    async fn nobody_makes_a_role_that_may_do_more_than_himself(app: TestApp) {
        let makers = ["role:read", "role:create", "role:update", "role:delete", "user:lock", "permission:manage"];
        let maker = made(&app, "Role maker", &makers).await;
        let bo = holding(&app, "Bo", &maker).await;
        let post = async |body: Value| ask(&app, &bo, Method::POST, "/roles", body).await;
        let above = |answer: Answer| assert_eq!(answer.expect(403).code(), "access.above_own");
        let fine = post(json!({"name": "Locker", "permissions": ["user:lock", "account:read"]})).await.expect(201).json();
        above(post(json!({"name": "Suspender", "permissions": ["user:suspend"]})).await);
        above(post(json!({"name": "Emperor", "copy_of": "owner"})).await);
        let strong = format!("/roles/{}", made(&app, "Strong", &["user:suspend", "user:lock"]).await);
        let patch = async |path: &str, body: Value| ask(&app, &bo, Method::PATCH, path, body).await;
        above(patch(&strong, json!({"remove": ["user:suspend"]})).await);
        above(patch(&strong, json!({"add": ["audit:read"]})).await);
        above(patch(&strong, json!({"permissions": []})).await);
        above(ask(&app, &bo, Method::DELETE, &strong, Value::Null).await);
        // What he may do himself he may take from it; and its name is only a name.
        patch(&strong, json!({"remove": ["user:lock"]})).await.expect(200);
        above(patch(&strong, json!({"name": "Weaker"})).await);
        // Not a way up through the role that he holds himself.
        above(patch(&format!("/roles/{maker}"), json!({"add": ["role:assign"]})).await);
        let own = format!("/roles/{}", fine["role"].as_str().unwrap());
        patch(&own, json!({"add": ["role:read"]})).await.expect(200);
        ask(&app, &bo, Method::DELETE, &own, Value::Null).await.expect(200);
        // An application's permission is given by those who hold it, or who may give all.
        app.call(Method::PUT, "/permissions/content:edit", &bo.token, json!({})).await.expect(200);
        above(post(json!({"name": "Editor", "permissions": ["content:edit"]})).await);
        let editor = made(&app, "Editor", &["content:edit"]).await;
        above(ask(&app, &bo, Method::DELETE, "/permissions/content:edit", Value::Null).await);
        app.patch(&format!("/roles/{editor}"), json!({"permissions": []})).await.expect(200);
        ask(&app, &bo, Method::DELETE, "/permissions/content:edit", Value::Null).await.expect(200);
    }

    async fn a_role_that_may_make_owners_makes_nobody_one(app: TestApp) {
        let admin = app.person("Ada", Role::Administrator).await;
        let body = json!({"name": "Crown", "permissions": ["owner:manage"]});
        assert_eq!(ask(&app, &admin, Method::POST, "/roles", body.clone()).await.expect(403).code(), "access.above_own");
        let crown = app.post("/roles", json!({"name": "Crown", "copy_of": "owner"})).await.expect(201).json();
        let crown = crown["role"].as_str().unwrap().to_owned();
        holding(&app, "Bo", &crown).await;
        // Bo may do everything, and still the organization has one owner, who stays.
        let take = delete(&app, &format!("/users/{}/roles/owner", app.owner.id)).await.expect(409);
        assert_eq!(take.code(), "org.last_owner");
        assert_eq!(ask(&app, &admin, Method::PATCH, &format!("/roles/{crown}"), json!({"remove": ["owner:manage"]})).await.expect(403).code(), "access.above_own");
        app.patch(&format!("/roles/{crown}"), json!({"remove": ["owner:manage"]})).await.expect(200);
    }

    async fn copies_and_comparisons(app: TestApp) {
        let made = app.post("/roles", json!({"name": "Night desk", "copy_of": "Helpdesk", "permissions": ["user:lock"]})).await.expect(201).json();
        let names: Vec<&str> = made["permissions"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert!(names.contains(&"user:unlock") && names.contains(&"user:lock") && !names.contains(&"account:read"), "{names:?}");
        let compared = app.get("/roles/compare?one=Night%20desk&other=helpdesk").await.expect(200).json();
        assert_eq!(compared["only_one"], json!(["user:lock"]));
        assert_eq!(compared["only_other"].as_array().unwrap().len(), Role::Member.permissions().iter().count());
        assert!(compared["both"].as_array().unwrap().contains(&json!("user:unlock")));
        app.get("/roles/compare?one=helpdesk&other=").await.expect(422);
        app.get("/roles/compare?third=helpdesk").await.expect(400);
    }

    async fn who_has_a_role_is_counted_and_listed_by_pages(app: TestApp) {
        let role = made(&app, "Desk", &["user:list"]).await;
        let (one, two) = (carrying(&app, "North", &role).await, carrying(&app, "South", &role).await);
        let mut expected = vec![one.to_string(), two.to_string()];
        for name in ["Ana", "Bo", "Cy"] {
            expected.push(holding(&app, name, &role).await.id.to_string());
        }
        let counts = app.get("/roles").await.expect(200).json();
        let desk = counts["items"].as_array().unwrap().iter().find(|item| item["role"] == role).unwrap().clone();
        assert_eq!((&desk["users"], &desk["groups"], &desk["label"]), (&json!(3), &json!(2), &json!("Desk")));
        let ids = |page: &Value| page["items"].as_array().unwrap().iter()
            .map(|item| item["user"].as_str().or(item["group"].as_str()).unwrap().to_owned()).collect::<Vec<_>>();
        let all = app.get(&format!("/roles/{role}/holders")).await.expect(200).json();
        assert_eq!(ids(&all), expected, "groups first, then users, in the order of their ids");
        assert_eq!((&all["items"][2]["name"], &all["items"][2]["granted_by"]), (&json!("Ana Person"), &json!(app.owner.id.to_string())));
        for limit in 1..=4 {
            let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), Vec::new());
            loop {
                let page = app.get(&format!("/roles/{role}/holders?limit={limit}&page_token={token}")).await.expect(200).json();
                pages.push(ids(&page));
                seen.extend(ids(&page));
                let Some(next) = page["next_page_token"].as_str() else {
                    // And back again, page by page.
                    let mut back = page["previous_page_token"].as_str().map(str::to_owned);
                    let mut place = seen.len() - ids(&page).len();
                    while let Some(token) = back {
                        let page = app.get(&format!("/roles/{role}/holders?limit={limit}&page_token={token}")).await.expect(200).json();
                        let shown = ids(&page);
                        assert_eq!(shown, expected[place - shown.len()..place], "back by {limit}");
                        place -= shown.len();
                        back = page["previous_page_token"].as_str().map(str::to_owned);
                    }
                    assert_eq!(place, 0, "back by {limit}");
                    break;
                };
                token = next.to_owned();
            }
            assert_eq!(seen, expected, "by {limit}: {pages:?}");
        }
        let token = app.get(&format!("/roles/{role}/holders?limit=1")).await.json()["next_page_token"].as_str().unwrap().to_owned();
        app.get(&format!("/roles/helpdesk/holders?page_token={token}")).await.expect(400);
        let deleted = delete(&app, &format!("/roles/{role}")).await.expect(200).json();
        assert_eq!((&deleted["users"], &deleted["groups"]), (&json!(3), &json!(2)));
        assert_eq!(app.count("SELECT count(*) FROM group_roles").await, 0);
    }

    async fn an_applications_permission_reaches_whoever_holds_it(app: TestApp) {
        let put = async |name: &str, description: &str| {
            app.call(Method::PUT, &format!("/permissions/{name}"), &app.owner.token, json!({"description": description})).await
        };
        for refused in ["content", "Content:edit", "content:", "content:edit:all"] {
            assert_eq!(first_code(&put(refused, "").await.expect(422)), "permission.malformed", "{refused}");
        }
        assert_eq!(first_code(&put("user:refund", "").await.expect(422)), "permission.reserved");
        put("content:edit", "Change pages").await.expect(200);
        put("content:publish", "Publish pages").await.expect(200);
        assert_eq!(put("content:edit", "Change any page").await.expect(200).json()["description"], "Change any page");
        let listed = app.get("/permissions").await.expect(200).json();
        let own: Vec<&Value> = listed["items"].as_array().unwrap().iter().filter(|item| item["built_in"] == false).collect();
        assert_eq!((own.len(), &own[0]["name"], &own[0]["description"]), (2, &json!("content:edit"), &json!("Change any page")));
        let editor = made(&app, "Editor", &["content:edit", "content:publish"]).await;
        let publisher = made(&app, "Publisher", &["content:publish", "user:list"]).await;
        let ana = holding(&app, "Ana", &editor).await;
        let shown = async |path: &str, token: &str| app.call(Method::GET, path, token, Value::Null).await.expect(200).json()["application_permissions"].clone();
        for path in ["/whoami", "/account"] {
            assert_eq!(shown(path, &ana.token).await, json!(["content:edit", "content:publish"]));
            let narrow = app.token_for(ana.id, &["account:read"]).await;
            assert_eq!(shown(path, &narrow).await, json!([]), "a token with scopes carries none");
            assert_eq!(shown(path, &app.owner.token).await, json!([]));
        }
        let tried = delete(&app, "/permissions/content:publish?dry_run=true").await.expect(200).json();
        assert_eq!(tried["roles"], json!(["Editor", "Publisher"]));
        delete(&app, "/permissions/content:publish").await.expect(200);
        assert_eq!(shown("/whoami", &ana.token).await, json!(["content:edit"]));
        assert_eq!(app.get(&format!("/roles/{publisher}")).await.json()["permissions"], json!(["user:list"]));
        assert_eq!(app.events(&publisher).await, ["role.created", "role.updated"]);
        delete(&app, "/permissions/content:publish").await.expect(404);
        let org = app.org.id.to_string();
        let defined = app.events(&org).await.into_iter().filter(|event| event.starts_with("permission.")).collect::<Vec<_>>();
        assert_eq!(defined, ["permission.defined", "permission.defined", "permission.defined", "permission.removed"]);
    }

    async fn another_organizations_roles_are_not_there(app: TestApp) {
        let (_, otto) = neighbour(&app).await;
        let at_zeta = |method, path: &'static str, body: Value| app.send(api_request(method, "zeta", path, &otto.token, &body));
        let theirs = at_zeta(Method::POST, "/roles", json!({"name": "Theirs", "permissions": ["user:list"]})).await.expect(201).json();
        let theirs = theirs["role"].as_str().unwrap().to_owned();
        at_zeta(Method::PUT, "/permissions/content:edit", json!({})).await.expect(200);
        let path = format!("/roles/{theirs}");
        app.get(&path).await.expect(404);
        app.get(&format!("{path}/holders")).await.expect(404);
        app.patch(&path, json!({"name": "Ours"})).await.expect(404);
        delete(&app, &path).await.expect(404);
        delete(&app, "/permissions/content:edit").await.expect(404);
        app.get(&format!("/roles/compare?one={theirs}&other=helpdesk")).await.expect(422);
        app.post("/roles", json!({"name": "Mine", "copy_of": theirs})).await.expect(422);
        app.post("/roles", json!({"name": "Mine", "permissions": ["content:edit"]})).await.expect(422);
        app.post(&format!("/users/{}/roles", app.owner.id), json!({"role": theirs})).await.expect(422);
        made(&app, "Theirs", &[]).await;
    }
}
