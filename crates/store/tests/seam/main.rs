//! The seam, tried on both engines: what it promises, and what was done to break it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must stop")]

mod cancelled;
mod jobs;
mod notify;
mod poolers;
mod postgres;
mod proof;
mod sqlite;
mod support;
mod values;
