//! The settings: read from one file and from the environment, checked, and shown with where they come from.
//!
//! The only place that looks at the environment. Which settings there are is `config/keys.rs`; nothing else may be
//! set, so that a misspelt name is an error and never silently the default.

mod address;
mod audit;
mod bootstrap;
mod clients;
mod key_file;
pub(crate) mod keys;
mod mail;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use app::breached::BreachedPasswords;
use ipnet::IpNet;
use keys::{KEYS, Key, nearest};
use model::{Error, Kind, Result};

/// Read unless another file is given; need not be there.
const USUAL_FILE: &str = "/etc/muster/muster.toml";
/// Larger files are no settings and no secrets.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody has set it.
    Default,
    /// The settings file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A file of its own: a variable with `_FILE`, or systemd's credentials.
    SecretFile(PathBuf),
}

/// A value as text, with where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One object per line, for machines.
    Json,
    /// For people.
    Text,
}

/// All settings, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) database_url: String,
    pub(crate) listen_url: Option<String>,
    pub(crate) pool_size: usize,
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<String>,
    pub(crate) management: SocketAddr,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) sign_ins_per_minute: u32,
    pub(crate) clients: web::ClientLimits,
    geo_directory: Option<String>,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) log_level: String,
    pub(crate) hashing: app::hashing::Options,
    pub(crate) breach_file: Option<PathBuf>,
    key: Option<String>,
    pub(crate) bootstrap: Bootstrap,
    mail: Option<connect::smtp::Options>,
    audit: audit::Audit,
    settings: BTreeMap<&'static str, Setting>,
}

/// The first organization, for starting without a set-up page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bootstrap {
    pub(crate) org_name: Option<String>,
    pub(crate) org_slug: Option<String>,
    pub(crate) admin_email: Option<String>,
    pub(crate) admin_name: Option<String>,
    pub(crate) admin_password: Option<String>,
    pub(crate) api_token: Option<String>,
}

impl Config {
    /// Reads the file (`None`: the usual one, if it is there) and this process' environment.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let usual = Path::new(USUAL_FILE);
        let file = file.or_else(|| usual.exists().then_some(usual));
        Self::read(file, std::env::vars_os())
    }

    /// Reads the file and these variables, which win.
    fn read(file: Option<&Path>, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Self> {
        let mut settings = BTreeMap::new();
        for key in KEYS {
            settings.insert(key.name, Setting { text: key.default.to_owned(), origin: Origin::Default });
        }
        if let Some(file) = file {
            read_file(file, &mut settings)?;
        }
        read_variables(variables, &mut settings)?;
        let values = Values(&settings);
        let cores = app::hashing::Options::standard();
        let hashing = app::hashing::Options {
            threads: values.number("hashing.threads", 1, 256)?.unwrap_or(cores.threads),
            memory: values.number("hashing.memory", cores.memory, 1 << 20)?.unwrap_or(cores.memory),
            passes: values.number("hashing.passes", 2, 20)?.unwrap_or(cores.passes),
            queue: cores.queue,
        };
        let (listen, management) = values.doors()?;
        Ok(Self {
            database_url: values.database_url()?,
            listen_url: values.listen_url()?,
            pool_size: values.number("database.pool_size", 2, 500)?.unwrap_or(16),
            listen,
            public_url: values.public_url()?,
            management,
            trusted_proxies: values.networks("server.trusted_proxies")?,
            sign_ins_per_minute: values.number("server.sign_ins_per_minute", 1, 1_000_000)?.unwrap_or(60),
            clients: values.client_limits()?,
            geo_directory: values.text("geo.directory"),
            log_format: values.log_format()?,
            log_level: values.log_level()?,
            hashing,
            breach_file: values.text("passwords.breach_file").map(PathBuf::from),
            key: values.key()?,
            audit: audit::Audit::read(&values)?,
            bootstrap: values.bootstrap()?,
            mail: values.mail()?,
            settings,
        })
    }

    /// Every setting, in the order of the documentation, with its value.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&'static Key, &Setting)> {
        KEYS.iter().filter_map(|key| Some((key, self.settings.get(key.name)?)))
    }

    /// Whether nobody has set it.
    pub(crate) fn is_default(&self, name: &str) -> bool {
        self.settings.get(name).is_none_or(|setting| setting.origin == Origin::Default)
    }

    /// The operator's file of breached passwords, opened; that there is none is fine.
    pub(crate) fn breached(&self) -> Result<BreachedPasswords> {
        self.breach_file.as_deref().map_or_else(|| Ok(BreachedPasswords::default()), BreachedPasswords::open)
    }

    /// The file of the embedded database; `None` on PostgreSQL.
    pub(crate) fn database_file(&self) -> Option<PathBuf> {
        self.database_url.strip_prefix("sqlite:").map(PathBuf::from)
    }

    /// The socket of a server that holds the embedded database.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        let mut path = self.database_file()?.into_os_string();
        path.push(".sock");
        Some(path.into())
    }

    /// Where the files are that say where addresses are.
    pub(crate) fn geo_directory(&self) -> PathBuf {
        let beside = || self.database_file().and_then(|file| Some(file.parent()?.join("geo")));
        let given = self.geo_directory.as_ref().map(PathBuf::from);
        given.or_else(beside).unwrap_or_else(|| PathBuf::from("./muster-data/geo"))
    }

    /// What the store needs to know.
    pub(crate) fn store(&self) -> store::Options {
        let usual = store::Options::new(self.database_url.clone());
        store::Options { pool_size: self.pool_size, listen_url: self.listen_url.clone(), ..usual }
    }

    /// The mail server; `None` if no mail is sent.
    pub(crate) fn mail(&self) -> Option<connect::smtp::Options> {
        self.mail.clone()
    }

    /// The address that people type, of a server that listens on `bound`.
    pub(crate) fn url_for(&self, bound: SocketAddr) -> String {
        self.public_url.clone().unwrap_or_else(|| match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => format!("http://localhost:{}", bound.port()),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => format!("http://localhost:{}", bound.port()),
            _ => format!("http://{bound}"),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) | Self::SecretFile(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

fn refused(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, code, message)
}

fn unknown(wrote: &str, place: &str, like: Option<String>) -> Error {
    let hint = like.map_or_else(
        || "`muster config reference` lists all settings.".to_owned(),
        |like| format!("Did you mean {like}?"),
    );
    refused("config.unknown_key", format!("There is no setting {wrote} ({place}). {hint}"))
}

/// The text of a small file.
fn text_of(path: &Path) -> Result<String> {
    let unreadable = |error: &dyn fmt::Display| {
        refused("config.unreadable", format!("{} can't be read: {error}.", path.display()))
    };
    let length = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if length > LARGEST_FILE {
        return Err(unreadable(&"it is larger than a megabyte"));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(&error))
}

fn read_file(path: &Path, settings: &mut BTreeMap<&'static str, Setting>) -> Result<()> {
    let table: toml::Table = text_of(path)?
        .parse()
        .map_err(|error| refused("config.malformed", format!("{}: {error}", path.display())))?;
    let place = path.display().to_string();
    for (section, value) in &table {
        let toml::Value::Table(keys) = value else {
            let like = KEYS.iter().find(|key| key.name.ends_with(&format!(".{section}")));
            return Err(unknown(section, &place, like.map(|key| key.name.to_owned())));
        };
        for (name, value) in keys {
            let full = format!("{section}.{name}");
            let Some(key) = Key::named(&full) else {
                let like = nearest(&full, KEYS.iter().map(|key| key.name));
                return Err(unknown(&full, &place, like.map(str::to_owned)));
            };
            let text = plain(value).ok_or_else(|| {
                refused("config.malformed", format!("{full} in {place} must be text, a number or a list."))
            })?;
            settings.insert(key.name, Setting { text, origin: Origin::File(path.to_owned()) });
        }
    }
    Ok(())
}

/// A value as the environment would write it.
fn plain(value: &toml::Value) -> Option<String> {
    Some(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Array(items) => items.iter().map(plain).collect::<Option<Vec<_>>>()?.join(","),
        _ => return None,
    })
}

