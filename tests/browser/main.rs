//! Journeys through the console in a real Chromium: what a person sees, clicks and types, in light and dark, on a
//! desk and on a phone, with axe-core on every page. Rules are tested elsewhere; a journey shows that they can be
//! reached.

mod axe;
mod browser;
mod driver;
mod harness;
