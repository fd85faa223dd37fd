//! Ids: 12 bytes, written as 24 lower-case hex digits, as Particle's cloud writes them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;

/// Bytes in an id; its text form has twice as many hex digits.
const ID_BYTES: usize = 12;

/// A text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 24 hex digits, {given:?} is not one")]
pub struct IdError {
    given: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// An id from its bytes; the caller brings the randomness.
            pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
                Self(bytes)
            }

            /// The bytes, in the order in which they are written.
            pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Accepts 24 hex digits in either case.
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            /// Hex digits in text formats, the bare bytes in binary ones.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; ID_BYTES]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

id! {
    /// A device, over whatever transport it speaks. It is the `coreid` of the device's events.
    DeviceId
}
id! {
    /// A hook.
    HookId
}
id! {
    /// A user: who owns devices, hooks and tokens.
    UserId
}
id! {
    /// An event; also the `webhook-id` of every request that it causes.
    /// The first six bytes are its wall time in ms, so ids of one boot sort by age.
    EventId
}

fn parse(text: &str) -> Result<[u8; ID_BYTES], IdError> {
    let refuse = || IdError { given: text.chars().take(40).collect() };
    let digits = text.as_bytes();
    if digits.len() != 2 * ID_BYTES {
        return Err(refuse());
    }
    let mut bytes = [0; ID_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16).ok_or_else(refuse)?;
        let low = char::from(pair[1]).to_digit(16).ok_or_else(refuse)?;
        *byte = u8::try_from(high * 16 + low).expect("two hex digits fit a byte");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef01234567";

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id: DeviceId = TEXT.parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(TEXT.to_uppercase().parse::<DeviceId>().unwrap(), id);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("{TEXT:?}"));
        assert_eq!(serde_json::from_str::<DeviceId>(&format!("{TEXT:?}")).unwrap(), id);
    }

    #[test]
    fn an_id_takes_twelve_bytes_in_a_row() {
        let id: HookId = TEXT.parse().unwrap();
        let row = postcard::to_stdvec(&id).unwrap();
        assert_eq!(row.len(), ID_BYTES);
        assert_eq!(postcard::from_bytes::<HookId>(&row).unwrap(), id);
    }

    #[test]
    fn what_is_not_24_hex_digits_is_refused() {
        for text in ["", "0123", "0123456789abcdef0123456g", "é123456789abcdef0123456", " 123456789abcdef01234567"] {
            assert!(text.parse::<DeviceId>().is_err(), "{text:?}");
        }
    }
}
