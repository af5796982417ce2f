//! Where log lines go and how they look: the server's to the standard output, a command's beside its result.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Config, LogFormat};

/// How this server's log lines look.
pub(crate) fn format(config: &Config) -> LogFormat {
    let terminal = std::io::stdout().is_terminal();
    config.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json })
}

/// Starts the server's log.
pub(crate) fn start(config: &Config) {
    let filter = EnvFilter::builder().parse_lossy(&config.log_level);
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
