//! Why an advert gives no reading, in words for whoever looks after the device.

/// Why an advert gives no reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No decoder takes it for its own.
    #[error("no known format")]
    UnknownFormat,
    /// Nothing can be read without the key.
    #[error("it is encrypted and needs a bind key")]
    NeedsKey,
    /// The key has the wrong length for this format.
    #[error("the bind key does not fit: this format takes one of {0} bytes")]
    KeyLength(usize),
    /// It was encrypted with another key, or changed on its way.
    #[error("the bind key does not fit")]
    WrongKey,
    /// Somebody could pretend to be the device.
    #[error("it is not encrypted, although a bind key is set")]
    NotEncrypted,
    /// Somebody sends again what the device sent before.
    #[error("replayed: its counter {counter} is lower than the last one, {last}")]
    Replayed {
        /// The counter that it has.
        counter: u32,
        /// The highest counter so far.
        last: u32,
    },
    /// It ends before it should.
    #[error("truncated")]
    Truncated,
    /// It names another device than the one that sent it.
    #[error("the address in it is not the sender's")]
    OtherAddress,
    /// A checksum or a value that cannot be shows that it was damaged.
    #[error("damaged: {0}")]
    Damaged(&'static str),
    /// The device says that it failed to measure.
    #[error("the device says that it could not measure")]
    Faulty,
    /// The format is known, and this kind of it is not.
    #[error("{what} {code} is not known")]
    UnknownKind {
        /// Of what it is a kind.
        what: &'static str,
        /// The number of the kind.
        code: u8,
    },
    /// The maker is known, and this product is not.
    #[error("the Xiaomi product 0x{0:04x} is not known")]
    UnknownProduct(u16),
    /// It is known, and nothing can be read of it.
    #[error("{0}")]
    Unsupported(&'static str),
    /// There is nothing in it that is known.
    #[error("there is no value in it")]
    Empty,
}
