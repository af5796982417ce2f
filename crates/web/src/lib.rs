//! HTTP to operations, and results to JSON or HTML.

mod assets;
mod console;
mod icons;
