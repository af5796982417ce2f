//! Where checkpoints of the audit log are kept (`app/src/audit/checkpoint.rs`): from the settings, or beside the data.

use std::{path::PathBuf, time::Duration};

use app::audit::checkpoint::Keeping;
use model::Result;

use super::{Config, Values, address};

/// Unless the database is embedded: then they are beside it.
const USUAL_DIRECTORY: &str = "./muster-data/checkpoints";

/// What the settings say.
#[derive(Debug, Clone)]
pub(super) struct Audit {
    directory: Option<String>,
    minutes: u64,
    url: Option<String>,
}

impl Audit {
    pub(super) fn read(values: &Values<'_>) -> Result<Self> {
        let receiver = |text: String| {
            address::receiver(&text).and_then(|url| {
                if connect::post::is_address(&url) { Ok(url) } else { Err("it can't be read".to_owned()) }
            })
        };
        let url = values.text("audit.checkpoint_url").map(receiver).transpose().map_err(|why| {
            let wanted = format!("an address such as https://log.example.com/muster: {why}");
            values.wrong("audit.checkpoint_url", &wanted)
        })?;
        Ok(Self {
            directory: values.text("audit.directory"),
            minutes: values.number("audit.checkpoint_minutes", 1, 1440)?.unwrap_or(60),
            url,
        })
    }
}

impl Config {
    /// The directory of the checkpoint files.
    pub(crate) fn checkpoint_directory(&self) -> PathBuf {
        if let Some(directory) = &self.audit.directory {
            return directory.into();
        }
        let beside = self.database_file().map(|database| database.with_file_name("checkpoints"));
        beside.unwrap_or_else(|| USUAL_DIRECTORY.into())
    }

    /// How checkpoints are kept.
    pub(crate) fn keeping(&self) -> Keeping {
        Keeping {
            directory: self.checkpoint_directory(),
            every: Duration::from_secs(self.audit.minutes * 60),
            url: self.audit.url.clone(),
        }
    }
}
