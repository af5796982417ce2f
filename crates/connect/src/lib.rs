//! Speaks other systems' protocols and formats; today: SMTP, CSV files, the words of browsers, places of addresses.

pub mod csv;
pub mod device;
pub mod geo;
pub mod post;
pub mod smtp;
