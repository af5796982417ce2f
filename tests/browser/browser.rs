//! A browser as the person before it has it: go somewhere, click and fill what is visible, read, look. Every step
//! waits, up to a limit, for what it needs; a step that can't be done ends the test with a picture of the page. The
//! protocol and the process behind it are `driver.rs`.

use crate::{axe, driver};
use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::cookies::Cookie;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use url::Url;

/// How long a step waits for the page; generous, since only a failing test spends it.
const PATIENCE: Duration = Duration::from_secs(15);

/// How a page is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) dark: bool,
    /// CSS pixels. Below 600 the browser presents itself as a phone.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Look {
    /// A desk, in light: how most journeys are made and all pictures of the guide are taken.
    pub(crate) const DESK: Self = Self { dark: false, width: 1440, height: 900 };

    /// Every look a page must be good in, with a name for pictures.
    pub(crate) const ALL: [(&str, Self); 4] = [
        ("light", Self::DESK),
        ("dark", Self { dark: true, ..Self::DESK }),
        ("phone-light", Self { dark: false, width: 390, height: 844 }),
        ("phone-dark", Self { dark: true, width: 390, height: 844 }),
    ];
}

/// Something the console said.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ConsoleMessage {
    /// `SEVERE`, `WARNING`, `INFO` or `DEBUG`.
    pub(crate) level: String,
    /// Address, position and text.
    pub(crate) message: String,
}

impl ConsoleMessage {
    /// Errors, failed requests and every word about the content security policy.
    fn is_defect(&self) -> bool {
        self.level == "SEVERE" || self.message.contains("Content Security Policy")
    }
}

/// One browser with a profile of its own. End with [`Browser::finish`], which judges the console.
pub(crate) struct Browser {
    client: Client,
    console: Mutex<Console>,
    finished: bool,
}

#[derive(Default)]
struct Console {
    heard: Vec<ConsoleMessage>,
    expected: Vec<String>,
}

impl Browser {
    /// Opens a browser with an empty profile.
    pub(crate) async fn start(look: Look) -> Self {
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(driver::capabilities())
            .connect(&driver::address())
            .await
            .expect("chromium starts; `scripts/install-test-tools` installs it");
        let browser = Self { client, console: Mutex::default(), finished: false };
        browser.set_look(look).await;
        browser
    }

    /// Changes how pages are shown, from the page on view onwards. Motion is always reduced, so that no picture and
    /// no contrast is taken half-way through a transition.
    pub(crate) async fn set_look(&self, look: Look) {
        let scheme = if look.dark { "dark" } else { "light" };
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]});
        let Look { width, height, .. } = look;
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setEmulatedMedia", media).await;
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// Shows no scrollbars from now on, for pictures.
    pub(crate) async fn hide_scrollbars(&self) {
        self.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await;
    }

    /// Turns the page's own scripts on or off, from the next page onwards.
    pub(crate) async fn set_scripts(&self, on: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// Opens an address, or a path on the server on view.
    pub(crate) async fn goto(&self, address: &str) {
        let here = self.address().await;
        let address = here.join(address).or_else(|_| Url::parse(address)).expect("an address or a path");
        if let Err(error) = self.client.goto(address.as_str()).await {
            self.fail(&format!("{address} can't be opened: {error}")).await;
        }
    }

    /// Goes back to the page of before.
    pub(crate) async fn back(&self) {
        self.client.back().await.expect("the browser goes back");
    }

    /// The path and query on view.
    pub(crate) async fn path(&self) -> String {
        let address = self.address().await;
        address.query().map_or(address.path().to_owned(), |query| format!("{}?{query}", address.path()))
    }

    /// Waits until the path and query on view are these.
    pub(crate) async fn wait_for_path(&self, path: &str) {
        let arrived = async || Ok((self.path().await == path).then_some(()));
        self.until(&format!("the address becomes {path}"), arrived).await;
    }

    async fn address(&self) -> Url {
        self.client.current_url().await.expect("the browser answers")
    }
}

/// Acting.
impl Browser {
    /// Clicks the first element that a CSS selector finds.
    pub(crate) async fn click(&self, css: &str) {
        let click = async || Ok(Some(self.client.find(Locator::Css(css)).await?.click().await?));
        self.until(&format!("click {css}"), click).await;
    }

