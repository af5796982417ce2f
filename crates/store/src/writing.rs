//! Whether anything can be saved, and what an error of `SQLite`'s writer says about that.

use std::sync::atomic::{AtomicU8, Ordering};

/// Whether anything can be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// Yes.
    Possible,
    /// Not for want of room: what is tried is undone, nothing is in doubt, and writing goes on by itself once there is.
    Full,
    /// Not until the next start: a COMMIT has failed, and what the file holds is not known.
    Stopped,
    /// PostgreSQL has not answered the last COMMIT in time; the next one that it answers ends this.
    Hanging,
}

impl Writing {
    /// Says it to whoever reads the metrics.
    pub(crate) fn show(self) {
        metrics::gauge!("muster_writing_stopped").set(f64::from(u8::from(self != Self::Possible)));
    }
}

/// What the writer knows about it.
#[derive(Debug, Default)]
pub(crate) struct State {
    writing: AtomicU8,
    /// What the next COMMIT fails with, instead of being tried.
    #[cfg(feature = "testing")]
    next_commit: std::sync::atomic::AtomicI32,
}

impl State {
    pub(crate) fn get(&self) -> Writing {
        match self.writing.load(Ordering::Acquire) {
            0 => Writing::Possible,
            1 => Writing::Full,
            _ => Writing::Stopped,
        }
    }

    /// Notes what is possible. What has stopped stays so until the next start.
    pub(crate) fn set(&self, writing: Writing) {
        let before = self.writing.fetch_max(writing as u8, Ordering::AcqRel);
        let is_over = writing == Writing::Possible
            && self.writing.compare_exchange(1, 0, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if is_over {
            tracing::info!("there is room on the disk again: writing goes on");
        } else if writing == Writing::Full && before == Writing::Possible as u8 {
            tracing::error!("the disk is full: nothing is saved until there is room again");
        }
        self.get().show();
    }

    /// Notes what an error says about writing outside the groups, where every statement commits by itself.
    pub(crate) fn judge(&self, error: &rusqlite::Error) {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => {}
            _ if is_full(error) => self.set(Writing::Full),
            _ => {
                tracing::error!(%error, "a COMMIT failed: writing stops until the server is started again");
                self.set(Writing::Stopped);
            }
        }
    }

    /// What a test wants the next COMMIT to fail with.
    #[cfg(feature = "testing")]
    pub(crate) fn injected(&self) -> rusqlite::Result<()> {
        match self.next_commit.swap(0, Ordering::AcqRel) {
            0 => Ok(()),
            code => Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)),
        }
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "only tests have something to inject")]
    pub(crate) fn injected(&self) -> rusqlite::Result<()> {
        Ok(())
    }

    /// Lets the next COMMIT fail with this code of `SQLite`.
    #[cfg(feature = "testing")]
    pub(crate) fn fail_next_commit(&self, code: i32) {
        self.next_commit.store(code, Ordering::Release);
    }
}

/// Whether there was no room.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
}
