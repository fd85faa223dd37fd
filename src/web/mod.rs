//! The pages on the web port.

#[cfg_attr(not(test), expect(dead_code, reason = "no page uses it yet"))]
mod editor;
