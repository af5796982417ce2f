//! Muster: who belongs, what each person may do, where they are signed in, and proof of what happened.

#[cfg_attr(not(test), expect(dead_code, reason = "wired with the command line"))]
mod demo;

fn main() {}
