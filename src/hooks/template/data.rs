//! JSON data with JavaScript's habits: what is true, what a member is, how a value looks as text. Owned by a scope.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Map;
use serde_json::Value;

use crate::hooks::template::number;

/// A JSON value. Clones share it.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Null,
    Bool(bool),
    /// JavaScript has no other numbers: whole ones beyond 2^53 lose their last digits, there as here.
    Number(f64),
    Text(Arc<str>),
    List(Arc<[Data]>),
    Object(Arc<BTreeMap<Box<str>, Data>>),
}

impl Data {
    /// Whether a section about it is shown.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(bool) => *bool,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Object(_) => true,
        }
    }

    /// The member `name` of an object or, by its number, of a list.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => members.get(name).cloned(),
            Self::List(items) if name == "length" => Some(length(items)),
            Self::List(items) => items.get(index(name)?).cloned(),
            _ => None,
        }
    }
}

impl From<&Value> for Data {
    /// As deep as the value, which `serde_json` keeps to 128 when it reads one.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => Self::Number(number.as_f64().expect("a JSON number is finite")),
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(members) => Self::from(members),
        }
    }
}

impl From<&Map<String, Value>> for Data {
    fn from(members: &Map<String, Value>) -> Self {
        let members = members.iter().map(|(name, value)| (name.as_str().into(), Self::from(value)));
        Self::Object(Arc::new(members.collect()))
    }
}

/// Appends a list as text: its items and those of the lists in it, with commas between. Returns how many items it saw.
pub(super) fn print_list(items: &[Data], text: &mut String) -> u64 {
    let mut seen = 0;
    // Not by recursion: how deep the data is must not matter to the stack.
    let mut lists = vec![items.iter()];
    let mut is_first = true;
    while let Some(list) = lists.last_mut() {
        let Some(item) = list.next() else {
            lists.pop();
            is_first = false;
            continue;
        };
        if !is_first {
            text.push(',');
        }
        is_first = false;
        seen += 1;
        match item {
            Data::List(items) => {
                lists.push(items.iter());
                is_first = true;
            }
            Data::Text(item) => text.push_str(item),
            other => text.push_str(&print_scalar(other)),
        }
    }
    seen
}

/// The text of everything but texts and lists.
pub(super) fn print_scalar(data: &Data) -> String {
    match data {
        Data::Bool(bool) => bool.to_string(),
        Data::Number(number) => number::print(*number),
        Data::Object(_) => "[object Object]".to_owned(),
        Data::Null | Data::Text(_) | Data::List(_) => String::new(),
    }
}

fn length(items: &[Data]) -> Data {
    Data::Number(f64::from(u32::try_from(items.len()).unwrap_or(u32::MAX)))
}

/// The number that a list's member goes by: `7`, but not `07` and not `+7`.
fn index(name: &str) -> Option<usize> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if is_plain { name.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed(value: &Value) -> String {
        let Data::List(items) = Data::from(value) else { panic!("not a list") };
        let mut text = String::new();
        print_list(&items, &mut text);
        text
    }

    #[test]
    fn a_list_prints_its_items_with_commas_between() {
        assert_eq!(printed(&json!([])), "");
        assert_eq!(printed(&json!([1, "a", null, true, { "a": 1 }, 2.50])), "1,a,,true,[object Object],2.5");
        assert_eq!(printed(&json!([[], [1, [2, [], 3]], [[]], 4])), ",1,2,,3,,4");
    }

    #[test]
    fn the_members_of_a_list_are_its_items_and_its_length() {
        let list = Data::from(&json!(["a", null]));

        assert!(matches!(list.member("0"), Some(Data::Text(_))));
        assert!(matches!(list.member("1"), Some(Data::Null)));
        assert!(matches!(list.member("length"), Some(Data::Number(2.0))));
        for none in ["2", "00", "01", "+1", "-1", "", "1.0", "99999999999999999999999"] {
            assert!(list.member(none).is_none(), "{none}");
        }
    }

    #[test]
    fn nothing_zero_and_empty_are_false() {
        for value in [json!(null), json!(false), json!(0), json!(-0.0), json!(""), json!([])] {
            assert!(!Data::from(&value).is_true(), "{value}");
        }
        for value in [json!(true), json!(-1), json!("0"), json!([0]), json!({})] {
            assert!(Data::from(&value).is_true(), "{value}");
        }
    }
}
