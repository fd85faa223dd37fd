//! What survives: two sled databases in the data folder, `meta/` and `queue/`. Only this module knows sled.
//!
//! [`Meta`] holds what people made (devices, tokens, hooks), [`Queue`] what is on its way (deliveries). Whoever needs a
//! thing to be durable hands [`Changes`] to the [`QueueWriter`] and waits for its answer: one thread applies
//! and flushes for everybody who came in the meantime.
//!
//! ```text
//! data/lock              held by the running daemon
//! data/running           there while a daemon runs, and after one that was killed
//! data/meta/             sled: devices, tokens, hooks
//! data/meta-export.json  the same, rewritten after every change: what meta/ is restored from
//! data/queue/            sled: deliveries, dead letters, attempts, limit windows, hook health, notices,
//!                        figures, counters of sensors, retained messages, lasting sessions and what waits for them,
//!                        and at a stop the events of late
//! data/queue.new/        only while it is rebuilt, or after that was cut short
//! data/ballast           16 MB given back to the disk when it is so full that sled cannot open
//! ```

mod attempt;
mod ballast;
mod changes;
mod dead;
mod delivery;
mod disk;
mod figures;
mod keys;
mod memory;
mod meta;
mod open;
mod owed;
mod pieces;
mod power_safe;
mod queue;
mod recent;
mod retained;
mod row;
mod rows;
mod session;
mod shelf;
mod tally;
mod writer;
mod writes;

pub use attempt::AttemptShelf;
pub use attempt::AttemptSlot;
pub use attempt::Fate;
pub use attempt::LoggedAnswer;
pub use attempt::LoggedRequest;
pub use attempt::LoggedTiming;
pub use attempt::StoredAttempt;
pub use changes::Changes;
pub use dead::Cause;
pub use dead::DeadLetter;
pub use dead::End;
pub use delivery::Arrived;
pub use delivery::Moment;
pub use delivery::StoredDelivery;
pub use delivery::StoredMark;
pub use figures::StoredFigures;
pub use figures::StoredRing;
pub use figures::Whose;
pub use keys::DeliveryId;
pub use keys::DeliveryIdError;
pub use keys::DeliveryKey;
pub use keys::LaneKey;
pub use meta::Meta;
pub use meta::MetaChanges;
pub use meta::MetaError;
pub use meta::SCHEMA;
pub use open::OpenError;
pub use open::Opened;
pub use queue::Page;
pub use queue::Queue;
pub use queue::QueueError;
pub use retained::StoredRetained;
pub use rows::StoredHealth;
pub use rows::StoredNotice;
pub use rows::StoredSensor;
pub use rows::StoredWindow;
pub use session::MessageRow;
pub use session::StoredHolder;
pub use session::StoredMessage;
pub use session::StoredSession;
pub use session::StoredSubscription;
pub use tally::Tally;
pub use writer::QueueWriter;
pub use writer::WriteError;
pub use writer::WriterThread;
pub use writes::Writes;
pub use writes::Written;

#[cfg(test)]
pub(crate) use delivery::tests;
