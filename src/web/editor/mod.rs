//! The editor of hooks: a definition as a form and back, and definitions to begin with. Pure.
//!
//! ```text
//!            Form::of                     shown in fields           Form::read
//! definition ────────> Form ──> the page ─────────────────> fields ──────────> Form ──┐
//!     └───────────────────────────────── base ────────────────────────────────────────┴─ onto ──> definition
//! ```
//!
//! A definition may say more than the form shows. What the form does not change is never written again, so it stays
//! as it was: keys, spelling, order and types.

mod examples;
mod form;
mod mark;
mod onto;
mod posted;
mod rows;
mod values;

pub(super) use examples::Example;
pub(super) use examples::examples;
pub(super) use form::Form;

#[cfg(test)]
mod tests;
