//! Writes on their way to the disk, each with what waits for it. They end in the order in which they were begun.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::store::WriteError;

/// The end of a write, to come.
pub type Written = oneshot::Receiver<Result<(), WriteError>>;

/// See the module.
#[derive(Debug)]
pub struct Writes<T> {
    under_way: VecDeque<(Written, T)>,
}

impl<T> Default for Writes<T> {
    fn default() -> Self {
        Self { under_way: VecDeque::new() }
    }
}

impl<T> Writes<T> {
    /// Waits for this write, too, from now on.
    pub fn begin(&mut self, written: Written, waiting: T) {
        self.under_way.push_back((written, waiting));
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Waits for the next one to end: what waited for it, and whether it is on the disk. For ever if none is under way.
    /// Cancel safe.
    pub async fn next(&mut self) -> (T, Result<(), WriteError>) {
        let Some((written, _)) = self.under_way.front_mut() else { return std::future::pending().await };
        let written = written.await.unwrap_or(Err(WriteError::Closed));
        let (_, waiting) = self.under_way.pop_front().expect("it was there before");
        (waiting, written)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn writes_end_in_their_order() {
        let mut writes = Writes::default();
        let [(first, one), (second, other), (third, gone)] = [(); 3].map(|()| oneshot::channel());
        writes.begin(one, "a");
        writes.begin(other, "b");
        writes.begin(gone, "c");
        second.send(Err(WriteError::NoRoom)).unwrap();
        assert!(writes.next().now_or_never().is_none());
        first.send(Ok(())).unwrap();
        assert_eq!(writes.next().await, ("a", Ok(())));
        assert_eq!((writes.len(), writes.next().await), (2, ("b", Err(WriteError::NoRoom))));
        drop(third);
        assert_eq!(writes.next().await, ("c", Err(WriteError::Closed)));
        assert!(writes.is_empty() && writes.next().now_or_never().is_none());
    }
}
