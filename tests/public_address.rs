//! Whatever address of the server the configuration accepts: links, Message-IDs and cookies that are made of it work.

use std::sync::Arc;

use ::app::{
    App, hashing,
    keys::Keys,
    mail::{Carrier, Mailbox},
    system::SystemEntropy,
};
use axum::http::header;
use model::Role;

use crate::app::{Engine, PASSWORD, TestApp, form, form_request, send, web_options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_made_of_an_accepted_address_works() {
    let app = TestApp::new(Engine::Sqlite).await;
    let ana = app.person("Ana", Role::Member).await;
    for (url, host) in [
        ("https://people.example.com", "people.example.com"),
        ("https://people.example.com:8443", "people.example.com"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://localhost:8080", "localhost"),
        ("http://192.0.2.7:81", "192.0.2.7"),
        ("http://[2001:db8::1]:8080", "muster"),
    ] {
        let hashing = hashing::Options { threads: 1, memory: 64, passes: 1, queue: 16 };
        let options = ::app::Options {
            carrier: Carrier::Mailbox(Mailbox::default()),
            ..::app::Options::new(hashing, Keys::new([7; 32]), url)
        };
        let program =
            App::new(app.app.database().clone(), app.clock.clone(), Arc::new(SystemEntropy), options);
        let router =
            web::router(web::Options { public_url: url.to_owned(), ..web_options() }, program.clone());

        program.send_reset_link(&app.operator(), &app.org, ana.id, None).await.unwrap();
        while program.send_due().await.unwrap() > 0 {}
        let letter = program.carrier().mailbox().unwrap().letters().remove(0);
        assert!(letter.text.contains(&format!("{url}/o/acme/reset-password/")), "{url}: {}", letter.text);
        assert!(letter.html.contains(&format!("\"{url}/o/acme/reset-password/")), "{url}: {}", letter.html);
        assert_eq!(letter.message_id.split_once('@').unwrap().1, host, "{url}");

        let typed = form(&[("identifier", &ana.email), ("password", PASSWORD)]);
        let answer = send(&router, form_request("/o/acme/sign-in", "", &typed)).await.expect(303);
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let (cookie, https) = (cookie.to_str().unwrap(), url.starts_with("https://"));
            assert_eq!(cookie.starts_with("__Host-muster-"), https, "{url}: {cookie}");
            assert_eq!(cookie.contains("; Secure"), https, "{url}: {cookie}");
            assert!(cookie.contains("; Path=/;") && !cookie.contains("Domain="), "{url}: {cookie}");
        }
        app.later(std::time::Duration::from_secs(3600));
    }
}
