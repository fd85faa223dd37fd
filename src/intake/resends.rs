//! Tells the resend of a publication from a new one. An MQTT client that got no acknowledgement sends again with the
//! same packet identifier and the DUP flag; that is one event, not two. Pure.
//!
//! A session's latest publications are remembered, by packet identifier and content. The memory is bounded: what falls
//! out of it is taken for new when it is sent again, so an event may be doubled but is never lost.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

use crate::model::Source;
use crate::store::StoredMark;

/// Publications remembered for one session: more than a client may have under way.
pub(super) const PER_SESSION: usize = 128;

/// Sessions remembered; the one that was quiet longest is forgotten for a new one.
const SESSIONS: usize = 2_048;

/// One publication of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Whose session it is.
    pub(super) source: Source,
    /// What identifies the publication in it.
    pub(super) stored: StoredMark,
}

/// The publications that might be sent again.
#[derive(Debug, Default)]
pub(super) struct Resends {
    sessions: HashMap<(Source, u64), Session>,
    clock: u64,
}

#[derive(Debug, Default)]
struct Session {
    recent: VecDeque<StoredMark>,
    used: u64,
}

impl Resends {
    /// Whether the publication was remembered.
    pub(super) fn knows(&self, mark: &Mark) -> bool {
        self.sessions.get(&session(mark)).is_some_and(|session| session.recent.contains(&mark.stored))
    }

    /// Remembers a publication, in place of an older one with the same packet identifier.
    pub(super) fn remember(&mut self, mark: Mark) {
        self.clock += 1;
        if self.sessions.len() >= SESSIONS && !self.sessions.contains_key(&session(&mark)) {
            self.forget_quietest();
        }
        let session = self.sessions.entry(session(&mark)).or_default();
        session.used = self.clock;
        session.recent.retain(|other| other.packet_id != mark.stored.packet_id);
        if session.recent.len() == PER_SESSION {
            session.recent.pop_front();
        }
        session.recent.push_back(mark.stored);
    }

    /// Forgets a publication that was not accepted after all.
    pub(super) fn forget(&mut self, mark: &Mark) {
        if let Some(session) = self.sessions.get_mut(&session(mark)) {
            session.recent.retain(|other| *other != mark.stored);
        }
    }

    fn forget_quietest(&mut self) {
        let quietest = self.sessions.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
        if let Some(key) = quietest {
            self.sessions.remove(&key);
        }
    }
}

/// A hash of what was published, to tell a resend from another publication that reuses its packet identifier. Only
/// compared within one farhook build: after an upgrade a resend may be taken for new.
pub(super) fn content(name: &str, data: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (name, data).hash(&mut hasher);
    hasher.finish()
}

fn session(mark: &Mark) -> (Source, u64) {
    (mark.source, mark.stored.session)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(session: u64, packet_id: u16, content: u64) -> Mark {
        Mark { source: Source::Api, stored: StoredMark { session, packet_id, content } }
    }

    #[test]
    fn only_the_same_publication_of_the_same_session_is_known() {
        let mut resends = Resends::default();
        resends.remember(mark(1, 5, 77));
        assert!(resends.knows(&mark(1, 5, 77)));
        assert!(!resends.knows(&mark(1, 5, 78)), "the identifier was reused");
        assert!(!resends.knows(&mark(1, 6, 77)));
        assert!(!resends.knows(&mark(2, 5, 77)));
    }

    #[test]
    fn a_reused_identifier_replaces_the_older_publication() {
        let mut resends = Resends::default();
        resends.remember(mark(1, 5, 77));
        resends.remember(mark(1, 5, 78));
        assert!(!resends.knows(&mark(1, 5, 77)));
    }

    #[test]
    fn a_publication_that_was_refused_is_not_known() {
        let mut resends = Resends::default();
        resends.remember(mark(1, 5, 77));
        resends.forget(&mark(1, 5, 77));
        assert!(!resends.knows(&mark(1, 5, 77)));
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_latest() {
        let mut resends = Resends::default();
        let (last_session, last_id) = (SESSIONS as u64 + 9, u16::try_from(PER_SESSION).unwrap() + 9);
        for session in 0..=last_session {
            for id in 0..=last_id {
                resends.remember(mark(session, id, 0));
            }
        }
        assert_eq!(resends.sessions.len(), SESSIONS);
        assert!(!resends.knows(&mark(0, 20, 0)));
        assert!(resends.knows(&mark(last_session, last_id, 0)));
        assert!(!resends.knows(&mark(last_session, 0, 0)));
    }
}
