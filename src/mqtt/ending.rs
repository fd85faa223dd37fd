//! Why a connection ends, what its client is told, and whether its will is published.

use std::fmt;

use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Violation;

/// Why a session's connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client said DISCONNECT.
    Left,
    /// The client said DISCONNECT and wants its will published.
    LeftWithWill,
    /// The client's side was closed or broke.
    Lost,
    /// The client broke the protocol or a limit.
    Violated(Reason),
    /// Nothing came for one and a half times the keep alive.
    Silent,
    /// Another connection claimed the session.
    TakenOver,
    /// The device or token is not registered any more, has another key or owner, or has expired.
    Revoked,
    /// The client takes events too slowly, and would have missed some.
    Lagging,
    /// The client takes nothing at all.
    Stuck,
    /// The store was full, and 3.1.1 has no words for it.
    StoreFull,
    /// The gateway is stopping.
    Stopping,
    /// The router died.
    RouterLost,
}

impl Ending {
    /// What the DISCONNECT says, where one is sent.
    pub(super) fn farewell(self) -> Option<Reason> {
        match self {
            Self::Left | Self::LeftWithWill | Self::Lost | Self::Stuck => None,
            Self::Violated(reason) => Some(reason),
            Self::Silent => Some(Reason::KeepAliveTimeout),
            Self::TakenOver => Some(Reason::SessionTakenOver),
            Self::Revoked => Some(Reason::NotAuthorized),
            Self::Lagging | Self::StoreFull => Some(Reason::QuotaExceeded),
            Self::Stopping => Some(Reason::ShuttingDown),
            Self::RouterLost => Some(Reason::Unspecified),
        }
    }

    /// Whether the client's will is published. Not when the gateway itself goes: every restart would be a storm of
    /// wills; and not for who has no right to publish any more.
    pub(super) fn publishes_will(self) -> bool {
        !matches!(self, Self::Left | Self::Revoked | Self::Stopping | Self::RouterLost)
    }
}

impl From<Violation> for Ending {
    fn from(Violation(reason): Violation) -> Self {
        Self::Violated(reason)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Violated(reason) => return write!(f, "refused as {reason:?}"),
            Self::Left => "the client left",
            Self::LeftWithWill => "the client left with its will",
            Self::Lost => "the connection was lost",
            Self::Silent => "the client was silent",
            Self::TakenOver => "taken over",
            Self::Revoked => "not registered any more",
            Self::Lagging => "the client was too slow and would have missed events",
            Self::Stuck => "the client took nothing",
            Self::StoreFull => "the store is full",
            Self::Stopping => "the gateway is stopping",
            Self::RouterLost => "the router died",
        };
        f.write_str(text)
    }
}
