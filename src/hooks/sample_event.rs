//! Reading an event from a file in the form in which the guide shows events. For previews: such an event is never
//! published, so its `coreid` may be anybody's.

use serde_json::Value;

use crate::model::DeviceId;
use crate::model::Event;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::EventNameError;
use crate::model::Publishing;
use crate::model::Source;
use crate::model::UserId;
use crate::model::WallTime;
use crate::model::spec;

/// Hex digits of an id.
const ID_DIGITS: usize = 24;

/// Why a text or JSON value is no event.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// It is no JSON object.
    #[error("an event is a JSON object with a name and data")]
    NoObject,
    /// It has no name, or one that is no text.
    #[error("name: an event has a name, a text")]
    NoName,
    /// Its name cannot name an event.
    #[error("name: {0}")]
    Name(#[source] EventNameError),
    /// Its data is too long.
    #[error("data: event data has at most {} bytes, this one has {bytes}", spec::EVENT_DATA_BYTES)]
    DataTooLarge {
        /// Bytes of the data as text.
        bytes: usize,
    },
    /// Its device is no id.
    #[error("coreid: a device id has 24 hex digits, or it is \"api\"; {given:?} is neither")]
    Device {
        /// What was given, cut to a readable length.
        given: String,
    },
    /// It came from farhook itself.
    #[error("coreid: what farhook itself publishes triggers no hook")]
    OwnEvent,
    /// Its time is no ISO 8601 time.
    #[error("published_at: a time is written as 2016-04-16T13:37:08.728Z, {given:?} is not")]
    Time {
        /// What was given, cut to a readable length.
        given: String,
    },
    /// Its time to live is no number of seconds.
    #[error("ttl: a number of seconds, {given:?} is none")]
    Ttl {
        /// What was given, cut to a readable length.
        given: String,
    },
}

/// Reads an event: `name` (or `event`) and optionally `data`, `coreid`, `published_at` and `ttl`. Without a `coreid` it
/// is a user's, without a time it is of `now`. Data that is no text becomes its JSON text. A `coreid` with fewer than
/// 24 digits, as in the guide's own sample, is filled up with zeros in front.
///
/// # Errors
/// Names the field that cannot be used.
pub fn parse(value: &Value, id: EventId, owner: UserId, now: WallTime) -> Result<Event, SampleError> {
    let fields = value.as_object().ok_or(SampleError::NoObject)?;
    let field = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let name = field("name").or(field("event")).and_then(Value::as_str).ok_or(SampleError::NoName)?;
    let data = field("data").map(text).unwrap_or_default();
    if data.len() > spec::EVENT_DATA_BYTES {
        return Err(SampleError::DataTooLarge { bytes: data.len() });
    }
    Ok(Event {
        id,
        name: EventName::published(name).map_err(SampleError::Name)?,
        data,
        ttl_s: field("ttl").map_or(Ok(spec::EVENT_TTL_S), ttl_s)?,
        published_at: field("published_at").map_or(Ok(now), time)?,
        source: field("coreid").map_or(Ok(Source::Api), source)?,
        owner,
        product: None,
        publishing: Publishing::default(),
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn ttl_s(value: &Value) -> Result<u32, SampleError> {
    text(value).parse().map_err(|_| SampleError::Ttl { given: shortened(value) })
}

fn time(value: &Value) -> Result<WallTime, SampleError> {
    let time: jiff::Timestamp = text(value).parse().map_err(|_| SampleError::Time { given: shortened(value) })?;
    Ok(WallTime::from_millis(time.as_millisecond()))
}

fn source(value: &Value) -> Result<Source, SampleError> {
    let given = text(value);
    match given.as_str() {
        "api" => Ok(Source::Api),
        "particle-internal" => Err(SampleError::OwnEvent),
        _ => {
            let id = format!("{given:0>ID_DIGITS$}").parse::<DeviceId>();
            id.ok()
                .filter(|_| !given.is_empty())
                .map(Source::Device)
                .ok_or(SampleError::Device { given: shortened(value) })
        }
    }
}

fn shortened(value: &Value) -> String {
    text(value).chars().take(40).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// An event of one device, for the tests of all rules.
    pub(in crate::hooks) fn event(name: &str, data: &str) -> Event {
        Event {
            id: EventId::from_bytes([7; 12]),
            name: EventName::published(name).unwrap(),
            data: data.to_owned(),
            ttl_s: 60,
            published_at: WallTime::from_millis(1_485_983_285_763),
            source: Source::Device("0123456789abcdef01234567".parse().unwrap()),
            owner: UserId::from_bytes([9; 12]),
            product: None,
            publishing: Publishing::default(),
        }
    }

    fn parsed(value: &Value) -> Result<Event, String> {
        let id = EventId::from_bytes([1; 12]);
        parse(value, id, UserId::from_bytes([2; 12]), WallTime::from_millis(5)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_event_of_the_guide_is_read() {
        let event = parsed(&json!({
            "name": "name_of_my_event", "data": "data_sent_with_event", "ttl": "60",
            "published_at": "2016-04-16T13:37:08.728Z", "coreid": "1234567890987654321",
        }))
        .unwrap();
        assert_eq!((event.name.as_str(), event.data.as_str()), ("name_of_my_event", "data_sent_with_event"));
        assert_eq!((event.ttl_s, event.published_at.to_string()), (60, "2016-04-16T13:37:08.728Z".to_owned()));
        assert_eq!(event.source.coreid(), "000001234567890987654321");
    }

    #[test]
    fn all_but_the_name_has_a_default() {
        let event = parsed(&json!({"name": "temp", "ttl": 30, "data": {"t": 21.5}})).unwrap();
        assert_eq!((event.data.as_str(), event.ttl_s, event.source), (r#"{"t":21.5}"#, 30, Source::Api));
        assert_eq!(event.published_at, WallTime::from_millis(5));
        assert_eq!(parsed(&json!({"event": "temp"})).unwrap().data, "");
    }

    #[test]
    fn bad_events_are_refused_with_the_field() {
        for (value, field) in [
            (json!([]), "an event is"),
            (json!({}), "name: "),
            (json!({"name": 5}), "name: "),
            (json!({"name": "hook-sent/x"}), "name: "),
            (json!({"name": "x", "data": "x".repeat(16_385)}), "data: "),
            (json!({"name": "x", "coreid": "kitchen"}), "coreid: "),
            (json!({"name": "x", "coreid": ""}), "coreid: "),
            (json!({"name": "x", "coreid": "0".repeat(25)}), "coreid: "),
            (json!({"name": "x", "coreid": "particle-internal"}), "coreid: "),
            (json!({"name": "x", "published_at": "yesterday"}), "published_at: "),
            (json!({"name": "x", "ttl": -1}), "ttl: "),
            (json!({"name": "x", "ttl": {}}), "ttl: "),
        ] {
            let error = parsed(&value).unwrap_err();
            assert!(error.starts_with(field), "{error}");
        }
    }
}
