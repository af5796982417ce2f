use super::*;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("muster-config-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn read(file: Option<&Path>, variables: &[(&str, &str)]) -> Result<Config> {
    Config::read(file, variables.iter().map(|(name, value)| (name.into(), value.into())))
}

#[test]
fn nothing_set_means_an_embedded_database_on_this_machine() {
    let config = read(None, &[]).unwrap();
    assert_eq!(config.database_url, "sqlite:./muster-data/muster.db");
    assert_eq!(config.socket().unwrap(), Path::new("./muster-data/muster.db.sock"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.url_for(config.listen), "http://127.0.0.1:8080");
    assert_eq!(config.url_for("0.0.0.0:80".parse().unwrap()), "http://localhost:80");
    assert!(config.trusted_proxies.is_empty() && config.is_default("server.listen"));
}

#[test]
fn the_environment_wins_over_the_file() {
    let scratch = Scratch::new("wins");
    let text = "[server]\nlisten = \"127.0.0.1:1\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
                [database]\npool_size = 4\n";
    let file = scratch.file("muster.toml", text);
    let config = read(Some(&file), &[("MUSTER_SERVER__LISTEN", "127.0.0.1:2"), ("PATH", "/bin")]).unwrap();
    assert_eq!((config.listen.port(), config.pool_size), (2, 4));
    assert_eq!(config.trusted_proxies.len(), 2);
    let origin_of =
        |name: &str| config.settings().find(|(key, _)| key.name == name).unwrap().1.origin.to_string();
    assert_eq!(origin_of("server.listen"), "MUSTER_SERVER__LISTEN");
    assert_eq!(origin_of("database.pool_size"), file.display().to_string());
}

#[test]
fn limits_of_clients_are_the_documented_ones_unless_set() {
    let usual = web::ClientLimits::default();
    let wanted = [
        ("server.connections", usual.connections),
        ("server.connections_per_address", usual.connections_per_address),
        ("server.requests_per_address", usual.requests_per_address),
        ("server.request_patience", 10),
    ];
    for (name, default) in wanted {
        assert_eq!(Key::named(name).unwrap().default, default.to_string(), "{name}");
    }
    let variables =
        [("MUSTER_SERVER__CONNECTIONS_PER_ADDRESS", "4"), ("MUSTER_SERVER__REQUEST_PATIENCE", "300")];
    let clients = read(None, &variables).unwrap().clients;
    assert_eq!((clients.connections_per_address, clients.patience.as_secs()), (4, 300));
    assert_eq!((usual.patience.as_secs(), clients.connections), (10, usual.connections));
    let none = read(None, &[("MUSTER_SERVER__CONNECTIONS", "0")]).unwrap_err();
    assert!(none.message().contains("16 to 60000"), "{}", none.message());
}

#[test]
fn a_misspelt_setting_is_an_error_that_names_the_right_one() {
    let scratch = Scratch::new("misspelt");
    let file = scratch.file("muster.toml", "[server]\nlisten_on = \"127.0.0.1:1\"\n");
    let cases = [
        read(Some(&file), &[]),
        read(None, &[("MUSTER_SERVER__LISTN", "127.0.0.1:1")]),
        read(None, &[("MUSTER_SERVER_LISTEN", "127.0.0.1:1")]),
    ];
    let like = ["server.listen?", "MUSTER_SERVER__LISTEN?", "MUSTER_SERVER__LISTEN?"];
    for (case, like) in cases.into_iter().zip(like) {
        let error = case.unwrap_err();
        assert_eq!(error.code(), "config.unknown_key");
        assert!(error.message().ends_with(&format!("Did you mean {like}")), "{}", error.message());
    }
    let outside = scratch.file("outside.toml", "listen = \"127.0.0.1:1\"\n");
    let message = read(Some(&outside), &[]).unwrap_err().message().to_owned();
    assert!(message.contains("server.listen"), "{message}");
}

#[test]
fn what_kubernetes_says_about_a_service_is_no_setting() {
    let variables = [
        ("MUSTER_SERVICE_HOST", "10.1.2.3"),
        ("MUSTER_SERVICE_PORT_HTTP", "80"),
        ("MUSTER_PORT", "tcp://10.1.2.3:80"),
        ("MUSTER_PORT_80_TCP_ADDR", "10.1.2.3"),
    ];
    assert!(read(None, &variables).is_ok());
}

#[test]
fn secrets_come_from_files_too() {
    let scratch = Scratch::new("secrets");
    let password = scratch.file("password", "correct horse battery\n");
    scratch.file("database.url", "postgres://muster:secret@db/muster\n");
    let variables = [
        ("MUSTER_BOOTSTRAP__ADMIN_PASSWORD_FILE", password.to_str().unwrap()),
        ("CREDENTIALS_DIRECTORY", scratch.0.to_str().unwrap()),
    ];
    let config = read(None, &variables).unwrap();
    assert_eq!(config.bootstrap.admin_password.as_deref(), Some("correct horse battery"));
    assert_eq!(config.database_url, "postgres://muster:secret@db/muster");
    assert!(config.database_file().is_none() && config.socket().is_none());
    let twice = [variables[0], ("MUSTER_BOOTSTRAP__ADMIN_PASSWORD", "x")];
    assert_eq!(read(None, &twice).unwrap_err().code(), "config.twice");
    let missing = [("MUSTER_BOOTSTRAP__API_TOKEN_FILE", "/nowhere/at/all")];
    assert_eq!(read(None, &missing).unwrap_err().code(), "config.unreadable");
    let open = [("MUSTER_SERVER__LISTEN_FILE", password.to_str().unwrap())];
    assert_eq!(read(None, &open).unwrap_err().code(), "config.unknown_key");
}

#[test]
fn values_out_of_range_are_refused_with_the_range() {
    let cases = [
        ("MUSTER_DATABASE__POOL_SIZE", "0", "a number from 2 to 500"),
        ("MUSTER_DATABASE__URL", "mysql://x", "sqlite:PATH or"),
        ("MUSTER_DATABASE__URL", "sqlite:", "sqlite:PATH or"),
        ("MUSTER_SERVER__LISTEN", "8080", "an address with a port"),
        ("MUSTER_SERVER__PUBLIC_URL", "people.example.com", "an address without a path"),
        ("MUSTER_SERVER__PUBLIC_URL", "https://people.example.com/x", "an address without a path"),
        ("MUSTER_SERVER__TRUSTED_PROXIES", "10.0.0.0/40", "networks such as"),
        ("MUSTER_LOG__FORMAT", "xml", "json or text"),
        ("MUSTER_LOG__LEVEL", "info,=", "error, warn"),
        ("MUSTER_HASHING__MEMORY", "64", "a number from 19456"),
    ];
    for (name, value, wanted) in cases {
        let error = read(None, &[(name, value)]).unwrap_err();
        assert!(error.message().contains(wanted), "{name}={value}: {}", error.message());
        assert!(error.message().contains(name), "{}", error.message());
    }
}

#[test]
fn a_mail_server_is_described_whole() {
    assert!(read(None, &[]).unwrap().mail().is_none());
    let scratch = Scratch::new("mail");
    let password = scratch.file("password", "hunter2 hunter2\n");
    let whole = [
        ("MUSTER_MAIL__SERVER", "mail.example.com"),
        ("MUSTER_MAIL__FROM", "Muster <muster@example.com>"),
        ("MUSTER_MAIL__USERNAME", "muster"),
        ("MUSTER_MAIL__PASSWORD_FILE", password.to_str().unwrap()),
    ];
    let config = read(None, &whole).unwrap();
    let options = config.mail().unwrap();
    assert_eq!(options.security, connect::smtp::Security::StartTls);
    assert_eq!(options.login.as_ref().unwrap().1, "hunter2 hunter2");
    assert!(!format!("{options:?}").contains("hunter2"));
    let shown: Vec<String> = config
        .settings()
        .map(|(key, setting)| key.redacted(&setting.text))
        .filter(|text| text.contains("hunter2"))
        .collect();
    assert_eq!(shown, Vec::<String>::new());
}

#[test]
fn a_mail_server_half_described_is_refused_with_what_is_missing() {
    let server = ("MUSTER_MAIL__SERVER", "mail.example.com:25");
    let from = ("MUSTER_MAIL__FROM", "muster@example.com");
    let name = ("MUSTER_MAIL__USERNAME", "muster");
    let password = ("MUSTER_MAIL__PASSWORD", "secret");
    let plain = ("MUSTER_MAIL__SECURITY", "none");
    let cases: [(&[(&str, &str)], &str); 11] = [
        (&[server], "mail.from"),
        (&[from], "mail.server"),
        (&[server, from, name], "mail.password"),
        (&[server, from, password], "mail.username"),
        (&[name, password], "mail.server"),
        (&[server, from, ("MUSTER_MAIL__SECURITY", "ssl")], "starttls, tls or none"),
        (&[server, from, plain, name, password], "never sent unprotected"),
        (&[server, ("MUSTER_MAIL__FROM", "muster")], "mail.from must be"),
        (&[("MUSTER_MAIL__SERVER", "mail.example.com:smtp"), from], "mail.server must be"),
        (&[server, from, ("MUSTER_MAIL__CA_FILE", "/nowhere/at/all")], "mail.ca_file"),
        (&[server, from, ("MUSTER_MAIL__CA_FILE", "/proc/self/status")], "there is none in it"),
    ];
    for (variables, wanted) in cases {
        let error = read(None, variables).unwrap_err();
        assert!(error.message().contains(wanted), "{variables:?}: {}", error.message());
    }
    let here = [("MUSTER_MAIL__SERVER", "127.0.0.1"), from, plain, name, password];
    assert!(read(None, &here).unwrap().mail().is_some());
}
