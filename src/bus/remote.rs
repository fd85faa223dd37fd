//! From the web port to the control task: requests of a command line that is somewhere else, and of pages.

use std::fmt;

use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::bus::protocol::Asked;
use crate::bus::protocol::Reply;
use crate::model::UserId;

/// Requests that may wait.
const WAITING: usize = 16;

/// One request.
pub struct RemoteRequest {
    /// Whose token came with it.
    pub user: UserId,
    /// What is asked.
    pub asked: Asked,
    /// The reply, in the words of the local socket.
    pub reply: oneshot::Sender<Reply>,
}

impl fmt::Debug for RemoteRequest {
    /// Not what is asked: there may be a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteRequest").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The web port's end and the control task's.
pub fn remote_requests() -> (mpsc::Sender<RemoteRequest>, mpsc::Receiver<RemoteRequest>) {
    mpsc::channel(WAITING)
}
