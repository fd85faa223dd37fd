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
//! data/queue/            sled: deliveries, limit windows, hook health; disposable when it is empty
//! data/ballast           16 MB given back to the disk when it is so full that sled cannot open
//! ```

mod ballast;
mod disk;
mod meta;
mod open;
mod power_safe;
mod queue;
mod row;
mod shelf;
mod writer;

pub use meta::Meta;
pub use meta::MetaError;
pub use open::OpenError;
pub use open::Opened;
pub use queue::Arrived;
pub use queue::Changes;
pub use queue::DeliveryKey;
pub use queue::Queue;
pub use queue::QueueError;
pub use queue::StoredDelivery;
pub use queue::StoredHealth;
pub use queue::StoredMark;
pub use queue::StoredWindow;
pub use queue::Waiting;
pub use writer::QueueWriter;
pub use writer::WriteError;
pub use writer::WriterThread;

#[cfg(test)]
pub(crate) use queue::tests;
