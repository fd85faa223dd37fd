//! What a connection is for: a conversation with a device. What arrived and what time it is go in, what is to be done
//! comes out. The two ways to converse are [`framed`](super::framed) and [`lined`](super::lined).

use crate::ble::gatt::publish::Published;

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// To write these to the device, one after the other.
    Write(Vec<Vec<u8>>),
    /// To hand an event in, and to say what became of it.
    Publish(Option<Ticket>, Published),
    /// To tell what is for the device from now on: it is clear who it is.
    Greeted,
    /// What was told last has arrived, or the device refused it for this reason: the next may follow.
    Delivered(Option<String>),
    /// To end the connection, for this reason.
    End(String),
}

/// By what an event that is published once more is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The device's number for the message.
    pub id: u8,
    /// The checksum of its body.
    pub crc: u16,
}

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Whether it may be taken later.
    pub is_for_now: bool,
    /// In words for the device's log.
    pub text: String,
}

/// What a device is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The gateway's number for it.
    pub id: u8,
    /// The name of the event.
    pub name: String,
    /// Its data, or a piece of it.
    pub data: String,
    /// Bytes of all its data.
    pub whole_bytes: usize,
    /// Whether this goes on with the data of the event before it.
    pub follows: bool,
    /// Whether the next one goes on with this.
    pub is_followed: bool,
}

/// One connection's conversation. Times are milliseconds of any clock that goes on.
pub trait Conversation: Send {
    /// The connection is there, and the device is heard.
    fn begin(&mut self, now_ms: u64) -> Vec<Act>;

    /// This arrived.
    fn heard(&mut self, bytes: &[u8], now_ms: u64) -> Vec<Act>;

    /// What became of an event that was handed in.
    fn verdict(&mut self, ticket: Option<Ticket>, verdict: &Result<(), Refused>) -> Vec<Act>;

    /// The device shall be told this. Not before [`Act::Greeted`], and the next after [`Act::Delivered`].
    fn tell(&mut self, told: &Told) -> Vec<Act>;

    /// All that was to be written is.
    fn written(&mut self, now_ms: u64);

    /// When to ask [`Self::due`].
    fn due_ms(&self) -> Option<u64>;

    /// Time has passed.
    fn due(&mut self, now_ms: u64) -> Vec<Act>;
}
