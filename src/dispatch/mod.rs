//! The dispatcher: the one task that owns what waits, starts attempts, and decides what follows them.
//!
//! ```text
//! arrivals ─> lanes ─> attempt (a task each) ─> conclude ─> store: gone or tried again later
//!                │ who may start now                    └─> pacer ─> live: hook-sent, hook-response, hook-error
//!                └ target: up? busy? host's limit?
//! ```
//! `lanes`, `target`, `connectivity`, `roster`, `conclude` and `pacer` think and know no time of their own; `driver`
//! waits and acts, with `signs`, `aftermath`, `backlog`, `shedding`, `errands`, `pause` and `upkeep` as its hands.

mod aftermath;
mod age;
mod announcement;
mod attempt;
mod backlog;
mod conclude;
mod connectivity;
mod driver;
mod errands;
mod lane;
mod lanes;
mod line;
mod pacer;
mod pause;
mod roster;
mod shedding;
mod signs;
mod target;
mod trend;
mod trial;
mod unrecorded;
mod upkeep;

pub use driver::Dispatcher;
pub use driver::Parts;
