//! Speaks other systems' protocols and formats; today: mail by SMTP, and CSV files.

pub mod csv;
pub mod smtp;
pub mod post;
