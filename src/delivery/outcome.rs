//! How an attempt ended.

use bytes::Bytes;

use crate::delivery::captive::CaptiveSign;
use crate::delivery::timing::Timing;

/// One attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub timing: Timing,
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The target answered, whatever it said.
    Answered(Answer),
    /// Nothing came back. The target's host counts as down, the hook as innocent.
    NoAnswer(NoAnswer),
    /// The address may not be reached from here, or is none that can be sent. Trying again would not change that.
    Forbidden {
        /// For the hook's owner.
        reason: String,
    },
}

/// What the target answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After` as it came.
    pub retry_after: Option<String>,
    /// `Content-Type` as it came.
    pub content_type: Option<String>,
    /// The headers in the order in which they came, names in small letters; no more than 64, and 4 KB in all.
    pub headers: Vec<(String, String)>,
    /// The other host that a redirect over plain HTTP leads to: the target's own wish, or a captive portal's.
    pub foreign_redirect: Option<String>,
    /// Whether the target proved by TLS that it is the one that was asked.
    pub is_verified: bool,
    /// The body, or as much of it as was asked for and came in time.
    pub body: Bytes,
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The name has no address, or there is no name server to ask.
    #[error("the host's name cannot be resolved: {0}")]
    Dns(String),
    /// No connection, or no TLS.
    #[error("no connection: {0}")]
    Connect(String),
    /// The target was silent for too long.
    #[error("no answer within {seconds} s")]
    Timeout {
        /// The configured patience.
        seconds: u64,
    },
    /// Somebody between here and the target wants a login first.
    #[error("captive portal: {0}")]
    Captive(CaptiveSign),
    /// This machine does not know the time yet, so no certificate can be checked. Nothing was sent.
    #[error("the clock of this machine is not set yet")]
    NoClock,
    /// The connection broke before an answer.
    #[error("the connection broke: {0}")]
    Broken(String),
}

impl NoAnswer {
    /// Whether the request cannot have reached anybody, because there never was a connection for it.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Dns(_) | Self::Connect(_) | Self::NoClock | Self::Captive(CaptiveSign::WrongName) => true,
            Self::Timeout { .. } | Self::Broken(_) | Self::Captive(_) => false,
        }
    }
}
