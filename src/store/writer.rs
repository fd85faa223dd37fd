//! The one writer of the queue database: group commit. Whatever comes while a flush is running becomes durable with
//! the next one, so a slow card means larger groups, not longer queues.
//!
//! An error refuses the group that met it; the database is then opened again before the next. What such a group wanted
//! to remove is owed and goes with a later group, so that nothing delivered is delivered for ever.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::Duration;

use log::error;
use log::info;
use tokio::sync::oneshot;

use crate::clock;
use crate::store::disk;
use crate::store::queue::Changes;
use crate::store::queue::Queue;
use crate::store::shelf::Shelf;

/// Writes that become durable together, at most.
const GROUP: usize = 256;

/// Milliseconds from one flush to the next, at least: under load more comes together, alone nobody waits.
const FLUSH_EVERY_MS: u64 = 2;

/// Milliseconds between two tries to open a database that failed.
const REOPEN_EVERY_MS: u64 = 1_000;

/// Why a write did not become durable. Nothing of it is stored, except that after [`WriteError::Disk`] an error in the
/// last step may have left it there all the same: a delivery that was refused is then made after the next start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The disk has less room than the configuration wants to keep free.
    #[error("the disk is nearly full")]
    NoRoom,
    /// sled or the disk refused.
    #[error("the disk refuses: {0}")]
    Disk(String),
    /// The writer has been stopped.
    #[error("the store is closed")]
    Closed,
}

/// A handle to the writer thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct QueueWriter {
    requests: mpsc::Sender<Request>,
    keep_free_bytes: Arc<AtomicU64>,
    trouble: Arc<Mutex<Option<WriteError>>>,
}

/// The writer thread; joined when the daemon stops.
#[derive(Debug)]
pub struct WriterThread(JoinHandle<()>);

#[derive(Debug)]
enum Request {
    Write(QueueWrite),
    Stop,
}

#[derive(Debug)]
struct QueueWrite {
    changes: Changes,
    done: Option<oneshot::Sender<Result<(), WriteError>>>,
}

impl QueueWriter {
    /// Starts the writer of `queue`. Nothing new is stored while less than `keep_free_bytes` are free on its disk.
    pub fn start(queue: &Queue, keep_free_bytes: u64) -> (Self, WriterThread) {
        let (requests, receiver) = mpsc::channel();
        let keep_free_bytes = Arc::new(AtomicU64::new(keep_free_bytes));
        let writer = Writer {
            shelf: queue.shelf(),
            keep_free_bytes: Arc::clone(&keep_free_bytes),
            owed: Vec::new(),
            broken_since_ms: None,
            trouble: Arc::default(),
        };
        let trouble = Arc::clone(&writer.trouble);
        let thread = std::thread::Builder::new()
            .name("queue-writer".to_owned())
            .spawn(move || writer.run(&receiver))
            .expect("the system starts a thread");
        (Self { requests, keep_free_bytes, trouble }, WriterThread(thread))
    }

    /// Hands changes over; the answer comes when they are on disk, or when they never will be.
    ///
    /// Callers bound what they have under way: the queue in front of the writer does not.
    pub fn write(&self, changes: Changes) -> oneshot::Receiver<Result<(), WriteError>> {
        let (done, answer) = oneshot::channel();
        self.send(QueueWrite { changes, done: Some(done) });
        answer
    }

    /// Hands changes over that nobody waits for: they ride along with the next group.
    pub fn ride_along(&self, changes: Changes) {
        self.send(QueueWrite { changes, done: None });
    }

    /// Changes how much room is kept free.
    pub fn keep_free(&self, bytes: u64) {
        self.keep_free_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Why the last write that had to be refused was refused, if nothing was stored since.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().expect("nothing here panics").as_ref().map(ToString::to_string)
    }

    /// Lets the writer finish what it was given, flush and end.
    pub fn stop(&self) {
        let _ = self.requests.send(Request::Stop);
    }

    fn send(&self, write: QueueWrite) {
        if let Err(mpsc::SendError(Request::Write(QueueWrite { done: Some(done), .. }))) =
            self.requests.send(Request::Write(write))
        {
            let _ = done.send(Err(WriteError::Closed));
        }
    }
}

impl WriterThread {
    /// Waits until the writer has ended.
    pub fn join(self) {
        if self.0.join().is_err() {
            error!("the queue's writer panicked");
        }
    }
}

