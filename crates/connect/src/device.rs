//! What browsers say of themselves, understood: user agent and client hints become a `Device`.
//!
//! Hints first: user agents of Chromium have named the same system for everybody since 2022. The rest is a small
//! classifier for what people sign in with; whatever it does not know is shown as it was sent, shortened. It looks for
//! words in their order of weight, since nearly every browser names others too.

use model::device::{ClientHints, Device, DeviceKind, Platform};

/// What a browser is, from what it sent.
pub fn recognize(user_agent: &str, hints: &ClientHints) -> Device {
    let (mut device, frozen) = of_user_agent(user_agent);
    refine(&mut device, hints, frozen);
    device
}

/// Browsers, the more particular before those whose words they carry: the word before the version, and the name.
const BROWSERS: &[(&str, &str)] = &[
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPiOS/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Whale/", "Whale"),
    ("Silk/", "Silk"),
    ("UCWEB/", "UC Browser"),
    ("UBrowser/", "UC Browser"),
    ("MicroMessenger/", "WeChat"),
    ("Line/", "LINE"),
    ("FBAV/", "Facebook"),
    ("FB_IAB/", "Facebook"),
    ("Instagram ", "Instagram"),
    ("LinkedInApp", "LinkedIn"),
    ("Snapchat/", "Snapchat"),
    ("musical_ly", "TikTok"),
    ("BytedanceWebview/", "TikTok"),
    ("GSA/", "Google app"),
    ("KAKAOTALK", "KakaoTalk"),
    ("NAVER(", "Naver"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Brave/", "Brave"),
    ("UCBrowser/", "UC Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("Electron/", "Electron"),
    ("FxiOS/", "Firefox"),
    ("Focus/", "Firefox Focus"),
    ("LibreWolf/", "LibreWolf"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Epiphany/", "GNOME Web"),
];

/// The device as the user agent has it, and whether its system's version is the one that Chromium tells everybody.
fn of_user_agent(user_agent: &str) -> (Device, bool) {
    if !user_agent.starts_with("Mozilla/") && !user_agent.starts_with("Opera/") {
        return (of_program(user_agent), false);
    }
    let is_chromium = user_agent.contains("Chrome/") && !user_agent.contains("Edge/");
    let mut device = system_of(user_agent);
    let is_view = user_agent.contains("; wv)");
    let is_named = |word: &str| !is_view || !matches!(word, "Chrome/" | "Chromium/");
    let found =
        BROWSERS.iter().filter(|(word, _)| is_named(word)).find(|(word, _)| user_agent.contains(word));
    if let Some((word, name)) = found {
        (*name).clone_into(&mut device.browser);
        device.browser_version = major(after(user_agent, word));
    } else if user_agent.contains("; wv)") {
        "Android app".clone_into(&mut device.browser);
    } else if user_agent.contains("Safari/") && device.platform != Platform::Android {
        "Safari".clone_into(&mut device.browser);
        device.browser_version = short(after(user_agent, "Version/"), 2);
    } else if user_agent.contains("Trident/") {
        "Internet Explorer".clone_into(&mut device.browser);
        device.browser_version = major(after(user_agent, "rv:"));
    } else if device.platform == Platform::Ios {
        // An app that shows pages without saying its name.
        "iOS app".clone_into(&mut device.browser);
    }
    (device, is_chromium)
}

fn system_of(user_agent: &str) -> Device {
    let has = |word: &str| user_agent.contains(word);
    let plain = |platform, kind, os: &str, os_version: String| Device {
        platform,
        kind,
        os: os.to_owned(),
        os_version,
        browser: String::new(),
        browser_version: String::new(),
        model: String::new(),
    };
    if has("Windows") {
        let version = match after(user_agent, "Windows NT ") {
            "10.0" => "10",
            "6.3" => "8.1",
            "6.2" => "8",
            "6.1" => "7",
            _ => "",
        };
        return plain(Platform::Windows, DeviceKind::Desktop, "Windows", version.to_owned());
    }
    if has("iPad") {
        let version = short(&after(user_agent, "CPU OS ").replace('_', "."), 2);
        return Device {
            model: "iPad".to_owned(),
            ..plain(Platform::Ios, DeviceKind::Tablet, "iPadOS", version)
        };
    }
    if has("iPhone") || has("iPod") {
        let version = short(&after(user_agent, "iPhone OS ").replace('_', "."), 2);
        return Device {
            model: "iPhone".to_owned(),
            ..plain(Platform::Ios, DeviceKind::Phone, "iOS", version)
        };
    }
    if has("Android") {
        let kind = if has("Mobile") { DeviceKind::Phone } else { DeviceKind::Tablet };
        let version = short(after(user_agent, "Android "), 2);
        return Device {
            model: android_model(user_agent),
            ..plain(Platform::Android, kind, "Android", version)
        };
    }
    if has("CrOS") {
        return plain(Platform::ChromeOs, DeviceKind::Desktop, "ChromeOS", String::new());
    }
    // An iPad that asks for desktop sites calls itself a Mac; only the browsers of iOS have these names.
    if has("Macintosh") && ["CriOS/", "FxiOS/", "EdgiOS/", "OPiOS/", "GSA/"].into_iter().any(has) {
        return Device {
            model: "iPad".to_owned(),
            ..plain(Platform::Ios, DeviceKind::Tablet, "iPadOS", String::new())
        };
    }
    if has("Macintosh") || has("Mac OS X") {
        // Safari and Firefox say 10.15 on every later macOS too; what can't be known is not shown.
        let version = short(&after(user_agent, "Mac OS X ").replace('_', "."), 2);
        let version = if version == "10.15" { String::new() } else { version };
        return plain(Platform::MacOs, DeviceKind::Desktop, "macOS", version);
    }
    if has("Linux") || has("X11") || has("BSD") {
        let named = ["Ubuntu", "Fedora", "Debian", "FreeBSD", "OpenBSD"].into_iter().find(|name| has(name));
        return plain(Platform::Linux, DeviceKind::Desktop, named.unwrap_or("Linux"), String::new());
    }
    plain(Platform::Other, DeviceKind::Desktop, "", String::new())
}

/// `SM-G991B` in `(Linux; Android 13; SM-G991B)`; Chromium says `K` for everybody.
fn android_model(user_agent: &str) -> String {
    let inside = user_agent.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let parts: Vec<&str> = inside.map_or("", |(inside, _)| inside).split(';').map(str::trim).collect();
    let place = parts.iter().position(|part| part.starts_with("Android"));
    // Some put the language between: `Android 12; en-US; RMX3085`.
    let is_language =
        |part: &str| matches!(part.len(), 2 | 5) && part[..2].bytes().all(|byte| byte.is_ascii_lowercase());
    let after = parts.iter().skip(place.map_or(usize::MAX, |place| place.saturating_add(1)));
    let model = after.copied().find(|part| !(part.is_ascii() && is_language(part))).unwrap_or_default();
    let model = model.split(" Build/").next().unwrap_or_default();
    let says_nothing =
        model == "K" || model.starts_with("rv:") || matches!(model, "Mobile" | "Tablet" | "wv");
    if says_nothing { String::new() } else { model.chars().take(40).collect() }
}

/// `curl/8.5.0`: its first word is what a program calls itself.
fn of_program(user_agent: &str) -> Device {
    let first = user_agent.split_whitespace().next().unwrap_or_default();
    let (name, version) = first.split_once('/').unwrap_or((first, ""));
    let name = match name {
        "" => "Unknown program",
        "muster" => "Muster command line",
        name => name,
    };
    Device {
        platform: Platform::Other,
        kind: DeviceKind::Program,
        os: String::new(),
        os_version: String::new(),
        browser: name.chars().take(40).collect(),
        browser_version: short(version, 3),
        model: String::new(),
    }
}

/// What the hints say goes before what the user agent says.
fn refine(device: &mut Device, hints: &ClientHints, frozen: bool) {
    let platform = unquoted(&hints.platform);
    let version = unquoted(&hints.platform_version);
    if !platform.is_empty() {
        let (known, os) = match platform.as_str() {
            "Windows" => (Platform::Windows, "Windows"),
            "macOS" => (Platform::MacOs, "macOS"),
            "Android" => (Platform::Android, "Android"),
            "Chrome OS" | "ChromeOS" | "Chromium OS" => (Platform::ChromeOs, "ChromeOS"),
            "iOS" => (Platform::Ios, "iOS"),
            "Linux" => (Platform::Linux, "Linux"),
            _ => (device.platform, ""),
        };
        // What the user agent says more exactly, such as a distribution, stays.
        if !os.is_empty() && known != device.platform {
            (device.platform, device.os, device.os_version) = (known, os.to_owned(), String::new());
        }
        device.os_version = os_version(device, &version, frozen);
    } else if frozen {
        // One version for everybody tells nothing.
        device.os_version = match device.platform {
            Platform::Android if device.os_version == "10" && device.model.is_empty() => String::new(),
            Platform::MacOs | Platform::ChromeOs => String::new(),
            _ => std::mem::take(&mut device.os_version),
        };
    }
    let model = unquoted(&hints.model);
    if !model.is_empty() {
        device.model = model;
    }
    if device.platform == Platform::Android {
        match hints.mobile.trim() {
            "?1" => device.kind = DeviceKind::Phone,
            "?0" => device.kind = DeviceKind::Tablet,
            _ => {}
        }
    }
    let brands = if hints.full_versions.is_empty() { &hints.brands } else { &hints.full_versions };
    if let Some((name, version)) = brand(brands) {
        device.browser = name;
        device.browser_version = version;
    }
}

/// The version as the hint has it. Windows 11 and later are 13 and more there
/// (<https://learn.microsoft.com/microsoft-edge/web-platform/how-to-detect-win11>).
fn os_version(device: &Device, hint: &str, frozen: bool) -> String {
    let number: u32 = major(hint).parse().unwrap_or(0);
    match device.platform {
        Platform::Windows if hint.is_empty() => String::new(),
        Platform::Windows if number >= 13 => "11".to_owned(),
        Platform::Windows if number > 0 => "10".to_owned(),
        // Before Windows 10 the hint is 0.1 to 0.3.
        Platform::Windows => {
            match short(hint, 2).as_str() {
                "0.3" => "8.1",
                "0.2" => "8",
                "0.1" => "7",
                _ => "",
            }
        }
        .to_owned(),
        Platform::Linux => String::new(),
        _ if hint.is_empty() => if frozen { "" } else { &device.os_version }.to_owned(),
        Platform::MacOs => short(hint, 2),
        _ => major(hint),
    }
}

/// The browser in `"Google Chrome";v="131.0.6778.86", "Chromium";v="131…", "Not_A Brand";v="24…"`: what is neither the
/// engine that all share nor the invented name that is there to be ignored.
fn brand(list: &str) -> Option<(String, String)> {
    let entries = entries(list);
    let is_real = |name: &str| {
        let plain: String = name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
        !(plain.contains("not") && plain.contains("brand"))
    };
    let particular = entries.iter().find(|(name, _)| is_real(name) && name != "Chromium");
    let (name, version) = particular.or_else(|| entries.iter().find(|(name, _)| name == "Chromium"))?;
    let name = match name.as_str() {
        "Google Chrome" | "HeadlessChrome" => "Chrome",
        "Microsoft Edge" => "Edge",
        other => other,
    };
    Some((name.chars().take(40).collect(), major(version)))
}

/// Names and versions of a list; a comma or semicolon inside of quotes is part of a name.
fn entries(list: &str) -> Vec<(String, String)> {
    let (mut found, mut rest) = (Vec::new(), list);
    while let Some((name, after)) = quoted(rest) {
        let Some(value) =
            after.trim_start().strip_prefix(";v=").or_else(|| after.trim_start().strip_prefix("; v="))
        else {
            break;
        };
        let Some((version, after)) = quoted(value) else { break };
        found.push((name.to_owned(), version.to_owned()));
        rest = after;
    }
    found
}

/// The next quoted text, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (_, after) = text.split_once('"')?;
    after.split_once('"')
}

/// A hint's text without its quotes.
fn unquoted(text: &str) -> String {
    text.trim().trim_matches('"').chars().take(60).collect()
}

/// What follows a word, up to what can't be part of a version.
fn after<'t>(text: &'t str, word: &str) -> &'t str {
    let rest = text.split_once(word).map_or("", |(_, rest)| rest);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_').unwrap_or(rest.len());
    &rest[..end]
}

/// `131` of `131.0.6778.86`.
fn major(version: &str) -> String {
    short(version, 1)
}

/// The first so many numbers of a version, without zeros at the end.
fn short(version: &str, numbers: usize) -> String {
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts: Vec<&str> = version.split('.').take_while(is_number).take(numbers).collect();
    while parts.len() > 1 && parts.last() == Some(&"0") {
        parts.pop();
    }
    parts.join(".")
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
