//! Speaks other systems' protocols and formats; today: CSV files.

pub mod csv;
