use super::*;

/// Client hints as a Chromium sends them when it was asked.
fn hints(platform: &str, version: &str, model: &str, mobile: bool, brands: &[(&str, &str)]) -> ClientHints {
    let list = |short: bool| {
        let one = |(name, version): &(&str, &str)| {
            let version = if short { version.split('.').next().unwrap_or_default() } else { version };
            format!("\"{name}\";v=\"{version}\"")
        };
        brands.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    ClientHints {
        brands: list(true),
        full_versions: list(false),
        platform: format!("\"{platform}\""),
        platform_version: format!("\"{version}\""),
        model: format!("\"{model}\""),
        mobile: if mobile { "?1" } else { "?0" }.to_owned(),
    }
}

const NONE: &str = "";
const CHROME: &[(&str, &str)] =
    &[("Google Chrome", "131.0.6778.86"), ("Chromium", "131.0.6778.86"), ("Not_A Brand", "24.0.0.0")];
const EDGE: &[(&str, &str)] =
    &[("Microsoft Edge", "131.0.2903.70"), ("Chromium", "131.0.6778.86"), ("Not:A-Brand", "99.0.0.0")];
const OPERA: &[(&str, &str)] =
    &[("Not;A=Brand", "8.0.0.0"), ("Chromium", "130.0.6723.137"), ("Opera", "115.0.5322.77")];
const BRAVE: &[(&str, &str)] =
    &[("Brave", "131.0.0.0"), ("Chromium", "131.0.0.0"), ("Not(A:Brand", "24.0.0.0")];
const SAMSUNG: &[(&str, &str)] =
    &[("Samsung Internet", "27.0.1.8"), ("Chromium", "125.0.6422.165"), ("Not.A/Brand", "24.0.0.0")];

/// User agent, hints, and what they must be named: kind, label, model.
#[test]
fn browsers_in_use_are_named_as_their_owners_name_them() {
    use DeviceKind::{Desktop, Phone, Program, Tablet};
    use Platform as P;
    let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    let android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
    let pad = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    let linux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    let book = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    let no = ClientHints::default;
    let table: Vec<(String, ClientHints, Platform, DeviceKind, &str, &str)> = vec![
        (windows.into(), hints("Windows", "15.0.0", "", false, CHROME), P::Windows, Desktop, "Chrome 131 on Windows 11", NONE),
        (windows.into(), hints("Windows", "10.0.0", "", false, CHROME), P::Windows, Desktop, "Chrome 131 on Windows 10", NONE),
        (windows.into(), hints("Windows", "0.3.0", "", false, CHROME), P::Windows, Desktop, "Chrome 131 on Windows 8.1", NONE),
        (format!("{windows} Edg/131.0.0.0"), hints("Windows", "13.0.0", "", false, EDGE), P::Windows, Desktop, "Edge 131 on Windows 11", NONE),
        (format!("{windows} Edg/131.0.0.0"), no(), P::Windows, Desktop, "Edge 131 on Windows 10", NONE),
        (format!("{windows} OPR/115.0.0.0"), hints("Windows", "19.0.0", "", false, OPERA), P::Windows, Desktop, "Opera 115 on Windows 11", NONE),
        (windows.into(), hints("Windows", "15.0.0", "", false, BRAVE), P::Windows, Desktop, "Brave 131 on Windows 11", NONE),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0".into(), no(), P::Windows, Desktop, "Firefox 132 on Windows 10", NONE),
        ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko".into(), no(), P::Windows, Desktop, "Internet Explorer 11 on Windows 10", NONE),
        (mac.into(), hints("macOS", "15.1.0", "", false, CHROME), P::MacOs, Desktop, "Chrome 131 on macOS 15.1", NONE),
        (mac.into(), no(), P::MacOs, Desktop, "Chrome 131 on macOS", NONE),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15".into(), no(), P::MacOs, Desktop, "Safari 18.1 on macOS", NONE),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0".into(), no(), P::MacOs, Desktop, "Firefox 132 on macOS", NONE),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1.1 Mobile/15E148 Safari/604.1".into(), no(), P::Ios, Phone, "Safari 18.1 on iOS 18.1", "iPhone"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1".into(), no(), P::Ios, Phone, "Chrome 131 on iOS 18.1", "iPhone"),
        ("Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1".into(), no(), P::Ios, Tablet, "Safari 17.6 on iPadOS 17.7", "iPad"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/132.0 Mobile/15E148 Safari/605.1.15".into(), no(), P::Ios, Tablet, "Firefox 132 on iPadOS 18", "iPad"),
        (android.into(), hints("Android", "15.0.0", "Pixel 8", true, CHROME), P::Android, Phone, "Chrome 131 on Android 15", "Pixel 8"),
        (android.into(), no(), P::Android, Phone, "Chrome 131 on Android", NONE),
        (pad.into(), hints("Android", "14.0.0", "SM-X710", false, CHROME), P::Android, Tablet, "Chrome 131 on Android 14", "SM-X710"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36".into(), hints("Android", "14.0.0", "SM-S921B", true, SAMSUNG), P::Android, Phone, "Samsung Internet 27 on Android 14", "SM-S921B"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0".into(), no(), P::Android, Phone, "Firefox 132 on Android 14", NONE),
        ("Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A.220624.014) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.5359.128 Mobile Safari/537.36".into(), no(), P::Android, Phone, "Chrome 108 on Android 13", "SM-G991B"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0".into(), no(), P::Linux, Desktop, "Firefox 132 on Ubuntu", NONE),
        (linux.into(), hints("Linux", "6.8.0", "", false, CHROME), P::Linux, Desktop, "Chrome 131 on Linux", NONE),
        (format!("{linux} OPR/115.0.0.0"), no(), P::Linux, Desktop, "Opera 115 on Linux", NONE),
        (book.into(), hints("Chrome OS", "16033.58.0", "", false, CHROME), P::ChromeOs, Desktop, "Chrome 131 on ChromeOS 16033", NONE),
        (book.into(), no(), P::ChromeOs, Desktop, "Chrome 131 on ChromeOS", NONE),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/102.0.5005.87 Version/15.4 Safari/605.1.15".into(), no(), P::Ios, Tablet, "Chrome 102 on iPadOS", "iPad"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/132.0 Safari/605.1.15".into(), no(), P::Ios, Tablet, "Firefox 132 on iPadOS", "iPad"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 EdgiOS/120.0.2210.150 Safari/605.1.15".into(), no(), P::Ios, Tablet, "Edge 120 on iPadOS", "iPad"),
        (format!("{windows} Whale/3.25.232.19"), no(), P::Windows, Desktop, "Whale 3 on Windows 10", NONE),
        ("Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6 like Chrome/108.0.5359.160 Safari/537.36".into(), no(), P::Android, Tablet, "Silk 108 on Android 11", "KFTRWI"),
        ("Mozilla/5.0 (Linux; U; Android 12; en-US; RMX3085 Build/SP1A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.4.0.1306 Mobile Safari/537.36".into(), no(), P::Android, Phone, "UC Browser 13 on Android 12", "RMX3085"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.43 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/440.0.0.31.105;]".into(), no(), P::Android, Phone, "Facebook 440 on Android 14", "Pixel 8"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 310.0.0.37.328".into(), no(), P::Ios, Phone, "Instagram 310 on iOS 17.1", "iPhone"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.43 Mobile Safari/537.36".into(), no(), P::Android, Phone, "Android app on Android 14", "Pixel 8"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148".into(), no(), P::Ios, Phone, "iOS app on iOS 17.1", "iPhone"),
        ("curl/8.5.0".into(), no(), P::Other, Program, "curl 8.5", NONE),
        ("muster/0.1.0".into(), no(), P::Other, Program, "Muster command line 0.1", NONE),
        ("python-requests/2.32.3".into(), no(), P::Other, Program, "python-requests 2.32.3", NONE),
        (String::new(), no(), P::Other, Program, "Unknown program", NONE),
    ];
    assert!(table.len() > 11);
    for (user_agent, hints, platform, kind, label, model) in table {
        let device = recognize(&user_agent, &hints);
        let found = (device.platform, device.kind, device.label(), device.model.clone());
        assert_eq!(found, (platform, kind, label.to_owned(), model.to_owned()), "{user_agent}\n{hints:?}");
    }
}

#[test]
fn an_update_leaves_a_device_the_same_and_another_browser_does_not() {
    let of = |browser: &str| {
        let agent = format!("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 {browser}");
        recognize(&agent, &ClientHints::default()).key()
    };
    assert_eq!(of("Firefox/132.0"), of("Firefox/140.0"));
    assert_ne!(of("Firefox/132.0"), of("LibreWolf/132.0"));
}

#[test]
fn nothing_that_is_sent_makes_it_stumble() {
    let broken = [
        "\"",
        "\"a\"",
        "\"a\";v=",
        "\"a\";v=\"",
        ";;v=\"1\"",
        "\"é\";v=\"ü\"",
        "((((",
        "Mozilla/",
        "Mozilla/5.0 (Android",
    ];
    for one in broken {
        for other in broken {
            let hints = ClientHints {
                brands: one.to_owned(),
                full_versions: other.to_owned(),
                platform: one.to_owned(),
                platform_version: other.to_owned(),
                model: one.to_owned(),
                mobile: other.to_owned(),
            };
            recognize(other, &hints);
            recognize(&format!("Mozilla/5.0 {one} Chrome/{other} Windows NT {one}"), &hints);
        }
    }
}
