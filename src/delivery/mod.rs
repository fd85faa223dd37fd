//! One HTTP attempt: takes a finished request, sends it, returns how it ended. Called by the dispatcher only.
//!
//! It never retries, never follows a redirect, never reads more than it was told to, and never dials an address that
//! the owner did not allow. It knows no hook, no limit and no queue.

mod captive;
mod courier;
mod egress;
mod outcome;
mod reading;
mod resolver;
#[cfg(test)]
pub(crate) mod responder;
mod timing;

pub use captive::CaptiveSign;
pub use courier::Courier;
pub use courier::CourierError;
pub use courier::Patience;
pub use courier::Settings;
pub use egress::Egress;
pub use egress::is_local;
pub use outcome::Answer;
pub use outcome::Attempted;
pub use outcome::NoAnswer;
pub use outcome::Outcome;
pub use timing::Timing;