struct Writer {
    shelf: Arc<Shelf>,
    keep_free_bytes: Arc<AtomicU64>,
    owed: Vec<Vec<u8>>,
    broken_since_ms: Option<u64>,
    trouble: Arc<Mutex<Option<WriteError>>>,
}

impl Writer {
    fn run(mut self, requests: &mpsc::Receiver<Request>) {
        let mut group = Vec::new();
        let mut flushed_ms = 0;
        loop {
            let Ok(request) = requests.recv() else { return };
            let open = gather(request, requests, &mut group, flushed_ms + FLUSH_EVERY_MS);
            flushed_ms = clock::now().mono_ms;
            self.commit(&mut group, flushed_ms);
            if !open {
                return;
            }
        }
    }

    fn commit(&mut self, group: &mut Vec<QueueWrite>, now_ms: u64) {
        if let Err(refusal) = self.be_open(now_ms) {
            self.refuse(group, &refusal);
            return;
        }
        if group.iter().any(|write| write.changes.adds) && !self.has_room() {
            let (adding, mut rest) = group.drain(..).partition(|write| write.changes.adds);
            group.append(&mut rest);
            self.refuse(&mut { adding }, &WriteError::NoRoom);
        }
        if group.is_empty() {
            return;
        }
        match self.shelf.write(self.merge(group)) {
            Ok(()) => {
                self.owed.clear();
                if group.iter().any(|write| write.changes.adds) {
                    self.note(None);
                }
                for write in group.drain(..) {
                    answer(write.done, Ok(()));
                }
            }
            Err(error) => {
                error!("the queue cannot be written: {error}");
                self.broken_since_ms = Some(now_ms);
                self.refuse(group, &WriteError::Disk(error.to_string()));
            }
        }
    }

    /// Opens the database again after an error, at most once a second.
    fn be_open(&mut self, now_ms: u64) -> Result<(), WriteError> {
        let Some(since) = self.broken_since_ms else { return Ok(()) };
        if now_ms < since + REOPEN_EVERY_MS {
            return Err(WriteError::Disk("the queue is being opened again".to_owned()));
        }
        match self.shelf.reopen() {
            Ok(()) => {
                info!("the queue is open again");
                self.broken_since_ms = None;
                Ok(())
            }
            Err(error) => {
                self.broken_since_ms = Some(now_ms);
                Err(WriteError::Disk(error.to_string()))
            }
        }
    }

    fn has_room(&self) -> bool {
        let keep_free = self.keep_free_bytes.load(Ordering::Relaxed);
        keep_free == 0 || disk::free_bytes(self.shelf.data()).is_ok_and(|free| free >= keep_free)
    }

    /// One batch of what is owed and the whole group, in order.
    fn merge(&self, group: &[QueueWrite]) -> sled::Batch {
        let mut batch = sled::Batch::default();
        for key in &self.owed {
            batch.remove(key.as_slice());
        }
        for (key, value) in group.iter().flat_map(|write| &write.changes.rows) {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        batch
    }

    fn note(&self, trouble: Option<WriteError>) {
        *self.trouble.lock().expect("nothing here panics") = trouble;
    }

    fn refuse(&mut self, group: &mut Vec<QueueWrite>, refusal: &WriteError) {
        self.note(Some(refusal.clone()));
        for write in group.drain(..) {
            self.owed.extend(write.changes.rows.into_iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key));
            answer(write.done, Err(refusal.clone()));
        }
    }
}

/// Collects a group: what waits already, and what comes until `until_ms`. False when the writer shall end after it.
fn gather(first: Request, requests: &mpsc::Receiver<Request>, group: &mut Vec<QueueWrite>, until_ms: u64) -> bool {
    let mut next = Ok(first);
    loop {
        match next {
            Ok(Request::Write(write)) => group.push(write),
            Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => return true,
        }
        if group.len() == GROUP {
            return true;
        }
        let patience = Duration::from_millis(until_ms.saturating_sub(clock::now().mono_ms));
        next = requests.recv_timeout(patience);
    }
}

fn answer(done: Option<oneshot::Sender<Result<(), WriteError>>>, result: Result<(), WriteError>) {
    if let Some(done) = done {
        // Nobody waits any more: fine.
        let _ = done.send(result);
    }
}

#[cfg(test)]
mod tests;
