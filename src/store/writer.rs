//! The one writer of the queue database: group commit. Whatever comes while a flush is running becomes durable with
//! the next one, so a slow card means larger groups, not longer queues.
//!
//! An error refuses the group that met it; the database is then opened again before the next. What such a group wanted
//! to record without adding anything is owed and goes with a later group, so that nothing delivered is delivered for
//! ever. A database that is mostly dead is rebuilt, since sled keeps the disk and the memory of a backlog that is gone.

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
use log::warn;
use tokio::sync::oneshot;

use crate::clock;
use crate::store::Changes;
use crate::store::Queue;
use crate::store::ballast;
use crate::store::disk;
use crate::store::memory;
use crate::store::owed::Owed;
use crate::store::shelf::Shelf;

/// Writes that become durable together, at most.
const GROUP: usize = 256;

/// Milliseconds from one flush to the next, at least: under load more comes together, alone nobody waits. With 2 an SD
/// card has to take twice as much at 1,000 events a second: `cargo bench --bench wear`.
const FLUSH_EVERY_MS: u64 = 5;

/// Refused writes that are made up for together: on a disk that was full each needs a little room, and gives some back.
const OWED_AT_ONCE: usize = 16;

/// Milliseconds between two tries to open a database that failed.
const REOPEN_EVERY_MS: u64 = 1_000;

/// Milliseconds between two looks at the disk, and at how much of the database is alive.
const LOOK_EVERY_MS: u64 = 2_000;

/// A database is rebuilt when it takes more than this on the disk, in bytes, or more than is free there, ...
const REBUILD_FROM_BYTES: u64 = 64 << 20;

/// ... but nobody minds as much as this, ...
const REBUILD_LEAST_BYTES: u64 = 4 << 20;

/// ... holds less than this, since everybody waits while it is copied, ...
const REBUILD_ALIVE_BYTES: u64 = 16 << 20;

/// ... and takes this many times as much as it holds.
const REBUILD_FACTOR: u64 = 4;

/// Looks after a rebuilding at which memory is given back: sled frees what it held little by little.
const TRIMS: u8 = 10;

/// Milliseconds between two tries to rebuild it.
const REBUILD_EVERY_MS: u64 = 30_000;

/// Why a write did not become durable. Nothing of it is stored, except that after [`WriteError::Disk`] an error in the
/// last step may have left it there all the same: a delivery that was refused is then made after the next start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The disk has less room than the configuration wants to keep free.
    #[error("the disk is nearly full")]
    NoRoom,
    /// sled or the disk refused; the log says why.
    #[error("the disk refuses")]
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
    free_bytes: Arc<AtomicU64>,
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
        let writer = Writer::new(queue, keep_free_bytes);
        writer.look_at_disk();
        let handle = Self {
            requests,
            keep_free_bytes: Arc::clone(&writer.keep_free_bytes),
            free_bytes: Arc::clone(&writer.free_bytes),
            trouble: Arc::clone(&writer.trouble),
        };
        let thread = std::thread::Builder::new()
            .name("queue-writer".to_owned())
            .spawn(move || writer.run(&receiver))
            .expect("the system starts a thread");
        (handle, WriterThread(thread))
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

    /// Bytes that were free on the disk when something was stored last, or a few seconds ago.
    pub fn free_bytes(&self) -> u64 {
        self.free_bytes.load(Ordering::Relaxed)
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
    queue: Queue,
    shelf: Arc<Shelf>,
    keep_free_bytes: Arc<AtomicU64>,
    free_bytes: Arc<AtomicU64>,
    owed: Owed,
    broken_since_ms: Option<u64>,
    rebuild_from_ms: u64,
    /// Bytes that the database took right after it was rebuilt last.
    rebuilt_bytes: u64,
    /// Looks at which memory is still to be given back.
    trims: u8,
    /// Whether there was a ballast: where there is no room for one it is not waited for.
    had_ballast: bool,
    trouble: Arc<Mutex<Option<WriteError>>>,
}

