//! A user's whole life on the command line, on both engines, with the database opened by each command itself.

use crate::support::Place;

fn ana(place: &Place) {
    let names = ["--given-name", "Ana", "--family-name", "Müller", "--email", "ana@acme.example"];
    place.ok(&[&["user", "create"], &names[..]].concat());
}

#[test]
fn a_whole_life() {
    for place in Place::with_orgs() {
        ana(&place);
        place.ok(&["user", "set-password", "ana.muller"]);
        let steps: &[(&[&str], &str)] = &[
            (
                &["suspend", "ana@acme.example", "--reason", "on_leave", "--note", "Back in spring"],
                "suspended",
            ),
            (&["reactivate", "ana.muller"], "active"),
            (&["lock", "ana.muller", "--note", "Lost laptop"], "locked"),
            (&["unlock", "ana.muller"], "active"),
            (&["deprovision", "ana.muller", "--reason", "left"], "deprovisioned"),
            (&["delete", "ana.muller", "--confirm", "ana@acme.example"], "deleted"),
            (&["restore", "ana.muller"], "deprovisioned"),
            (&["delete", "ana.muller", "--confirm", "ANA@acme.example"], "deleted"),
        ];
        for (step, status) in steps {
            let user = place.json(&[&["user"], *step].concat());
            assert_eq!(user["status"], *status, "{step:?}");
        }
        place.ok(&["user", "purge", "ana.muller", "--confirm", "ana@acme.example"]);
        assert_eq!(place.refused(3, &["user", "show", "ana@acme.example"])["code"], "user.unknown");
    }
}

/// The organization's zone is UTC until it says otherwise.
#[test]
fn an_end_given_as_a_date_includes_its_day() {
    for place in Place::with_orgs() {
        ana(&place);
        let edit =
            ["user", "edit", "ana.muller", "--valid-until", "2030-12-31", "--valid-from", "2026-01-02"];
        let user = place.json(&edit);
        assert_eq!(user["valid_until"], "2031-01-01T00:00:00Z");
        assert_eq!(user["valid_from"], "2026-01-02T00:00:00Z");
        let role = place.json(&["user", "grant", "ana.muller", "auditor", "--until", "2030-12-31"]);
        assert_eq!(role["roles"][0]["valid_until"], "2031-01-01T00:00:00Z", "{role}");
        let moment = place.json(&["user", "edit", "ana.muller", "--valid-until", "2030-12-31T18:00:00Z"]);
        assert_eq!(moment["valid_until"], "2030-12-31T18:00:00Z");
    }
}

#[test]
fn what_is_not_possible_says_what_is() {
    for place in Place::with_orgs() {
        ana(&place);
        let problem = place.refused(4, &["user", "suspend", "ana.muller"]);
        assert_eq!(problem["code"], "user.not_possible");
        assert!(problem["possible"].as_array().unwrap().iter().any(|action| action == "delete"));
        let problem = place.refused(2, &["user", "delete", "ana.muller"]);
        assert_eq!(problem["code"], "user.not_confirmed");
        let problem = place.refused(2, &["user", "delete", "ana.muller", "--confirm", "bo@acme.example"]);
        assert_eq!(problem["errors"][0]["field"], "confirm");
        let run = place.run(&["user", "show", "nobody"]);
        assert_eq!((run.code, run.out.as_str()), (3, ""));
        assert!(run.err.starts_with("muster: There is no user nobody in acme."), "{}", run.err);
    }
}