    /// Clicks where an element is, whatever lies above it there.
    pub(crate) async fn point_at(&self, css: &str) {
        let middle = "const at = document.querySelector(arguments[0])?.getBoundingClientRect();
            return at ? [at.x + at.width / 2, at.y + at.height / 2] : null;";
        let point = async || {
            let found = self.client.execute(middle, vec![json!(css)]).await?;
            let Ok((x, y)) = serde_json::from_value::<(f64, f64)>(found) else { return Ok(None) };
            let pointer = MouseActions::new("mouse".into())
                .then(PointerAction::MoveTo { duration: None, x, y })
                .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
                .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
            Ok(Some(self.client.perform_actions(pointer).await?))
        };
        self.until(&format!("point at {css}"), point).await;
    }

    /// Runs a script in the page and answers what it returns, for what no hand can do.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.expect("the script runs")
    }

    /// Clicks the button, link, menu item or tab with this name. While a dialog is open, the one in the dialog.
    pub(crate) async fn click_text(&self, name: &str) {
        let click = async || match self.find("action", name).await? {
            Some(action) => Ok(Some(action.click().await?)),
            None => Ok(None),
        };
        self.until(&format!("click \"{name}\""), click).await;
    }

    /// Replaces what stands in the field with this label.
    pub(crate) async fn fill(&self, label: &str, value: &str) {
        let fill = async || match self.find("field", label).await? {
            Some(field) => Ok(Some(self.type_into(&field, value).await?)),
            None => Ok(None),
        };
        self.until(&format!("fill \"{label}\""), fill).await;
    }

    async fn type_into(&self, field: &Element, value: &str) -> Result<(), CmdError> {
        let kind = field.prop("type").await?.unwrap_or_default();
        if ["date", "time", "datetime-local", "month", "week"].contains(&kind.as_str()) {
            // How these are typed depends on the language of the browser.
            let script = "const [field, value] = arguments; field.value = value;
                for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));";
            self.client.execute(script, vec![json!(field), json!(value)]).await?;
            return Ok(());
        }
        field.clear().await?;
        field.send_keys(value).await
    }

    /// Chooses an option, by its words, in the list with this label.
    pub(crate) async fn select(&self, label: &str, option: &str) {
        let script = "const [list, wanted] = arguments;
            return Array.from(list.options).find(option => option.label.trim() === wanted) ?? null;";
        let select = async || {
            let Some(list) = self.find("field", label).await? else { return Ok(None) };
            let found = self.client.execute(script, vec![json!(list), json!(option)]).await?;
            match self.element(&found) {
                Some(option) => Ok(Some(option.click().await?)),
                None => Ok(None),
            }
        };
        self.until(&format!("select \"{option}\" in \"{label}\""), select).await;
    }

    /// Ticks or unticks the box, or chooses the button of several, with this label.
    pub(crate) async fn tick(&self, label: &str) {
        let tick = async || match self.find("field", label).await? {
            Some(field) => Ok(Some(field.click().await?)),
            None => Ok(None),
        };
        self.until(&format!("tick \"{label}\""), tick).await;
    }

    /// Types letters, wherever the focus is.
    pub(crate) async fn type_text(&self, text: &str) {
        for letter in text.chars() {
            self.press(&letter.to_string()).await;
        }
    }

    /// Presses a key, with others held: `j`, `/`, `Escape`, `Control+k`, `Shift+Tab`. Goes wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        // A lone `+` is the key of that name.
        let parts: Vec<&str> = if keys == "+" { vec![keys] } else { keys.split('+').collect() };
        let pressed: Vec<char> = parts.into_iter().map(key).collect();
        let down = pressed.iter().map(|&value| KeyAction::Down { value });
        let up = pressed.iter().rev().map(|&value| KeyAction::Up { value });
        let actions = down.chain(up).fold(KeyActions::new("keyboard".into()), KeyActions::then);
        self.client.perform_actions(actions).await.expect("the browser takes keys");
    }
}

/// Reading.
impl Browser {
    /// The visible text of the first element that a CSS selector finds.
    pub(crate) async fn text(&self, css: &str) -> String {
        let read = async || Ok(Some(self.client.find(Locator::Css(css)).await?.text().await?));
        self.until(&format!("read {css}"), read).await
    }

