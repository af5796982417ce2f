//! Where log lines go and how they look: the server's to the standard output, a command's beside its result.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt};

use crate::config::{Config, LogFormat};

/// How this server's log lines look.
pub(crate) fn format(config: &Config) -> LogFormat {
    let terminal = std::io::stdout().is_terminal();
    config.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json })
}

/// Whose lines more than `info` is for. What others write there holds what they are given: the driver of PostgreSQL every
/// parameter, names, addresses and hashes among them.
const OURS: [&str; 6] = ["app", "connect", "model", "muster", "store", "web"];

/// What is written at the level of the settings.
fn directives(level: &str) -> String {
    let mut directives: Vec<String> = Vec::new();
    for directive in level.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
        match directive.parse::<LevelFilter>() {
            Ok(level) if level > LevelFilter::INFO => {
                directives.push("info".to_owned());
                directives.extend(OURS.iter().map(|name| format!("{name}={level}")));
            }
            _ if directive.contains(store::DRIVER_LOG) => {}
            _ => directives.push(directive.to_owned()),
        }
    }
    directives.push(format!("{}=warn", store::DRIVER_LOG));
    directives.join(",")
}

/// Starts the server's log.
pub(crate) fn start(config: &Config) {
    let filter = EnvFilter::builder().parse_lossy(directives(&config.log_level));
    let log = fmt().with_env_filter(filter).with_writer(std::io::stdout);
    let started = match format(config) {
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => log.with_target(false).with_ansi(std::io::stdout().is_terminal()).try_init(),
    };
    if let Err(error) = started {
        crate::output::note(format!("muster: there is a log already ({error})"));
    }
}

/// Lets a command say what is worth a warning.
pub(crate) fn start_quiet() {
    let log = fmt().with_env_filter(EnvFilter::new("warn")).with_writer(std::io::stderr).with_target(false);
    // In vain only where there is a log already.
    log.without_time().try_init().ok();
}

#[cfg(test)]
mod tests {
    use super::directives;

    #[test]
    fn no_level_makes_the_driver_write_what_it_is_given() {
        let driver = store::DRIVER_LOG;
        let (plain, exact) = (format!("{driver}=trace"), format!("info,{driver}::connection=debug"));
        for level in ["debug", "trace", &plain, &exact, "DEBUG,web=trace"] {
            let said = directives(level);
            let about: Vec<&str> = said.split(',').filter(|part| part.contains(driver)).collect();
            assert_eq!(about, [format!("{driver}=warn")], "{level}: {said}");
            assert!(said.split(',').all(|part| !["debug", "trace"].contains(&part)), "{said}");
        }
        assert!(directives("debug").contains("store=debug"));
        assert_eq!(directives("warn"), format!("warn,{driver}=warn"));
    }
}
