//! Handing an event in. A transport makes a [`Publication`] of what it received and of who proved to have sent it,
//! waits for the [`Verdict`], and only then acknowledges.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::model::DescriptionError;
use crate::model::DeviceId;
use crate::model::EventId;
use crate::model::EventNameError;
use crate::model::ProductId;
use crate::model::Publishing;
use crate::model::UserId;
use crate::model::spec;
use crate::retained::RetainedFull;

/// What somebody wants to publish.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The event's name as it arrived; for MQTT the topic. Checked by the intake.
    pub name: String,
    /// The event's data as it arrived. Bytes that are no UTF-8 become a `data:` URL.
    pub data: Bytes,
    /// Seconds that it says it lives, where the transport has such a thing.
    pub ttl_s: Option<u32>,
    /// Who proved to be the publisher.
    pub publisher: Publisher,
    /// How to recognise a resend, where the transport has such a thing.
    pub resend: Option<ResendMark>,
    /// What MQTT subscribers get to know of how it was published.
    pub publishing: Publishing,
}

/// Who proved to have sent a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// A device, by its key.
    Device(DeviceId),
    /// A user, by a token or by being local.
    User {
        /// Which one.
        user: UserId,
        /// The product of theirs whose event it shall be, as if one of its devices had published it.
        product: Option<ProductId>,
    },
}

impl Publisher {
    /// A user who publishes as such.
    pub fn user(user: UserId) -> Self {
        Self::User { user, product: None }
    }
}

/// What tells a resend from a new publication (MQTT packet identifiers and the DUP flag).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResendMark {
    /// The MQTT session, hashed from its client id.
    pub session: u64,
    /// The packet identifier that the client gave it.
    pub packet_id: u16,
    /// Whether the client says that it sent this before.
    pub dup: bool,
    /// Whether the identifier is to be remembered with the event until the client releases it (QoS 2), because the
    /// session outlives its connection.
    pub is_held: bool,
}

/// What became of a publication.
pub type Verdict = Result<Accepted, Refusal>;

/// How a publication was accepted. Whatever had to be stored is on disk by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// At least one hook wants it: the event and its deliveries are durable.
    Stored(EventId),
    /// No hook wants it: it was shown to those who listen, and nothing is kept.
    PassedOn(EventId),
    /// It is no event: a device said it to the gateway itself, which knows it now. Or a source said it: what it says of
    /// adopted devices is accepted.
    Taken,
    /// It is the resend of an event that was accepted before; nothing happened again.
    Resent,
}

/// Why a publication was refused. The publisher may try again only after `Full` and `Stopping`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its name cannot name an event.
    #[error(transparent)]
    Name(#[from] EventNameError),
    /// Its data is over [`spec::EVENT_DATA_BYTES`].
    #[error("event data has at most {} bytes, this one has {bytes}", spec::EVENT_DATA_BYTES)]
    DataTooLarge {
        /// Bytes of the data as it was published.
        bytes: usize,
    },
    /// It should say what its device offers, and cannot be understood.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The publisher does not exist any more.
    #[error("the publisher is not registered here any more")]
    UnknownPublisher,
    /// The store takes nothing at the moment; what it has is safe.
    #[error("the gateway cannot store events now: {reason}")]
    Full {
        /// For the publisher: what is full or broken.
        reason: String,
    },
    /// It is to be retained, and there is no room for it.
    #[error("it cannot be retained: {0}")]
    Retained(#[from] RetainedFull),
    /// The gateway is going down.
    #[error("the gateway is stopping")]
    Stopping,
}

/// One publication and the place where its verdict goes.
#[derive(Debug)]
pub struct Submission {
    /// What to publish.
    pub publication: Publication,
    /// Dropped unanswered only when the gateway stops.
    pub verdict: oneshot::Sender<Verdict>,
}

/// Where publications wait for the intake task.
pub type IntakeQueue = mpsc::Receiver<Submission>;

/// The handle with which transports hand events in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    queue: mpsc::Sender<Submission>,
}

impl Intake {
    /// A handle and the queue behind it, which holds at most `waiting` publications; more make their senders wait.
    pub fn new(waiting: usize) -> (Self, IntakeQueue) {
        let (queue, receiver) = mpsc::channel(waiting);
        (Self { queue }, receiver)
    }

    /// Hands a publication in and waits for its verdict.
    ///
    /// Dropping the future does not take the publication back.
    ///
    /// # Errors
    /// The refusal; [`Refusal::Stopping`] also when the intake is gone.
    pub async fn publish(&self, publication: Publication) -> Verdict {
        match self.submit(publication).await {
            Some(verdict) => verdict.await.unwrap_or(Err(Refusal::Stopping)),
            None => Err(Refusal::Stopping),
        }
    }

    /// Hands a publication in without waiting for its verdict. Verdicts come in the order of submission.
    /// `None` when the intake is gone.
    pub async fn submit(&self, publication: Publication) -> Option<oneshot::Receiver<Verdict>> {
        let (verdict, receiver) = oneshot::channel();
        self.queue.send(Submission { publication, verdict }).await.ok()?;
        Some(receiver)
    }
}
