//! Times on the terminal: by the clocks of the organization, or of `TZ`, and each says which. JSON has UTC.

use model::{Timestamp, Zone};
use store::testing::sqlite_connection;

use crate::support::Place;

fn on_tokyo_time(place: &Place, arguments: &[&str]) -> String {
    let output = place.command(arguments).env("TZ", "Asia/Tokyo").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn times_are_told_by_the_clocks_of_the_organization_or_of_tz() {
    let place = Place::with_org();
    let show = ["user", "show", "ana"];
    place.ok(&["user", "create", "--email", "ana@acme.example", "--given-name", "Ana"]);
    let created = place.json(&show)["created_at"].clone();
    let at = Timestamp::parse(created.as_str().unwrap()).unwrap();
    let told = |zone: &str| {
        let zone = Zone::named(zone).unwrap();
        format!("{} {}", zone.local(at).strftime("%Y-%m-%d %H:%M"), zone.abbreviation(at))
    };
    assert!(place.ok(&show).contains(&told("UTC")), "{}", place.ok(&show));
    let driver = sqlite_connection(&place.directory.join("muster-data/muster.db"));
    let zone = r#"UPDATE orgs SET settings = '{"region":{"time_zone":"America/New_York"}}'"#;
    driver.execute_batch(zone).unwrap();
    drop(driver);
    assert!(place.ok(&show).contains(&told("America/New_York")), "{}", place.ok(&show));
    // The same through a server.
    let server = place.serve(&[]);
    assert!(place.ok(&show).contains(&told("America/New_York")), "{}", place.ok(&show));
    assert!(on_tokyo_time(&place, &show).contains(&told("Asia/Tokyo")));
    let log = on_tokyo_time(&place, &["audit", "list", "--since", "2026-01-01"]);
    assert!(log.contains(" JST") && !log.contains(" UTC"), "{log}");
    assert_eq!(place.json(&show)["created_at"], created);
    drop(server);
}

/// A day is read where the organization is, also in what is asked.
#[test]
fn days_are_read_where_the_organization_is() {
    let place = Place::with_org();
    let entries = |since: &str, until: &str| {
        let found = place.json(&["audit", "list", "--since", since, "--until", until]);
        found["items"].as_array().unwrap().len()
    };
    let newest = place.json(&["audit", "list"])["items"][0]["at"].as_str().unwrap().to_owned();
    let at = Timestamp::parse(&newest).unwrap();
    for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let driver = sqlite_connection(&place.directory.join("muster-data/muster.db"));
        let settings = format!("{{\"region\":{{\"time_zone\":\"{zone}\"}}}}");
        driver.execute_batch(&format!("UPDATE orgs SET settings = '{settings}'")).unwrap();
        drop(driver);
        let day = Zone::named(zone).unwrap().local(at).date();
        let (today, tomorrow) = (day.to_string(), day.tomorrow().unwrap().to_string());
        let yesterday = day.yesterday().unwrap().to_string();
        assert!(entries(&today, &today) > 0, "{zone}");
        assert_eq!((entries(&tomorrow, &tomorrow), entries(&yesterday, &yesterday)), (0, 0), "{zone}");
        place.json(&["session", "list", "--active-since", &today]);
    }
}