#[test]
fn creating_says_which_fields_are_wrong() {
    for place in Place::with_orgs() {
        let problem = place.refused(2, &["user", "create", "--email", "nonsense", "--phone", "x"]);
        let mut fields: Vec<&str> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        fields.sort_unstable();
        assert_eq!(fields, ["email", "given_name", "phone"]);
        ana(&place);
        let taken = ["user", "create", "--display-name", "Other", "--email", "Ana@Acme.example"];
        assert_eq!(place.refused(4, &taken)["errors"][0]["code"], "email.taken");
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    for place in Place::with_orgs() {
        let create =
            ["user", "create", "--email", "bo@acme.example", "--display-name", "Bo", "--generate-password"];
        let out = place.ok(&[&create[..], &["--dry-run"]].concat());
        assert!(out.contains("would be created") && out.contains("Nothing was changed"), "{out}");
        assert_eq!(place.refused(3, &["user", "show", "bo"])["code"], "user.unknown");
        place.ok(&create);
        place.ok(&["user", "suspend", "bo", "--dry-run"]);
        assert_eq!(place.json(&["user", "show", "bo"])["status"], "active");
    }
}

#[test]
fn passwords_are_made_or_read_never_given_as_arguments() {
    for place in Place::with_orgs() {
        let create =
            ["user", "create", "--email", "bo@acme.example", "--display-name", "Bo", "--generate-password"];
        let made = place.json(&create);
        assert_eq!(made["password"].as_str().unwrap().len(), 19);
        assert_eq!(made["user"]["password"]["must_change"], true);
        let set = ["user", "set-password", "bo", "--password-file", "-", "--json"];
        assert_eq!(place.run_with_input(&set, "short\n").code, 2);
        let run = place.run_with_input(&set, "a rather long sentence\n");
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(!run.out.contains("rather long"));
    }
}

/// The command line refuses what the API refuses, with the same codes, and says nothing of the password.
#[test]
fn a_password_is_judged_as_everywhere() {
    for place in Place::with_orgs() {
        place.ok(&[
            "user",
            "create",
            "--email",
            "bo@acme.example",
            "--display-name",
            "Bo",
            "--generate-password",
        ]);
        let set = ["user", "set-password", "bo", "--password-file", "-", "--json"];
        for (password, code) in [
            ("short", "password.too_short"),
            ("4dm1n1str4t0r", "password.common"),
            ("zqzqzqzqzqzqzqzq", "password.guessable"),
            ("bo@acme.example", "password.guessable"),
        ] {
            let run = place.run_with_input(&set, &format!("{password}\n"));
            assert_eq!(run.code, 2, "{password}");
            assert!(run.err.contains(code), "{password}: {}", run.err);
            assert!(!run.err.contains("zqzqzq") && !run.out.contains("zqzqzq"), "{}", run.err);
        }
        let leaked = place.file("breached.txt", "copper-meadow-violin\n");
        let mut command =
            place.command(&["user", "set-password", "bo", "--password-file", &leaked, "--json"]);
        let output = command.env("MUSTER_PASSWORDS__BREACH_FILE", &leaked).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains("password.breached"), "{error}");
    }
}

#[test]
fn a_change_of_password_is_required() {
    for place in Place::with_orgs() {
        place.ok(&["user", "create", "--email", "bo@acme.example", "--display-name", "Bo"]);
        assert_eq!(place.refused(4, &["user", "require-password-change", "bo"])["code"], "user.no_password");
        place.run_with_input(
            &["user", "set-password", "bo", "--password-file", "-"],
            "a rather long sentence\n",
        );
        let out = place.ok(&["user", "require-password-change", "bo"]);
        assert!(out.contains("was asked for another password"), "{out}");
        assert_eq!(place.json(&["user", "show", "bo"])["password"]["must_change"], true);
    }
}

#[test]
fn editing_changes_what_is_named_and_clears_what_is_empty() {
    for place in Place::with_orgs() {
        ana(&place);
        let boss = ["user", "create", "--email", "bo@acme.example", "--display-name", "Bo"];
        let boss = place.json(&boss)["user"]["id"].as_str().unwrap().to_owned();
        let edit = [
            "user",
            "edit",
            "ana.muller",
            "--title",
            "Head of Finance",
            "--manager",
            "bo",
            "--tag",
            "remote,union",
            "--set",
            r#"{"address":{"city":"Lyon"}}"#,
        ];
        let user = place.json(&edit);
        assert_eq!(user["title"], "Head of Finance");
        assert_eq!(user["manager"].as_str().unwrap(), boss);
        assert_eq!(user["address"]["city"], "Lyon");
        assert_eq!(user["tags"].as_array().unwrap().len(), 2);
        let user = place.json(&["user", "edit", "ana.muller", "--title", "", "--manager", ""]);
        assert!(user.get("title").is_none() && user.get("manager").is_none());
        let stale = ["user", "edit", "ana.muller", "--title", "x", "--if-version", "1"];
        assert_eq!(place.refused(4, &stale)["kind"], "stale");
        assert_eq!(place.run(&["user", "edit", "ana.muller"]).code, 2);
    }
}

