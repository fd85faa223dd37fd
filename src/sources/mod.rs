//! Devices that people already have, behind a source: a system such as Tasmota or Zigbee2MQTT that logs in once and
//! publishes for many devices in topics of its own. Pure: the time is an argument, and who logged in was decided before.
//!
//! ```text
//!  topic, payload ──> rules ──> device and readings ──> found: who may be adopted, for people
//!                    (preset,        │
//!                    or the user's)  └── adopted from this source? ──> told: changed? too soon? ──> events
//! ```
//! The first rule that can read a publish does. What a device is called in the payload or the topic chooses only
//! among the devices that were adopted from the source that logged in: a source cannot speak for any other.
//!
//! A *replay* is what another broker tells of the past when one subscribes there: a retained message. It is listed, and
//! makes no event and is not remembered. What a client of our own broker publishes is never one, also with the retain
//! flag: there the flag asks to keep what is published now (MQTT 3.1.1, 3.3.1.3), and many devices set it on all.

mod ear;
mod found;
mod payload;
mod presets;
mod rule;
mod rules;
mod told;
mod topic;
mod wording;

pub use ear::Ear;
pub use ear::Event;
pub use ear::Heard;
pub use ear::Message;
pub use found::Found;
pub use found::LastReading;
pub use found::is_device_name;
pub use presets::PRESETS;
pub use presets::preset;
pub use rule::RuleError;
pub use rules::RuleSet;
pub use rules::RuleSetError;
pub use rules::WrittenRuleSet;
