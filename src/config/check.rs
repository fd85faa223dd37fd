//! Reads one value of a file as what its key wants, or says what would be right and where. Pure.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use crate::config::AddressRange;
use crate::config::Expected;

/// Characters of a wrong value that an error repeats.
const FOUND_CHARS: usize = 60;

/// A value with its place in the file.
pub(super) type Found<'a, 'i> = &'a Spanned<DeValue<'i>>;

/// A value that is not what its key wants.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The byte of the file where it begins.
    pub(super) offset: usize,
    /// What would be right.
    pub(super) expected: Expected,
    /// What is there.
    pub(super) found: String,
}

impl Wrong {
    pub(super) fn new(found: Found, expected: Expected) -> Self {
        Self { offset: found.span().start, expected, found: describe(found.get_ref()) }
    }
}

/// A whole number of `range`.
pub(super) fn whole(found: Found, range: RangeInclusive<u64>) -> Result<u64, Wrong> {
    match integer(found) {
        Some(number) if range.contains(&number) => Ok(number),
        _ => Err(Wrong::new(found, Expected::Whole(range))),
    }
}

/// A whole number of `range`, for a field of 32 bits.
pub(super) fn whole_u32(found: Found, range: RangeInclusive<u32>) -> Result<u32, Wrong> {
    let range = u64::from(*range.start())..=u64::from(*range.end());
    let number = whole(found, range)?;
    Ok(u32::try_from(number).expect("the range is of 32 bits"))
}

/// A whole number of `range`, for a field of 16 bits.
pub(super) fn whole_u16(found: Found, range: RangeInclusive<u16>) -> Result<u16, Wrong> {
    let range = u64::from(*range.start())..=u64::from(*range.end());
    let number = whole(found, range)?;
    Ok(u16::try_from(number).expect("the range is of 16 bits"))
}

/// 0 for "no limit", or a whole number of `range`.
pub(super) fn limit<T>(found: Found, range: RangeInclusive<u64>) -> Result<Option<T>, Wrong>
where
    T: TryFrom<NonZeroU64>,
{
    let wrong = |range| Wrong::new(found, Expected::ZeroOrWhole(range));
    match integer(found).map(NonZeroU64::new) {
        Some(None) => Ok(None),
        Some(Some(number)) if range.contains(&number.get()) => T::try_from(number).map(Some).map_err(|_| wrong(range)),
        _ => Err(wrong(range)),
    }
}

/// An address and a port.
pub(super) fn socket_address(found: Found) -> Result<SocketAddr, Wrong> {
    let parsed = found.get_ref().as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Wrong::new(found, Expected::SocketAddress))
}

/// An address and a port, or "off".
pub(super) fn socket_address_or_off(found: Found) -> Result<Option<SocketAddr>, Wrong> {
    if found.get_ref().as_str() == Some("off") {
        return Ok(None);
    }
    socket_address(found).map(Some).map_err(|_| Wrong::new(found, Expected::SocketAddressOrOff))
}

/// Yes or no.
pub(super) fn truth(found: Found) -> Result<bool, Wrong> {
    found.get_ref().as_bool().ok_or_else(|| Wrong::new(found, Expected::Truth))
}

/// The path of a file, from the root; "" for none.
pub(super) fn file(found: Found) -> Result<Option<PathBuf>, Wrong> {
    let path = found.get_ref().as_str().map(PathBuf::from);
    let path = path.filter(|path| path.is_absolute() || path.as_os_str().is_empty());
    let path = path.ok_or_else(|| Wrong::new(found, Expected::File))?;
    Ok(Some(path).filter(|path| path.is_absolute()))
}

/// The address of a Bluetooth adapter; "" for any.
pub(super) fn radio_address(found: Found) -> Result<Option<[u8; 6]>, Wrong> {
    let wrong = || Wrong::new(found, Expected::RadioAddress);
    let text = found.get_ref().as_str().ok_or_else(wrong)?;
    if text.is_empty() {
        return Ok(None);
    }
    let byte = |part: &str| {
        let is_byte = part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_byte.then(|| u8::from_str_radix(part, 16).ok()).flatten()
    };
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).map(Some).ok_or_else(wrong)
}

/// A list of host names, in lower case from here on. The error points at the first wrong one.
pub(super) fn host_names(found: Found) -> Result<Vec<String>, Wrong> {
    let Some(list) = found.get_ref().as_array() else {
        return Err(Wrong::new(found, Expected::HostNames));
    };
    list.iter().map(host_name).collect()
}

fn host_name(found: Found) -> Result<String, Wrong> {
    let name = found.get_ref().as_str().filter(|name| is_host_name(name));
    name.map(str::to_ascii_lowercase).ok_or_else(|| Wrong::new(found, Expected::HostName))
}

/// Whether it has the form of a host name, and not that of an address.
/// Source: RFC 1123, 2.1; RFC 1035, 2.3.4 (a label has at most 63 characters, a name 255 bytes, which are 253 written).
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label) && name.parse::<Ipv4Addr>().is_err()
}

/// The value that belongs to a word.
pub(super) fn word<T: Copy>(found: Found, words: &'static [&'static str], values: &[T]) -> Result<T, Wrong> {
    let text = found.get_ref().as_str();
    let chosen = words.iter().zip(values).find(|(word, _)| Some(**word) == text);
    chosen.map(|(_, value)| *value).ok_or_else(|| Wrong::new(found, Expected::Word(words)))
}

/// A list of address ranges. The error points at the first wrong one.
pub(super) fn address_ranges(found: Found) -> Result<Vec<AddressRange>, Wrong> {
    let Some(list) = found.get_ref().as_array() else {
        return Err(Wrong::new(found, Expected::AddressRanges));
    };
    list.iter().map(address_range).collect()
}

fn address_range(found: Found) -> Result<AddressRange, Wrong> {
    let Some(text) = found.get_ref().as_str() else {
        return Err(Wrong::new(found, Expected::AddressRanges));
    };
    text.parse().map_err(|why| Wrong::new(found, Expected::AddressRange(why)))
}

fn integer(found: Found) -> Option<u64> {
    let integer = found.get_ref().as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn describe(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => {
            let shown: String = text.chars().take(FOUND_CHARS).collect();
            let more = if shown.len() < text.len() { "…" } else { "" };
            format!("{shown:?}{more}")
        }
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