#[test]
fn the_list_finds_sorts_and_pages() {
    for place in Place::with_orgs() {
        ana(&place);
        for name in ["Bo", "Cy", "Di"] {
            let email = format!("{}@acme.example", name.to_lowercase());
            place.ok(&["user", "create", "--email", &email, "--display-name", name]);
        }
        let names = |arguments: &[&str]| -> Vec<String> {
            let found = place.json(&[&["user", "list"], arguments].concat());
            let name = |user: &serde_json::Value| user["display_name"].as_str().unwrap().to_owned();
            found["items"].as_array().unwrap().iter().map(name).collect()
        };
        assert_eq!(names(&["--search", "ulle"]), ["Ana Müller"]);
        assert_eq!(names(&["--sort", "-name", "--limit", "2"]), ["Di", "Cy"]);
        assert_eq!(names(&["--all"]).len(), 4);
        assert_eq!(names(&["--status", "suspended"]).len(), 0);
        place.ok(&["user", "grant", "bo", "helpdesk"]);
        assert_eq!(names(&["--role", "helpdesk"]), ["Bo"]);
        place.ok(&["user", "revoke", "bo", "helpdesk"]);
        assert_eq!(names(&["--role", "helpdesk"]).len(), 0);
        assert_eq!(
            place.refused(2, &["user", "list", "--sort", "colour"])["errors"][0]["code"],
            "list.unknown_sort"
        );
        assert_eq!(
            place.refused(2, &["user", "list", "--status", "tired"])["errors"][0]["code"],
            "list.unknown_status"
        );
        let run = place.run(&["user", "list", "--limit", "1"]);
        let expected = "NAME        USERNAME    EMAIL             STATUS    ROLES   LAST SIGN-IN
\
                        Ana Müller  ana.muller  ana@acme.example  Inactive  Member  -
";
        assert_eq!(run.out, expected);
        assert!(run.err.contains("there are more"), "{}", run.err);
    }
}

#[test]
fn organizations_are_told_apart() {
    let place = Place::new();
    assert_eq!(place.refused(3, &["user", "list"])["code"], "database.none");
    place.ok(&["org", "create", "Acme", "--slug", "acme", "--dry-run"]);
    assert_eq!(place.json(&["org", "list"])["items"].as_array().unwrap().len(), 0);
    place.ok(&["org", "create", "Acme", "--slug", "acme"]);
    place.ok(&["org", "create", "Beta", "--slug", "beta"]);
    assert_eq!(place.refused(4, &["org", "create", "Again", "--slug", "acme"])["code"], "slug.taken");
    assert_eq!(place.refused(2, &["user", "list"])["code"], "org.ambiguous");
    place.ok(&["user", "--org", "beta", "create", "--email", "bo@b.example", "--display-name", "Bo"]);
    assert_eq!(place.refused(3, &["user", "show", "bo", "--org", "acme"])["code"], "user.unknown");
    place.ok(&["org", "rename", "beta-group", "--org", "beta"]);
    // The old address leads there still.
    assert_eq!(place.json(&["user", "show", "bo", "--org", "beta"])["username"], "bo");
    assert_eq!(place.refused(3, &["user", "list", "--org", "gamma"])["code"], "org.unknown");
}

