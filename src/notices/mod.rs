//! What a person should read: a hook was disabled, events were dropped, the queue was damaged. A notice stays until it
//! is read, also over restarts. Whoever posts or reads one gets the changes that make that durable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use crate::model::HookId;
use crate::model::WallTime;
use crate::store::Changes;
use crate::store::StoredNotice;

/// Notices that are kept; the oldest makes room.
const MOST: usize = 100;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A hook had too many errors in a row.
    HookDisabled,
    /// A hook's queue was full, and its oldest deliveries were dropped to make room.
    EventsDropped,
    /// A hook had more dead letters than are kept, and its oldest were removed.
    LettersRemoved,
    /// More waited for an MQTT session than is kept, and its oldest messages were dropped.
    MessagesDropped,
    /// The queue could not be read at the start, and was put aside.
    QueueDamaged,
}

/// The notices. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notices(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    next_number: u64,
    by_number: BTreeMap<u64, StoredNotice>,
}

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::HookDisabled => "hook_disabled",
            Self::EventsDropped => "events_dropped",
            Self::LettersRemoved => "letters_removed",
            Self::MessagesDropped => "messages_dropped",
            Self::QueueDamaged => "queue_damaged",
        }
    }
}

impl Notices {
    /// Those that were not read before the restart.
    pub fn restore(stored: Vec<(u64, StoredNotice)>) -> Self {
        let by_number: BTreeMap<_, _> = stored.into_iter().collect();
        let next_number = by_number.keys().next_back().map_or(1, |last| last + 1);
        Self(Arc::new(Mutex::new(State { next_number, by_number })))
    }

    /// Posts a notice. One of the same kind and hook that is not read yet is counted up instead.
    pub fn post(&self, kind: Kind, hook: Option<HookId>, text: &str, at: WallTime) -> Changes {
        let mut state = self.0.lock().expect("nothing here panics");
        let mut changes = Changes::new();
        let same = |notice: &StoredNotice| notice.kind == kind.name() && notice.hook == hook;
        let number = state.by_number.iter().find(|(_, notice)| same(notice)).map(|(number, _)| *number);
        let number = number.unwrap_or_else(|| {
            state.next_number += 1;
            state.next_number - 1
        });
        let times = state.by_number.get(&number).map_or(0, |notice| notice.times).saturating_add(1);
        let notice = StoredNotice { at, hook, kind: kind.name().to_owned(), text: text.to_owned(), times };
        changes.put_notice(number, &notice);
        state.by_number.insert(number, notice);
        if state.by_number.len() > MOST {
            if let Some((oldest, _)) = state.by_number.pop_first() {
                changes.remove_notice(oldest);
            }
        }
        changes
    }

    /// A notice was read. None if there is no such notice.
    pub fn read(&self, number: u64) -> Option<Changes> {
        self.0.lock().expect("nothing here panics").by_number.remove(&number)?;
        let mut changes = Changes::new();
        changes.remove_notice(number);
        Some(changes)
    }

    /// Those that are not read, oldest first, by their numbers.
    pub fn unread(&self) -> Vec<(u64, StoredNotice)> {
        let state = self.0.lock().expect("nothing here panics");
        state.by_number.iter().map(|(number, notice)| (*number, notice.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: Option<HookId> = Some(HookId::from_bytes([4; 12]));

    fn at(ms: i64) -> WallTime {
        WallTime::from_millis(ms)
    }

    #[test]
    fn a_notice_stays_until_it_is_read_and_repeats_are_counted() {
        let notices = Notices::restore(Vec::new());
        notices.post(Kind::HookDisabled, HOOK, "a", at(1));
        notices.post(Kind::EventsDropped, HOOK, "b", at(2));
        notices.post(Kind::HookDisabled, HOOK, "c", at(3));
        let unread = notices.unread();
        let shown: Vec<_> = unread.iter().map(|(number, notice)| (*number, &*notice.text, notice.times)).collect();
        assert_eq!(shown, [(1, "c", 2), (2, "b", 1)]);

        let again = Notices::restore(unread);
        assert!(again.read(1).is_some() && again.read(1).is_none());
        again.post(Kind::QueueDamaged, None, "d", at(4));
        assert_eq!(again.unread().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn there_are_never_more_than_can_be_read() {
        let notices = Notices::restore(Vec::new());
        for number in 0..=u8::MAX {
            notices.post(Kind::HookDisabled, Some(HookId::from_bytes([number; 12])), "a", at(1));
        }
        assert_eq!(notices.unread().len(), MOST);
    }
}
