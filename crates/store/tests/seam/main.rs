//! The seam, tried on both engines: what it promises, and what was done to break it.

mod support;
mod values;