#[test]
fn a_closed_pipe_is_no_error() {
    for place in Place::with_orgs() {
        ana(&place);
        let mut child =
            place.command(&["user", "list"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

/// Brings somebody into a state that no command leads to.
fn wait_for_approval(place: &Place, id: &str) {
    let (url, id) = (place.database_url(), id.parse::<model::UserId>().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async move {
        let database = store::Database::open(&store::Options::new(url)).await.unwrap();
        let sql = "UPDATE users SET state = 'pending', \
                   state_data = '{\"state\":\"pending\",\"awaits\":[\"approval\"]}' WHERE id = $1";
        let work = async move |connection: &mut store::Connection<'_>| {
            Ok(store::Attempt::Commit(connection.execute(sql, &[store::Value::from(id)]).await?))
        };
        let nothing = model::EntryId(uuid::Uuid::from_u128(7));
        let proof = store::Proof { org: model::OrgId(uuid::Uuid::nil()), entry: nothing };
        let changed = database.transaction(proof, store::Lane::Interactive, work, |_, _| ()).await.unwrap();
        assert_eq!(changed, 1);
        database.close().await;
    });
}

/// The command of every step that `user show` calls possible; `who` is an invited user's, too.
fn command_of(action: &str, who: &str) -> Vec<String> {
    let line = match action {
        "invite" => format!("invitation resend {who}"),
        "cancel_invitation" => format!("invitation cancel {who}"),
        "settle" => format!("user approve {who}"),
        "delete" | "purge" => format!("user {action} {who} --confirm ana@acme.example"),
        other => format!("user {other} {who}"),
    };
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn what_is_possible_is_a_command() {
    for place in Place::with_orgs() {
        ana(&place);
        let id = place.json(&["user", "show", "ana.muller"])["id"].as_str().unwrap().to_owned();
        let steps: [&[&str]; 7] = [
            &["user", "show", "ana.muller"],
            &["invitation", "resend", "ana.muller"],
            &["user", "set-password", "ana.muller"],
            &["user", "lock", "ana.muller"],
            &["user", "suspend", "ana.muller"],
            &["user", "deprovision", "ana.muller"],
            &["user", "delete", "ana.muller", "--confirm", "ana@acme.example"],
        ];
        let check = || {
            let shown = place.json(&["user", "show", "ana.muller"]);
            let text = place.ok(&["user", "show", "ana.muller"]);
            let listed = text.lines().find_map(|line| line.strip_prefix("Possible next")).unwrap().to_owned();
            for action in shown["possible"].as_array().unwrap() {
                let mut command = command_of(action.as_str().unwrap(), "ana.muller");
                let words = command[..2].join(" ");
                let named = words.strip_prefix("user ").unwrap_or(&words);
                assert!(listed.split(',').any(|part| part.trim() == named), "{named}: {listed}");
                command.push("--dry-run".to_owned());
                place.ok(&command.iter().map(String::as_str).collect::<Vec<_>>());
            }
        };
        for step in steps {
            place.ok(step);
            check();
        }
        place.ok(&["user", "restore", "ana.muller"]);
        wait_for_approval(&place, &id);
        check();
        assert_eq!(place.json(&["user", "approve", "ana.muller"])["state"], "active");
        wait_for_approval(&place, &id);
        assert_eq!(place.json(&["user", "reject", "ana.muller"])["status"], "deleted");
    }
}

#[test]
fn all_tokens_of_a_user_are_revoked_together() {
    for place in Place::with_orgs() {
        ana(&place);
        place.ok(&["user", "set-password", "ana.muller"]);
        for name in ["one", "two"] {
            place.ok(&["token", "create", "ana.muller", "--name", name, "--scope", "*"]);
        }
        let revoke = ["token", "revoke", "--user", "ana@acme.example"];
        let would = place.ok(&[&revoke[..], &["--dry-run"]].concat());
        assert!(would.contains("Would revoke 2 tokens"), "{would}");
        assert_eq!(place.json(&revoke)["tokens"], 2);
        assert!(place.ok(&revoke).contains("There is no token to revoke."));
        assert_ne!(place.run(&["token", "revoke"]).code, 0);
    }
}
