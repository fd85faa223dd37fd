//! The properties of a PUBLISH: bytes to values and back. Pure.
//!
//! rumqttd loses their order and takes what must not be; so they are read and written here.

use bytes::BufMut;
use bytes::BytesMut;

use crate::model::Properties;
use crate::mqtt::codec::cursor::Cursor;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Violation;

/// User properties of one message; more end the connection.
pub(super) const USER_PROPERTIES: usize = 64;

/// Identifiers of properties. Source: MQTT 5, section 2.2.2.2.
mod id {
    pub(super) const PAYLOAD_FORMAT: u8 = 0x01;
    pub(super) const EXPIRY: u8 = 0x02;
    pub(super) const CONTENT_TYPE: u8 = 0x03;
    pub(super) const RESPONSE_TOPIC: u8 = 0x08;
    pub(super) const CORRELATION_DATA: u8 = 0x09;
    pub(super) const SUBSCRIPTION: u8 = 0x0B;
    pub(super) const TOPIC_ALIAS: u8 = 0x23;
    pub(super) const USER: u8 = 0x26;
}

/// Reads the properties of a PUBLISH: those for its hearers, and its topic alias.
///
/// # Errors
/// What a client must not send.
pub(super) fn read(bytes: &[u8]) -> Result<(Properties, Option<u16>), Violation> {
    let mut cursor = Cursor::new(bytes);
    let (mut properties, mut topic_alias) = (Properties::default(), None);
    while !cursor.is_done() {
        match cursor.byte()? {
            id::PAYLOAD_FORMAT => {
                let is_text = match cursor.byte()? {
                    0 => false,
                    1 => true,
                    _ => return Err(Violation::PROTOCOL),
                };
                once(&mut properties.is_text, is_text)?;
            }
            id::EXPIRY => once(&mut properties.expiry_s, cursor.number_u32()?)?,
            id::CONTENT_TYPE => once(&mut properties.content_type, cursor.text()?.to_owned())?,
            id::RESPONSE_TOPIC => once(&mut properties.response_topic, response_topic(cursor.text()?)?)?,
            id::CORRELATION_DATA => once(&mut properties.correlation_data, cursor.data()?.to_vec())?,
            id::TOPIC_ALIAS => once(&mut topic_alias, cursor.number()?)?,
            id::USER if properties.user.len() >= USER_PROPERTIES => return Err(Violation(Reason::QuotaExceeded)),
            id::USER => properties.user.push((cursor.text()?.to_owned(), cursor.text()?.to_owned())),
            // Only servers send it.
            id::SUBSCRIPTION => return Err(Violation::PROTOCOL),
            _ => return Err(Violation::MALFORMED),
        }
    }
    Ok((properties, topic_alias))
}

/// Appends what the hearers of a message get, its expiry apart.
pub(in crate::mqtt) fn write_lasting(properties: &Properties, out: &mut BytesMut) {
    let Properties { is_text, expiry_s: _, content_type, response_topic, correlation_data, user } = properties;
    if let Some(is_text) = is_text {
        out.put_slice(&[id::PAYLOAD_FORMAT, u8::from(*is_text)]);
    }
    for (id, text) in [(id::CONTENT_TYPE, content_type), (id::RESPONSE_TOPIC, response_topic)] {
        if let Some(text) = text {
            out.put_u8(id);
            write_data(text.as_bytes(), out);
        }
    }
    if let Some(data) = correlation_data {
        out.put_u8(id::CORRELATION_DATA);
        write_data(data, out);
    }
    for (name, value) in user {
        out.put_u8(id::USER);
        write_data(name.as_bytes(), out);
        write_data(value.as_bytes(), out);
    }
}

/// Appends what is different at each delivery.
pub(super) fn write_passing(expiry_s: Option<u32>, subscription_ids: &[u32], alias: Option<u16>, out: &mut BytesMut) {
    if let Some(expiry_s) = expiry_s {
        out.put_u8(id::EXPIRY);
        out.put_u32(expiry_s);
    }
    if let Some(alias) = alias {
        out.put_u8(id::TOPIC_ALIAS);
        out.put_u16(alias);
    }
    for subscription in subscription_ids {
        out.put_u8(id::SUBSCRIPTION);
        write_length(*subscription as usize, out);
    }
}

/// Appends a length, seven bits in each byte.
pub(super) fn write_length(mut length: usize, out: &mut BytesMut) {
    loop {
        let low = u8::try_from(length & 0x7F).expect("seven bits");
        length >>= 7;
        out.put_u8(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}

/// Appends bytes with their length before them. What is longer than that can say was never read.
pub(super) fn write_data(data: &[u8], out: &mut BytesMut) {
    out.put_u16(u16::try_from(data.len()).expect("what was read with such a length has it"));
    out.put_slice(data);
}

/// A topic to which an answer can be published.
pub(super) fn response_topic(topic: &str) -> Result<String, Violation> {
    if topic.is_empty() || topic.contains(['+', '#']) { Err(Violation::PROTOCOL) } else { Ok(topic.to_owned()) }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Violation> {
    if place.replace(value).is_some() { Err(Violation::PROTOCOL) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Properties {
        Properties {
            is_text: Some(true),
            expiry_s: None,
            content_type: Some("text/plain".into()),
            response_topic: Some("answers/1".into()),
            correlation_data: Some(vec![0, 255]),
            user: [("a", "1"), ("b", ""), ("a", "2")].map(|(name, value)| (name.into(), value.into())).into(),
        }
    }

    #[test]
    fn properties_are_read_as_they_were_written_and_in_their_order() {
        let mut out = BytesMut::new();
        write_lasting(&all(), &mut out);
        assert_eq!(read(&out), Ok((all(), None)));
        write_passing(Some(70_000), &[], Some(9), &mut out);
        assert_eq!(read(&out), Ok((Properties { expiry_s: Some(70_000), ..all() }, Some(9))));
    }

    #[test]
    fn what_may_come_once_comes_once_and_what_servers_say_never() {
        for twice in [&[1, 0][..], &[2, 0, 0, 0, 9], &[3, 0, 0], &[8, 0, 1, b't'], &[9, 0, 0], &[0x23, 0, 1]] {
            assert!(read(twice).is_ok(), "{twice:02x?}");
            assert_eq!(read(&[twice, twice].concat()), Err(Violation::PROTOCOL), "{twice:02x?}");
            assert_eq!(read(&twice[..twice.len() - 1]), Err(Violation::MALFORMED), "{twice:02x?}");
        }
        assert_eq!(read(&[0x0B, 1]), Err(Violation::PROTOCOL));
        assert_eq!(read(&[1, 2]), Err(Violation::PROTOCOL));
        assert_eq!(read(&[8, 0, 1, b'#']), Err(Violation::PROTOCOL));
        assert_eq!(read(&[3, 0, 1, 0xff]), Err(Violation::MALFORMED));
        assert_eq!(read(&[0x11, 0, 0, 0, 0]), Err(Violation::MALFORMED));
    }

    #[test]
    fn there_are_only_so_many_user_properties() {
        let one = [0x26, 0, 1, b'n', 0, 1, b'v'];
        assert_eq!(read(&one.repeat(64)).unwrap().0.user.len(), 64);
        assert_eq!(read(&one.repeat(65)), Err(Violation(Reason::QuotaExceeded)));
    }
}
