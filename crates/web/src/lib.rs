//! HTTP to operations, and results to JSON or HTML.
