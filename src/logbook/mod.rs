//! The log of deliveries: of each hook the latest attempts and, longer, the latest that were no success.
//!
//! The dispatcher records every attempt here; whoever shows the log reads it here. What is recorded is written some
//! time later, all together: an attempt that newer ones have already displaced never reaches the disk, so the log costs
//! an SD card a bounded amount, however much is sent. A power cut can take the last half minute of the log, and nothing
//! else.

mod entry;

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;

use crate::model::HookId;
use crate::store::AttemptShelf;
use crate::store::AttemptSlot;
use crate::store::Changes;
use crate::store::Fate;
use crate::store::Queue;
use crate::store::QueueError;
use crate::store::StoredAttempt;

use entry::Kept;

pub use entry::Answered;
pub use entry::Entry;

/// Attempts without success that are kept of each hook in any case.
pub const ERRORS: u16 = 20;

/// How long an attempt waits to be written, in milliseconds.
const WRITE_AFTER_MS: u64 = 30_000;

/// Bytes of attempts that wait to be written.
const PENDING_BYTES: usize = 1 << 20;

/// The log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Logbook(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    queue: Queue,
    pages: HashMap<HookId, Page>,
    /// When the oldest of what waits was recorded.
    pending_since_ms: Option<u64>,
    pending_bytes: usize,
}

/// What is known of one hook's attempts.
#[derive(Debug)]
struct Page {
    next_number: u64,
    next_error_slot: u16,
    pending: VecDeque<Arc<Kept>>,
    pending_errors: VecDeque<Arc<Kept>>,
}

impl Logbook {
    /// The log that is in the queue's database.
    pub fn new(queue: Queue) -> Self {
        let book = Book { queue, pages: HashMap::new(), pending_since_ms: None, pending_bytes: 0 };
        Self(Arc::new(Mutex::new(book)))
    }

    /// Records an attempt; of each hook `keep` are kept.
    ///
    /// # Errors
    /// When what was recorded before cannot be read. The attempt is not in the log then.
    pub fn record(&self, hook: HookId, mut entry: Entry, keep: u16, now_ms: u64) -> Result<(), QueueError> {
        let mut book = self.0.lock().expect("nothing here panics");
        let page = book.page(hook)?;
        entry.number = page.next_number;
        page.next_number += 1;
        let fate = entry.fate;
        let (kept, mut bytes) = (Arc::new(Kept::from(entry)), 0);
        let mut push = |line: &mut VecDeque<Arc<Kept>>, most: u16| {
            bytes += kept.bytes();
            line.push_back(Arc::clone(&kept));
            if line.len() > usize::from(most) {
                bytes -= line.pop_front().map_or(0, |displaced| displaced.bytes().min(bytes));
            }
        };
        push(&mut page.pending, keep);
        if fate != Fate::Delivered {
            push(&mut page.pending_errors, ERRORS);
        }
        book.pending_bytes += bytes;
        book.pending_since_ms.get_or_insert(now_ms);
        Ok(())
    }

    /// What shall be written now, if it is time for that.
    pub fn due(&self, keep: u16, now_ms: u64) -> Option<Changes> {
        let mut book = self.0.lock().expect("nothing here panics");
        let is_old = book.pending_since_ms.is_some_and(|since_ms| now_ms >= since_ms + WRITE_AFTER_MS);
        (is_old || book.pending_bytes > PENDING_BYTES).then(|| book.take(keep))
    }

    /// Everything that waits to be written.
    pub fn take(&self, keep: u16) -> Changes {
        self.0.lock().expect("nothing here panics").take(keep)
    }

    /// The latest attempts of a hook, newest first, at most `most`; with the latest that were no success.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn latest(&self, hook: HookId, most: usize) -> Result<Vec<StoredAttempt>, QueueError> {
        let (queue, pending) = {
            let book = self.0.lock().expect("nothing here panics");
            let page = book.pages.get(&hook);
            let pending = page.into_iter().flat_map(|page| page.pending.iter().chain(&page.pending_errors));
            (book.queue.clone(), pending.cloned().collect::<Vec<_>>())
        };
        let mut attempts: Vec<_> = pending.iter().map(|kept| kept.shown()).collect();
        for shelf in [AttemptShelf::All, AttemptShelf::Errors] {
            attempts.extend(queue.attempts(hook, shelf)?.into_iter().map(|(_, attempt)| attempt));
        }
        attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.number));
        attempts.dedup_by_key(|attempt| attempt.number);
        let errors = attempts.iter().skip(most).filter(|attempt| attempt.fate != Fate::Delivered);
        let errors: Vec<_> = errors.take(usize::from(ERRORS)).cloned().collect();
        attempts.truncate(most);
        attempts.extend(errors);
        Ok(attempts)
    }

    /// Forgets a hook that is gone.
    pub fn forget(&self, hook: HookId) {
        self.0.lock().expect("nothing here panics").pages.remove(&hook);
    }
}

