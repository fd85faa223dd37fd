//! What was published, as the rules look at it: parsed once, and only if one of them has to look into it.

use std::cell::OnceCell;

use bytes::Bytes;
use serde_json::Value;

/// See the module.
#[derive(Debug)]
pub(super) struct Payload {
    bytes: Bytes,
    json: OnceCell<Option<Value>>,
}

impl Payload {
    /// A payload as it came.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, json: OnceCell::new() }
    }

    /// As it came.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What it says, if it is JSON.
    pub(super) fn json(&self) -> Option<&Value> {
        self.json.get_or_init(|| serde_json::from_slice(&self.bytes).ok()).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_json_is_bytes_all_the_same() {
        assert_eq!(Payload::new("21.5".into()).json(), Some(&json!(21.5)));
        assert_eq!(Payload::new("[".repeat(100_000).into()).json(), None);
        let text = Payload::new("Online".into());
        assert_eq!((text.json(), text.bytes().as_ref()), (None, b"Online".as_slice()));
    }
}
