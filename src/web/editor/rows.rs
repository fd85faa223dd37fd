//! Rows of names and values: those of a web form, a query, and headers.

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::web::editor::values::is_one_line;
use crate::web::editor::values::object;
use crate::web::editor::values::shown;
use crate::web::editor::values::written;

/// A name and a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(in crate::web) struct Row {
    pub(in crate::web) name: String,
    pub(in crate::web) value: String,
}

/// The entries of an object as rows. Names that no field can hold are left out.
pub(super) fn of(value: Option<&Value>) -> Vec<Row> {
    let row = |(name, value): (&String, &Value)| Row { name: name.clone(), value: shown(Some(value)) };
    object(value).iter().filter(|(name, _)| is_showable(name)).map(row).collect()
}

/// The object that the rows say. What `before` has and no row can show stays in it.
pub(super) fn onto(rows: &[Row], before: Option<&Value>) -> Map<String, Value> {
    let before = object(before);
    let named = rows.iter().filter(|row| is_showable(&row.name));
    let mut map: Map<_, _> = named.map(|row| (row.name.clone(), written(&row.value, before.get(&row.name)))).collect();
    map.extend(before.into_iter().filter(|(name, _)| !is_showable(name)));
    map
}

/// A row without a name is one that was not filled in.
pub(super) fn is_showable(name: &str) -> bool {
    !name.trim().is_empty() && is_one_line(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(name: &str, value: &str) -> Row {
        Row { name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn rows_show_what_an_object_says_in_its_order() {
        let map = json!({"b": 5, "a": "x", "": "hidden", "n": {"deep": [true]}});
        let rows = of(Some(&map));
        assert_eq!(rows, [row("b", "5"), row("a", "x"), row("n", r#"{"deep":[true]}"#)]);
        assert_eq!(of(Some(&json!(map.to_string()))), rows);
        assert_eq!(of(Some(&json!([1]))), []);
    }

    #[test]
    fn an_object_follows_its_rows() {
        let before = json!({"b": 5, "a": "x", "": "hidden", "gone": 1});
        let rows = [row("a", "y"), row("new", "7"), row("", "empty"), row("b", "5")];
        let expected = r#"{"a":"y","new":"7","b":5,"":"hidden"}"#;
        assert_eq!(Value::Object(onto(&rows, Some(&before))).to_string(), expected);
        assert!(onto(&[], None).is_empty());
    }
}