impl Book {
    fn page(&mut self, hook: HookId) -> Result<&mut Page, QueueError> {
        if !self.pages.contains_key(&hook) {
            let all = self.queue.newest_attempt(hook, AttemptShelf::All)?;
            let errors = self.queue.newest_attempt(hook, AttemptShelf::Errors)?;
            let page = Page {
                next_number: [all, errors].iter().flatten().map(|(_, number)| number + 1).max().unwrap_or(0),
                next_error_slot: errors.map_or(0, |(slot, _)| (slot + 1) % ERRORS),
                pending: VecDeque::new(),
                pending_errors: VecDeque::new(),
            };
            self.pages.insert(hook, page);
        }
        Ok(self.pages.get_mut(&hook).expect("it is there by now"))
    }

    fn take(&mut self, keep: u16) -> Changes {
        let mut changes = Changes::new();
        for (hook, page) in &mut self.pages {
            for entry in page.pending.drain(..) {
                let slot = u16::try_from(entry.number() % u64::from(keep)).expect("it is less than keep");
                let slot = AttemptSlot { hook: *hook, shelf: AttemptShelf::All, slot };
                changes.put_attempt(slot, &entry.shown());
            }
            for entry in page.pending_errors.drain(..) {
                let slot = AttemptSlot { hook: *hook, shelf: AttemptShelf::Errors, slot: page.next_error_slot };
                page.next_error_slot = (page.next_error_slot + 1) % ERRORS;
                changes.put_attempt(slot, &entry.shown());
            }
        }
        (self.pending_bytes, self.pending_since_ms) = (0, None);
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::QueueWriter;

    const HOOK: HookId = HookId::from_bytes([4; 12]);

    /// A log of 30 attempts, and how they ended: every tenth is an error.
    fn recorded(book: &Logbook, numbers: std::ops::Range<u64>) {
        for number in numbers {
            let fate = if number % 10 == 0 { Fate::Dead } else { Fate::Delivered };
            book.record(HOOK, Entry { fate, ..entry::tests::entry() }, 30, number).unwrap();
        }
    }

    fn numbers(book: &Logbook, most: usize) -> Vec<u64> {
        book.latest(HOOK, most).unwrap().iter().map(|attempt| attempt.number).collect()
    }

    #[tokio::test]
    async fn the_latest_are_shown_before_and_after_they_are_written_and_after_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, thread) = QueueWriter::start(&queue, 0);
        let book = Logbook::new(queue.clone());
        recorded(&book, 0..500);
        let errors = (300..=460).rev().step_by(10).skip(1);
        let expected: Vec<u64> = (470..500).rev().chain([460]).chain(errors).collect();
        let with_errors = |latest: &[u64]| latest[..30] == expected[..30] && latest[30..].iter().all(|n| n % 10 == 0);
        assert!(with_errors(&numbers(&book, 30)), "{:?}", numbers(&book, 30));
        assert_eq!(numbers(&book, 30).len(), 47, "three of the twenty errors are among the latest");

        writer.write(book.take(30)).await.unwrap().unwrap();
        assert!(with_errors(&numbers(&book, 30)) && numbers(&book, 30).len() == 47);
        let again = Logbook::new(queue.clone());
        recorded(&again, 500..501);
        writer.write(again.take(30)).await.unwrap().unwrap();
        let latest = numbers(&again, 30);
        assert_eq!((latest[0], latest[29], latest.len()), (500, 471, 47), "{latest:?}");
        writer.stop();
        thread.join();
    }

    #[test]
    fn it_is_written_after_a_while_or_when_much_waits() {
        let data = tempfile::tempdir().unwrap();
        let book = Logbook::new(Queue::open(data.path()).unwrap().0);
        assert!(book.due(30, 1_000_000).is_none());
        recorded(&book, 0..1);
        assert!(book.due(30, 29_999).is_none());
        assert!(book.due(30, 30_000).is_some());
        assert!(book.due(30, 60_000).is_none(), "it was taken");
        let long = || Entry { request: Some(entry::tests::request(&"x".repeat(7_000))), ..entry::tests::entry() };
        for hook in 0..4 {
            (0..30).for_each(|_| book.record(HookId::from_bytes([hook; 12]), long(), 30, 60_000).unwrap());
        }
        assert!(book.due(30, 60_000).is_some());
    }

    #[test]
    fn what_is_very_long_is_cut_at_once() {
        let data = tempfile::tempdir().unwrap();
        let book = Logbook::new(Queue::open(data.path()).unwrap().0);
        let long = || Entry { request: Some(entry::tests::request(&"x".repeat(100_000))), ..entry::tests::entry() };
        (0..30).for_each(|_| book.record(HOOK, long(), 30, 0).unwrap());
        assert!(book.due(30, 0).is_none());
        let request = book.latest(HOOK, 1).unwrap().remove(0).request.unwrap();
        assert!(request.body_bytes > 100_000 && request.body.len() == 4_096);
    }

    #[test]
    fn what_is_displaced_does_not_count() {
        let data = tempfile::tempdir().unwrap();
        let book = Logbook::new(Queue::open(data.path()).unwrap().0);
        (0..10_000).for_each(|_| book.record(HOOK, entry::tests::entry(), 30, 0).unwrap());
        assert!(book.due(30, 0).is_none());
        assert_eq!(book.0.lock().unwrap().pages[&HOOK].pending.len(), 30);
    }
}
