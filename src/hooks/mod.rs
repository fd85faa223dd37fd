//! The rules of hooks.

pub mod template;