    /// The visible texts of all elements that a CSS selector finds now; none is an answer too.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        let script = "return Array.from(document.querySelectorAll(arguments[0]))
            .filter(element => element.checkVisibility({ visibilityProperty: true }))
            .map(element => element.innerText.trim());";
        let read = async || Ok(Some(self.client.execute(script, vec![json!(css)]).await?));
        let found = self.until(&format!("read all {css}"), read).await;
        serde_json::from_value(found).expect("a list of texts")
    }

    /// What stands in the field with this label.
    pub(crate) async fn value(&self, label: &str) -> String {
        let read = async || match self.find("field", label).await? {
            Some(field) => Ok(Some(field.prop("value").await?.unwrap_or_default())),
            None => Ok(None),
        };
        self.until(&format!("read the field \"{label}\""), read).await
    }

    /// The name, as an assistive program reads it out, of the element that has the focus.
    pub(crate) async fn focused(&self) -> String {
        let script = "const at = document.activeElement; if (at === document.body) return '';
            const read = at.cloneNode(true);
            for (const unread of read.querySelectorAll('[aria-hidden=true]')) unread.remove();
            return at.getAttribute('aria-label') ?? at.labels?.[0]?.innerText.trim() ?? read.textContent.trim();";
        let read = async || Ok(Some(self.client.execute(script, vec![]).await?));
        let name = self.until("read what has the focus", read).await;
        name.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the element with the focus has this name, or one that begins with it.
    pub(crate) async fn wait_for_focus(&self, name: &str) {
        let there = async || Ok(self.focused().await.starts_with(name).then_some(()));
        self.until(&format!("the focus is on \"{name}\""), there).await;
    }

    /// Waits until nothing in particular has the focus: keys then belong to the page.
    pub(crate) async fn wait_for_no_focus(&self) {
        let free = async || Ok(self.focused().await.is_empty().then_some(()));
        self.until("nothing has the focus", free).await;
    }

    /// Whether the box with this label is ticked.
    pub(crate) async fn is_ticked(&self, label: &str) -> bool {
        let read = async || match self.find("field", label).await? {
            Some(field) => Ok(Some(field.is_selected().await?)),
            None => Ok(None),
        };
        self.until(&format!("read the box \"{label}\""), read).await
    }

    /// Waits until a CSS selector finds something visible.
    pub(crate) async fn wait_for_css(&self, css: &str) {
        let there = async || Ok((!self.texts(css).await.is_empty()).then_some(()));
        self.until(&format!("there is {css}"), there).await;
    }

    /// Waits until the page shows this text. Letter case is as shown: a style may have changed it.
    pub(crate) async fn wait_for_text(&self, text: &str) {
        let shown = async || Ok(self.shown().await?.contains(text).then_some(()));
        self.until(&format!("\"{text}\" is shown"), shown).await;
    }

    /// Waits until the page no longer shows this text.
    pub(crate) async fn wait_for_no_text(&self, text: &str) {
        let gone = async || Ok((!self.shown().await?.contains(text)).then_some(()));
        self.until(&format!("\"{text}\" is no longer shown"), gone).await;
    }

    /// The cookies of the page on view.
    pub(crate) async fn cookies(&self) -> Vec<Cookie<'static>> {
        self.client.get_all_cookies().await.expect("the browser tells its cookies")
    }

    /// Forgets all cookies of the page on view, as if they had run out.
    pub(crate) async fn forget_cookies(&self) {
        self.client.delete_all_cookies().await.expect("the browser forgets its cookies");
    }

    async fn shown(&self) -> Result<String, CmdError> {
        let text = self.client.execute("return document.body?.innerText ?? ''", vec![]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }
}

/// Judging.
impl Browser {
    /// Asks axe-core about the page on view, in its present look.
    pub(crate) async fn axe(&self) -> Vec<axe::Violation> {
        axe::run(&self.client).await.expect("axe-core runs")
    }

    /// Takes a picture of the page on view in every look and ends the test if axe-core finds anything in one.
    pub(crate) async fn check_page(&self, name: &str) {
        let mut found = Vec::new();
        for (look_name, look) in Look::ALL {
            self.set_look(look).await;
            self.screenshot(&format!("{name}-{look_name}")).await;
            found.extend(self.axe().await.iter().map(|broken| format!("{look_name}: {broken}")));
        }
        self.set_look(Look::DESK).await;
        assert!(found.is_empty(), "axe-core found on {name}:\n{}", found.concat());
    }

    /// Takes a picture of what is on view: `target/screenshots/<name>.png`.
    pub(crate) async fn screenshot(&self, name: &str) -> PathBuf {
        self.picture(name).await.expect("the browser takes a picture")
    }