fn read_variables(
    variables: impl Iterator<Item = (OsString, OsString)>,
    settings: &mut BTreeMap<&'static str, Setting>,
) -> Result<()> {
    let (mut plain, mut files, mut credentials) = (Vec::new(), Vec::new(), None);
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        if name == "CREDENTIALS_DIRECTORY" {
            credentials = Some(PathBuf::from(value));
            continue;
        }
        if !name.starts_with("MUSTER_") || is_of_kubernetes(name) {
            continue;
        }
        let value = value.into_string().map_err(|_| {
            refused("config.malformed", format!("The variable {name} does not hold UTF-8 text."))
        })?;
        if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
            plain.push((key, name.to_owned(), value));
        } else if let Some(key) =
            KEYS.iter().find(|key| key.takes_file() && format!("{}_FILE", key.variable()) == name)
        {
            files.push((key, name.to_owned(), value));
        } else {
            let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
            let like = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(unknown(name, "a variable of the environment", like));
        }
    }
    for key in KEYS.iter().filter(|key| key.takes_file()) {
        if let Some(path) = credentials.as_ref().map(|directory| directory.join(key.name))
            && path.exists()
        {
            from_file(key, path, settings)?;
        }
    }
    for (key, name, path) in files {
        if plain.iter().any(|(other, ..)| other.name == key.name) {
            let message = format!("Set {} or {name}, not both.", key.variable());
            return Err(refused("config.twice", message));
        }
        from_file(key, path.into(), settings)?;
    }
    for (key, name, text) in plain {
        settings.insert(key.name, Setting { text, origin: Origin::Variable(name) });
    }
    Ok(())
}

fn from_file(key: &'static Key, path: PathBuf, settings: &mut BTreeMap<&'static str, Setting>) -> Result<()> {
    let text = text_of(&path)?.trim_end_matches(['\r', '\n']).to_owned();
    settings.insert(key.name, Setting { text, origin: Origin::SecretFile(path) });
    Ok(())
}