impl Writer {
    fn new(queue: &Queue, keep_free_bytes: u64) -> Self {
        Self {
            queue: queue.clone(),
            shelf: queue.shelf(),
            keep_free_bytes: Arc::new(AtomicU64::new(keep_free_bytes)),
            free_bytes: Arc::new(AtomicU64::new(u64::MAX)),
            owed: Owed::default(),
            broken_since_ms: None,
            rebuild_from_ms: 0,
            rebuilt_bytes: 0,
            trims: 0,
            had_ballast: ballast::is_aboard(queue.shelf().data()),
            trouble: Arc::default(),
        }
    }

    fn run(mut self, requests: &mpsc::Receiver<Request>) {
        let mut group = Vec::new();
        let (mut pace, mut looked_ms) = (Pace::default(), clock::now().mono_ms);
        loop {
            match requests.recv_timeout(Duration::from_millis(LOOK_EVERY_MS)) {
                Ok(request) => {
                    let open = gather(request, requests, &mut group, pace);
                    let now_ms = clock::now().mono_ms;
                    pace.flushed(&group, now_ms);
                    self.commit(&mut group, now_ms);
                    if !open {
                        self.settle_up(now_ms);
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now_ms = clock::now().mono_ms;
            if now_ms >= looked_ms + LOOK_EVERY_MS {
                looked_ms = now_ms;
                self.look_after_all(now_ms);
            }
        }
    }

    /// What has to be done also if nobody writes.
    fn look_after_all(&mut self, now_ms: u64) {
        // Readers want it open, and what is owed is not to be lost.
        if self.be_open(now_ms).is_ok() && self.pay_owed().is_err() {
            self.broken_since_ms = Some(now_ms);
        }
        let trouble = self.trouble.lock().expect("nothing here panics").clone();
        if self.has_room() && trouble == Some(WriteError::NoRoom) {
            self.note(None);
        }
        self.rebuild_if_dead(now_ms);
        if self.trims > 0 {
            self.trims -= 1;
            memory::give_back();
        }
    }

    /// The last chance to record what is owed.
    fn settle_up(&mut self, now_ms: u64) {
        self.broken_since_ms = self.broken_since_ms.map(|_| 0);
        let settled = self.be_open(now_ms.max(REOPEN_EVERY_MS)).is_ok() && self.pay_owed().is_ok();
        if !settled && !self.owed.is_empty() {
            error!("what was delivered while the disk refused will be sent again");
        }
    }

    fn commit(&mut self, group: &mut Vec<QueueWrite>, now_ms: u64) {
        if let Err(refusal) = self.be_open(now_ms) {
            self.refuse(group, &refusal);
            return;
        }
        if group.iter().any(|write| write.changes.adds()) && !self.has_room() {
            let (adding, mut rest) = group.drain(..).partition(|write| write.changes.adds());
            group.append(&mut rest);
            self.refuse(&mut { adding }, &WriteError::NoRoom);
        }
        if group.is_empty() {
            return;
        }
        match self.pay_owed().and_then(|()| self.queue.apply(group.iter().map(|write| &write.changes))) {
            Ok(()) => {
                let adds = group.iter().any(|write| write.changes.adds());
                let is_mended = matches!(*self.trouble.lock().expect("nothing here panics"), Some(WriteError::Disk(_)));
                if adds || is_mended {
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

    /// Makes up for what was refused and nobody may lose.
    fn pay_owed(&mut self) -> Result<(), sled::Error> {
        while !self.owed.is_empty() {
            self.queue.apply(self.owed.some(OWED_AT_ONCE))?;
            self.owed.paid(OWED_AT_ONCE);
        }
        Ok(())
    }

    /// Opens the database again after an error, at most once a second.
    fn be_open(&mut self, now_ms: u64) -> Result<(), WriteError> {
        let Some(since) = self.broken_since_ms else { return Ok(()) };
        if now_ms < since + REOPEN_EVERY_MS {
            return Err(WriteError::Disk("the queue is being opened again".to_owned()));
        }
        let reopened = self.shelf.reopen().map_err(|error| error.to_string());
        // Part of the group that met the error may be there all the same.
        let counted = reopened.and_then(|()| self.queue.load_tallies().map_err(|error| error.to_string()));
        match counted {
            Ok(()) => {
                info!("the queue is open again");
                self.broken_since_ms = None;
                Ok(())
            }
            Err(error) => {
                self.broken_since_ms = Some(now_ms);
                Err(WriteError::Disk(error))
            }
        }
    }

    /// Whether something new may be stored. Not while the ballast is gone: what is queued needs that room to leave.
    fn has_room(&self) -> bool {
        let keep_free = self.keep_free_bytes.load(Ordering::Relaxed);
        self.look_at_disk() >= keep_free && (!self.had_ballast || ballast::is_aboard_again(self.shelf.data()))
    }

    /// Bytes that are free, for everybody who asks; none if the disk does not say.
    fn look_at_disk(&self) -> u64 {
        let free = disk::free_bytes(self.shelf.data()).unwrap_or_default();
        self.free_bytes.store(free, Ordering::Relaxed);
        free
    }

    fn rebuild_if_dead(&mut self, now_ms: u64) {
        let total = self.queue.total();
        let (size, alive) = (self.queue.size_on_disk(), total.waiting_bytes + total.dead_bytes);
        let most = REBUILD_FROM_BYTES.min(self.free_bytes.load(Ordering::Relaxed)).max(REBUILD_LEAST_BYTES);
        // Attempts, windows and the like are alive, too: what was left by the last rebuilding knows.
        let alive = alive.max(self.rebuilt_bytes);
        let has_room = self.free_bytes.load(Ordering::Relaxed) > 2 * alive + REBUILD_LEAST_BYTES;
        let is_dead = alive <= REBUILD_ALIVE_BYTES && size >= alive.saturating_mul(REBUILD_FACTOR) && has_room;
        if size < most || !is_dead || now_ms < self.rebuild_from_ms || self.broken_since_ms.is_some() {
            return;
        }
        self.rebuild_from_ms = now_ms + REBUILD_EVERY_MS;
        match self.shelf.rebuild() {
            Ok(()) => {
                self.rebuilt_bytes = self.queue.size_on_disk();
                self.trims = TRIMS;
                info!("the queue is rebuilt: it took {size} bytes and takes {}", self.rebuilt_bytes);
            }
            Err(error) => {
                warn!("the queue cannot be rebuilt: {error}");
                if !self.shelf.is_open() {
                    self.broken_since_ms = Some(now_ms);
                }
            }
        }
    }

    fn note(&self, trouble: Option<WriteError>) {
        *self.trouble.lock().expect("nothing here panics") = trouble;
    }

    fn refuse(&mut self, group: &mut Vec<QueueWrite>, refusal: &WriteError) {
        self.note(Some(refusal.clone()));
        for write in group.drain(..) {
            if !write.changes.adds() {
                self.owed.owe(write.changes);
            }
            answer(write.done, Err(refusal.clone()));
        }
    }
}

/// When the last flushes were.
#[derive(Debug, Default, Clone, Copy)]
struct Pace {
    any_ms: u64,
    /// The last that somebody waited for. Nobody waits because of one that nobody waited for.
    awaited_ms: u64,
}

impl Pace {
    fn flushed(&mut self, group: &[QueueWrite], now_ms: u64) {
        self.any_ms = now_ms;
        if group.iter().any(|write| write.done.is_some()) {
            self.awaited_ms = now_ms;
        }
    }
}

/// Collects a group: what waits already, and what comes until it is time for a flush. False when the writer shall end
/// after it.
fn gather(first: Request, requests: &mpsc::Receiver<Request>, group: &mut Vec<QueueWrite>, pace: Pace) -> bool {
    let mut until_ms = pace.any_ms + FLUSH_EVERY_MS;
    let mut next = Ok(first);
    loop {
        match next {
            Ok(Request::Write(write)) => {
                if write.done.is_some() {
                    until_ms = until_ms.min(pace.awaited_ms + FLUSH_EVERY_MS);
                }
                group.push(write);
            }
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
