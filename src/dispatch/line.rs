//! The lanes that stand in line at one target, and whose turn it is. Pure.
//!
//! Hooks take turns, and each hook's lanes take turns. Now and then somebody who has just come is taken out of turn:
//! when a long outage is over, what happens now is not told only after everything that happened meanwhile.

use std::collections::HashMap;
use std::collections::VecDeque;

use crate::dispatch::target::Target;
use crate::model::HookId;
use crate::store::LaneKey;

/// A target and who stands in line at it.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) target: Target,
    /// Whose limit counts; none if each event chooses its host.
    pub(super) host: Option<String>,
    turns: VecDeque<HookId>,
    lanes: HashMap<HookId, VecDeque<LaneKey>>,
    /// Those among the lanes whose head has just been published and stands behind nothing older.
    fresh: VecDeque<LaneKey>,
    taken: u32,
}

impl Line {
    /// A lane lines up behind the others.
    pub(super) fn join(&mut self, lane: LaneKey, is_fresh: bool) {
        let lanes = self.lanes.entry(lane.hook).or_default();
        if lanes.is_empty() {
            self.turns.push_back(lane.hook);
        }
        lanes.push_back(lane);
        if is_fresh {
            self.fresh.push_back(lane);
        }
    }

    /// A lane leaves the line without its turn.
    pub(super) fn leave(&mut self, lane: LaneKey) {
        self.fresh.retain(|other| *other != lane);
        if let Some(lanes) = self.lanes.get_mut(&lane.hook) {
            lanes.retain(|other| *other != lane);
            if lanes.is_empty() {
                self.leave_all(lane.hook);
            }
        }
    }

    /// All lanes of a hook leave the line.
    pub(super) fn leave_all(&mut self, hook: HookId) {
        self.turns.retain(|other| *other != hook);
        self.lanes.remove(&hook);
        self.fresh.retain(|other| other.hook != hook);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Whose turn it is. One in `interleave` is somebody who has just come; with 0 nobody is taken out of turn.
    pub(super) fn take_turn(&mut self, interleave: u32) -> Option<LaneKey> {
        self.taken = self.taken.wrapping_add(1);
        if interleave > 0 && self.taken % interleave == 0 {
            if let Some(lane) = self.fresh.pop_front() {
                self.leave(lane);
                return Some(lane);
            }
        }
        let hook = self.turns.pop_front()?;
        let lanes = self.lanes.get_mut(&hook)?;
        let lane = lanes.pop_front();
        if lanes.is_empty() {
            self.lanes.remove(&hook);
        } else {
            self.turns.push_back(hook);
        }
        if let Some(at) = self.fresh.iter().position(|fresh| Some(*fresh) == lane) {
            self.fresh.remove(at);
        }
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeviceId;

    fn lane(hook: u8, device: u8) -> LaneKey {
        LaneKey { hook: HookId::from_bytes([hook; 12]), device: Some(DeviceId::from_bytes([device; 12])) }
    }

    fn turns(line: &mut Line, interleave: u32) -> Vec<LaneKey> {
        std::iter::from_fn(|| line.take_turn(interleave)).collect()
    }

    #[test]
    fn one_in_four_has_just_come() {
        let mut line = Line::default();
        (0..20).for_each(|device| line.join(lane(1, device), false));
        (100..103).for_each(|device| line.join(lane(1, device), true));
        let order = turns(&mut line, 4);
        assert_eq!(order.len(), 23, "everybody comes once");
        let places: Vec<usize> =
            (100..103).map(|device| order.iter().position(|turn| *turn == lane(1, device)).unwrap()).collect();
        assert_eq!(places, [3, 7, 11]);
        assert!(line.is_empty() && line.fresh.is_empty());
    }

    #[test]
    fn without_interleaving_everybody_waits_for_his_turn() {
        let mut line = Line::default();
        line.join(lane(1, 1), false);
        line.join(lane(1, 2), true);
        line.join(lane(2, 3), false);
        assert_eq!(turns(&mut line, 0), [lane(1, 1), lane(2, 3), lane(1, 2)]);
    }

    #[test]
    fn who_leaves_has_no_turn() {
        let mut line = Line::default();
        line.join(lane(1, 1), true);
        line.join(lane(1, 2), true);
        line.join(lane(2, 3), true);
        line.leave(lane(1, 1));
        line.leave_all(lane(2, 0).hook);
        assert_eq!(turns(&mut line, 1), [lane(1, 2)]);
        assert!(line.is_empty());
    }
}
