//! The rules of hooks: which event triggers which hook, what request it makes, what becomes of the answer, how often
//! and when it is tried. Values in, values out; whoever calls brings the time and the chance.
//!
//! A hook is read once ([`HookDefinition::parse`]). An event that it [matches](matching::matches) is
//! [limited](limits::SlidingWindow), turned into a [request](request::build), and its answer into
//! [result events](response::results). A failure is weighed by [retry] and counted by [health].

pub mod aliases;
mod bounds;
pub mod definition;
mod edit;
mod fields;
mod headers;
pub mod health;
mod hiding_places;
pub mod limits;
pub mod masking;
pub mod matching;
mod pairs;
mod parse;
mod parts;
pub mod preview;
pub mod problem;
mod rendering;
pub mod request;
pub mod response;
pub mod retry;
pub mod sample_event;
mod secrecy;
pub mod signing;
mod spelling;
mod target;
pub mod template;
mod tree;
pub mod unmasking;
mod variables;

pub use bounds::QueueRule;
pub use definition::HookDefinition;
pub use definition::RequestMethod;
pub use edit::edited;
pub use headers::HeaderError;
pub use parts::Parts;
pub use problem::InvalidHook;
pub use rendering::FieldError;
pub use request::HookRequest;
pub use secrecy::Secrecy;
pub use target::TargetError;

#[cfg(test)]
mod tests;
