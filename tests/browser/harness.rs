//! The harness tried on pages of its own: were it blind to a defect, every journey would be.

use crate::browser::{Browser, Look};
use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

const PAGE: &str = r#"<!doctype html>
<html lang="en"><head><title>People</title><link rel="stylesheet" href="/page.css"><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"></head>
<body><main><h1>People</h1>
<form action="/">
  <label>Name <input name="name"></label>
  <label for="email">Email (optional)</label><input id="email" name="email" type="email">
  <label>Starts <input name="starts" type="date"></label>
  <label>Reason <select name="reason"><option value="l">On leave</option><option value="r">Left us</option></select></label>
  <button>Save</button>
</form>
<ul><li>Ana Müller</li><li>李小龙</li><li hidden>nobody</li></ul>
<button id="open" type="button">Delete…</button>
<dialog><h2>Delete?</h2><form method="dialog"><button autofocus>Delete</button><button>Save</button></form></dialog>
<p id="said" role="status"></p></main><script src="/page.js"></script></body></html>"#;

const STYLE: &str =
    ":root { color-scheme: light dark; background: light-dark(white, black); font-size: 18px }
    button, input, select { min-height: 28px; margin: 8px }";

const SCRIPT: &str = "const said = document.getElementById('said');
    const look = () => `${matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'} ${innerWidth}`;
    said.textContent = look(); addEventListener('resize', () => { said.textContent = look(); });
    addEventListener('keydown', e => { if (e.ctrlKey && e.key === 'k') { e.preventDefault(); said.textContent = 'palette'; } });
    const dialog = document.querySelector('dialog');
    document.getElementById('open').onclick = () => setTimeout(() => dialog.showModal(), 300);
    dialog.onclose = () => { said.textContent = 'closed'; };";

/// Answers as strictly as the console does: only its own files, no inline script.
async fn serve() -> String {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; form-action 'self'";
    let page = move |body: &'static str| async move {
        ([("content-security-policy", policy), ("set-cookie", "seen=yes; Path=/; HttpOnly")], Html(body))
    };
    let file = |kind: &'static str, text: &'static str| async move {
        ([("content-type", kind)], text).into_response()
    };
    let routes = Router::new()
        .route("/", get(move || page(PAGE)))
        .route("/bad", get(move || page(BAD)))
        .route("/page.css", get(move || file("text/css", STYLE)))
        .route("/page.js", get(move || file("text/javascript", SCRIPT)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

/// An inline script, a picture without words and text that can hardly be read.
const BAD: &str = r#"<!doctype html><html lang="en"><head><title>Bad</title><link rel="icon" href="data:,"></head>
<body><main><h1>Bad</h1><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><script>alert(1)</script></main></body></html>"#;

#[tokio::test]
async fn a_person_can_use_a_page() {
    let server = serve().await;
    let browser = Browser::start(Look::DESK).await;
    browser.goto(&server).await;
    assert_eq!(browser.text("h1").await, "People");
    assert_eq!(browser.texts("li").await, ["Ana Müller", "李小龙"]);

    browser.fill("Name", "Zoë").await;
    assert_eq!(browser.value("Name").await, "Zoë");
    browser.fill("Name", "Ana").await;
    browser.fill("Email", "ana@example.org").await;
    browser.fill("Starts", "2027-01-31").await;
    browser.select("Reason", "Left us").await;
    browser.click_text("Save").await;
    browser.wait_for_path("/?name=Ana&email=ana%40example.org&starts=2027-01-31&reason=r").await;

    browser.press("Control+k").await;
    browser.wait_for_text("palette").await;
    browser.press("Tab").await;
    assert_eq!(browser.focused().await, "Name");

    // The dialog opens a moment later; from then on only what is in it counts.
    browser.click("#open").await;
    browser.wait_for_text("Delete?").await;
    browser.click_text("Save").await;
    browser.wait_for_text("closed").await;
    browser.wait_for_no_text("Delete?").await;

    assert_eq!(browser.cookies().await[0].name(), "seen");
    browser.forget_cookies().await;
    assert!(browser.cookies().await.is_empty());
    browser.finish().await;
}

#[tokio::test]
async fn a_page_is_shown_in_every_look() {
    let server = serve().await;
    let browser = Browser::start(Look { dark: true, width: 800, height: 600 }).await;
    browser.goto(&server).await;
    assert_eq!(browser.text("#said").await, "dark 800");
    for (_, look) in Look::ALL {
        browser.set_look(look).await;
        browser.goto("/").await;
        let scheme = if look.dark { "dark" } else { "light" };
        assert_eq!(browser.text("#said").await, format!("{scheme} {}", look.width));
    }
    browser.check_page("harness").await;
    browser.finish().await;
}

#[tokio::test]
async fn a_page_can_be_used_without_scripts() {
    let server = serve().await;
    let browser = Browser::start(Look::DESK).await;
    browser.set_scripts(false).await;
    browser.goto(&server).await;
    assert_eq!(browser.text("#said").await, "");
    browser.fill("Name", "Ana").await;
    browser.click_text("Save").await;
    browser.wait_for_path("/?name=Ana&email=&starts=&reason=l").await;
    browser.set_scripts(true).await;
    browser.goto("/").await;
    browser.wait_for_text("light 1440").await;
    browser.finish().await;
}

#[tokio::test]
async fn axe_core_finds_what_excludes_people() {
    let server = serve().await;
    let browser = Browser::start(Look::DESK).await;
    browser.expect_in_console("Content Security Policy");
    browser.goto(&format!("{server}/bad")).await;
    let found = browser.axe().await;
    assert_eq!(found.iter().map(|violation| violation.id.as_str()).collect::<Vec<_>>(), ["image-alt"]);
    browser.finish().await;
}

#[tokio::test]
#[should_panic(expected = "Content Security Policy")]
async fn a_breach_of_the_security_policy_fails_the_journey() {
    let server = serve().await;
    let browser = Browser::start(Look::DESK).await;
    browser.goto(&format!("{server}/bad")).await;
    browser.finish().await;
}

#[tokio::test]
#[should_panic(expected = "404")]
async fn a_failed_request_fails_the_journey() {
    let server = serve().await;
    let browser = Browser::start(Look::DESK).await;
    browser.goto(&format!("{server}/nothing.here")).await;
    browser.finish().await;
}

#[tokio::test]
#[should_panic(expected = "ends with `finish`")]
async fn a_journey_that_is_not_judged_fails() {
    drop(Browser::start(Look::DESK).await);
}