/// Kubernetes tells every pod about the service called "muster": `MUSTER_SERVICE_HOST`, `MUSTER_PORT_8080_TCP…`.
fn is_of_kubernetes(name: &str) -> bool {
    !name.contains("__")
        && (name == "MUSTER_PORT"
            || name.starts_with("MUSTER_PORT_")
            || name.contains("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT"))
}

/// Reads typed values out of the texts.
struct Values<'s>(&'s BTreeMap<&'static str, Setting>);

impl Values<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|setting| setting.text.clone()).filter(|text| !text.trim().is_empty())
    }

    /// A refusal that says which setting, where it was set, and what it should be.
    fn wrong(&self, name: &str, wanted: &str) -> Error {
        let origin = self.0.get(name).map_or(&Origin::Default, |setting| &setting.origin);
        refused("config.invalid", format!("The setting {name} ({origin}) must be {wanted}."))
    }

    fn number<N: FromStr + PartialOrd + fmt::Display + Copy>(
        &self,
        name: &str,
        least: N,
        most: N,
    ) -> Result<Option<N>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.trim().parse().ok().filter(|number| (&least..=&most).contains(&number));
        number.map(Some).ok_or_else(|| self.wrong(name, &format!("a number from {least} to {most}")))
    }

    fn address(&self, name: &str) -> Result<SocketAddr> {
        let text = self.text(name).unwrap_or_default();
        let named = text.trim().replace("localhost:", "127.0.0.1:");
        named.parse().map_err(|_| self.wrong(name, "an address with a port, such as 127.0.0.1:8080"))
    }

    fn networks(&self, name: &str) -> Result<Vec<IpNet>> {
        let text = self.text(name).unwrap_or_default();
        let read = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from)).ok();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let networks: Option<Vec<IpNet>> = parts.map(read).collect();
        networks.ok_or_else(|| self.wrong(name, "networks such as 10.0.0.0/8, separated by commas"))
    }

    fn database_url(&self) -> Result<String> {
        let url = self.text("database.url").unwrap_or_default().trim().to_owned();
        if url.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty()) {
            return Ok(url);
        }
        self.postgres("database.url", &url, "sqlite:PATH or postgres://user:password@host/name")?;
        Ok(url)
    }

    fn listen_url(&self) -> Result<Option<String>> {
        let Some(text) = self.text("database.listen_url") else { return Ok(None) };
        let url = text.trim();
        self.postgres("database.listen_url", url, "postgres://user:password@host/name")?;
        Ok(Some(url.to_owned()))
    }

    /// Whether an address of PostgreSQL can be read, with its certificates; what is wrong names no password.
    fn postgres(&self, name: &str, url: &str, wanted: &str) -> Result<()> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(self.wrong(name, wanted));
        }
        store::check_address(url).map_err(|error| {
            let (message, detail) = (error.message(), error.detail().unwrap_or_default());
            let why = if error.code() == "database.certificates" {
                format!("{} ({detail})", message.trim_end_matches('.'))
            } else {
                detail.to_owned()
            };
            self.wrong(name, &format!("{wanted}: {why}"))
        })
    }

    /// Where people and where operators reach the server: not both at one door.
    fn doors(&self) -> Result<(SocketAddr, SocketAddr)> {
        let (listen, management) = (self.address("server.listen")?, self.address("server.management")?);
        let is_same_host = listen.ip() == management.ip()
            || listen.ip().is_unspecified()
            || management.ip().is_unspecified();
        if is_same_host && listen.port() == management.port() && listen.port() != 0 {
            let wanted = format!("on another port than server.listen ({listen})");
            return Err(self.wrong("server.management", &wanted));
        }
        Ok((listen, management))
    }

    fn public_url(&self) -> Result<Option<String>> {
        let Some(text) = self.text("server.public_url") else { return Ok(None) };
        address::public_url(&text).map(Some).map_err(|why| {
            let wanted = format!("an address without a path, such as https://people.example.com: {why}");
            self.wrong("server.public_url", &wanted)
        })
    }

    fn log_format(&self) -> Result<Option<LogFormat>> {
        match self.text("log.format").as_deref() {
            None => Ok(None),
            Some("json") => Ok(Some(LogFormat::Json)),
            Some("text") => Ok(Some(LogFormat::Text)),
            Some(_) => Err(self.wrong("log.format", "json or text")),
        }
    }

    fn log_level(&self) -> Result<String> {
        let level = self.text("log.level").unwrap_or_default();
        let wanted = "error, warn, info, debug or trace, by module as in info,store=debug";
        // What is no level would be taken for a module, and nothing else would be logged.
        let is_level = |text: &str| text.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
        let parts = level.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parts: Vec<&str> = parts.collect();
        let is_clear =
            parts.iter().all(|part| is_level(part.rsplit_once('=').map_or(*part, |(_, level)| level)));
        let read = tracing_subscriber::EnvFilter::builder().parse(parts.join(","));
        read.ok().filter(|_| is_clear).map(|_| level).ok_or_else(|| self.wrong("log.level", wanted))
    }
}

#[cfg(test)]
#[path = "config/odd_values.rs"]
mod odd_values;
#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