    async fn picture(&self, name: &str) -> Result<PathBuf, CmdError> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
        let directory = target.join("screenshots");
        let path = directory.join(format!("{name}.png"));
        let picture = self.client.screenshot().await?;
        std::fs::create_dir_all(&directory).expect("the pictures have a place");
        std::fs::write(&path, picture).expect("the picture can be kept");
        Ok(path)
    }

    /// Everything the console has said so far.
    pub(crate) async fn console_messages(&self) -> Vec<ConsoleMessage> {
        let said = driver::take_console(&self.client).await.expect("the browser tells its console");
        let said: Vec<ConsoleMessage> = serde_json::from_value(said).expect("a list of messages");
        let mut console = self.console.lock().unwrap_or_else(PoisonError::into_inner);
        console.heard.extend(said);
        console.heard.clone()
    }

    /// Lets the console say this, once or more: a page refused with 422 is reported there as a failed request.
    pub(crate) fn expect_in_console(&self, part: &str) {
        self.console.lock().unwrap_or_else(PoisonError::into_inner).expected.push(part.to_owned());
    }

    /// Closes the browser; ends the test if the console reported an error or a breach of the content security
    /// policy that was not expected.
    pub(crate) async fn finish(mut self) {
        let heard = self.console_messages().await;
        let expected =
            std::mem::take(&mut self.console.lock().unwrap_or_else(PoisonError::into_inner).expected);
        let defects: Vec<String> = heard
            .into_iter()
            .filter(ConsoleMessage::is_defect)
            .map(|said| said.message)
            .filter(|message| !expected.iter().any(|part| message.contains(part)))
            .collect();
        self.finished = true;
        self.client.clone().close().await.expect("the browser closes");
        assert!(defects.is_empty(), "the console reported:\n{}", defects.join("\n"));
    }
}

/// The parts that every step is made of.
impl Browser {
    /// Tries until it comes to something. What the page refuses (an element gone, covered or not yet there) is tried
    /// again, since pages change while they are used.
    async fn until<T>(&self, step: &str, attempt: impl AsyncFn() -> Result<Option<T>, CmdError>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reason = match attempt().await {
                Ok(Some(done)) => return done,
                Ok(None) => "not there".to_owned(),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                self.fail(&format!("{step}: {reason}")).await;
            }
            sleep(Duration::from_millis(25)).await;
        }
    }

    /// Ends the test with what is on view, as far as the browser can still tell.
    async fn fail(&self, what: &str) -> ! {
        let test = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let picture = self.picture(&format!("failed-{test}")).await;
        let picture = picture.map_or_else(|error| error.to_string(), |path| path.display().to_string());
        let address = self.client.current_url().await.map_or_else(|error| error.to_string(), String::from);
        let shown: String = self.shown().await.unwrap_or_default().chars().take(1000).collect();
        panic!("{what}\n  at {address}\n  picture: {picture}\n  shown: {shown}");
    }

    /// Finds a field or something to click by its name, as `find.js` says.
    async fn find(&self, kind: &str, name: &str) -> Result<Option<Element>, CmdError> {
        let found = self.client.execute(include_str!("find.js"), vec![json!(kind), json!(name)]).await?;
        if let Some(ambiguous) = found.as_str() {
            return Err(CmdError::InvalidArgument(kind.to_owned(), ambiguous.to_owned()));
        }
        Ok(self.element(&found))
    }

    fn element(&self, found: &Value) -> Option<Element> {
        // The name under which the `WebDriver` standard (section 12.2) hands elements over.
        let id = found.get("element-6066-11e4-a52e-4f735466cecf")?.as_str()?;
        Some(Element::from_element_id(self.client.clone(), id.to_owned().into()))
    }

    async fn devtools(&self, command: &str, params: Value) {
        let answer = driver::devtools(&self.client, command, params).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let forgotten = !self.finished && !std::thread::panicking();
        assert!(!forgotten, "a journey ends with `finish`, which judges the console");
    }
}

/// The character by which `WebDriver` knows a key.
fn key(name: &str) -> char {
    let known = match name {
        "Control" => Key::Control,
        "Shift" => Key::Shift,
        "Alt" => Key::Alt,
        "Tab" => Key::Tab,
        "Enter" => Key::Enter,
        "Escape" => Key::Escape,
        "Backspace" => Key::Backspace,
        "Home" => Key::Home,
        "End" => Key::End,
        "ArrowUp" => Key::Up,
        "ArrowDown" => Key::Down,
        "ArrowLeft" => Key::Left,
        "ArrowRight" => Key::Right,
        "Space" => return ' ',
        letter if letter.chars().count() == 1 => return letter.chars().next().expect("one"),
        other => panic!("no key is called {other}"),
    };
    known.into()
}
