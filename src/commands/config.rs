//! `muster config`: which settings hold and where they come from.

use app::{keys::Keys, system::SystemEntropy};
use clap::Subcommand;
use model::Result;
use serde_json::{Map, json};

use super::bootstrap;
use crate::{
    cli::Global,
    config::{Config, keys},
    output::{self, Table},
};

/// What to do with settings.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Verb {
    /// Print every setting that holds and where it comes from; secrets are hidden
    Print,
    /// Look whether the settings can be used
    Check,
    /// Explain every setting there is, as Markdown
    Reference,
    /// Print a fresh key for the setting security.key
    GenerateKey,
}

/// Does it.
pub(crate) fn run(verb: Verb, global: &Global) -> Result<()> {
    match verb {
        Verb::Reference => return output::write(&keys::reference()),
        Verb::GenerateKey => return output::line(Keys::generate(&SystemEntropy).reveal()),
        Verb::Print | Verb::Check => {}
    }
    let config = Config::load(global.config.as_deref())?;
    match verb {
        Verb::Print if global.json => output::json(&as_json(&config)),
        Verb::Print => output::write(&as_table(&config).to_string()),
        Verb::Check | Verb::Reference | Verb::GenerateKey => check(&config, global.json),
    }
}

fn as_json(config: &Config) -> Map<String, serde_json::Value> {
    let entry = |(key, setting): (&'static keys::Key, &crate::config::Setting)| {
        let value = key.redacted(&setting.text);
        (key.name.to_owned(), json!({ "value": value, "origin": setting.origin.to_string() }))
    };
    config.settings().map(entry).collect()
}

fn as_table(config: &Config) -> Table {
    let mut table = Table::new(["SETTING", "VALUE", "FROM"]);
    for (key, setting) in config.settings() {
        let value = if setting.text.is_empty() { "-".to_owned() } else { key.redacted(&setting.text) };
        table.row([key.name.to_owned(), value, setting.origin.to_string()]);
    }
    table
}

fn check(config: &Config, as_json: bool) -> Result<()> {
    bootstrap::check(config, &config.breached()?)?;
    config.check_key()?;
    let advice = advice(config);
    if as_json {
        return output::json(&json!({ "valid": true, "advice": advice }));
    }
    output::line("The settings can be used.")?;
    advice.iter().try_for_each(|advice| output::line(format!("Note: {advice}")))
}

/// What can be used, but may not be meant.
pub(crate) fn advice(config: &Config) -> Vec<String> {
    let mut advice = Vec::new();
    match &config.public_url {
        None if !config.listen.ip().is_loopback() => advice.push(
            "server.public_url is not set: links in mails and pages will only work on this machine."
                .to_owned(),
        ),
        Some(url) if !url.starts_with("https://") && !is_local(url) => advice.push(
            "server.public_url is not https: passwords travel readable, and browsers refuse passkeys."
                .to_owned(),
        ),
        _ => {}
    }
    if !config.management.ip().is_loopback() && config.management.ip() == config.listen.ip() {
        advice.push(
            "server.management is as public as server.listen: keep it off the public network.".to_owned(),
        );
    }
    if config.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
        advice.push(
            "server.trusted_proxies believes everybody: whoever sends X-Forwarded-For chooses the address that limits \
             count. Name the networks of your proxies."
                .to_owned(),
        );
    }
    let bootstrap = &config.bootstrap;
    let needed = [&bootstrap.org_name, &bootstrap.admin_email, &bootstrap.admin_password];
    let mut others = ["bootstrap.org_slug", "bootstrap.admin_name", "bootstrap.api_token"].into_iter();
    let is_given = needed.iter().any(|value| value.is_some()) || others.any(|name| !config.is_default(name));
    if is_given && needed.iter().any(|value| value.is_none()) {
        advice.push(
            "bootstrap needs org_name, admin_email and admin_password together; otherwise the first start \
             prints a set-up page."
                .to_owned(),
        );
    }
    let unused = ["mail.security", "mail.ca_file", "mail.timeout"].into_iter();
    let unused: Vec<&str> = unused.filter(|name| !config.is_default(name)).collect();
    if config.mail().is_none() && !unused.is_empty() {
        advice.push(format!("Without mail.server, {} has no effect.", unused.join(" and ")));
    }
    advice
}

fn is_local(url: &str) -> bool {
    ["http://localhost", "http://127.", "http://[::1]"].iter().any(|local| url.starts_with(local))
}
