//! HTTP to operations, and results to JSON or HTML.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the router that serves them is joined with the first handlers")
)]
mod assets;
#[cfg_attr(not(test), expect(dead_code, reason = "the pages are drawn; the handlers that fill them follow"))]
mod console;
mod icons;
