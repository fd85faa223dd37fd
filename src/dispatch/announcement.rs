//! A result on its way to who hears it: to everybody live, and to sessions that outlive their connection by what is kept
//! for them.

use std::sync::Arc;

use crate::model::Event;
use crate::sessions::Kept;

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) event: Arc<Event>,
    /// In the batch that records how its delivery ended.
    pub(super) kept: Kept,
}
