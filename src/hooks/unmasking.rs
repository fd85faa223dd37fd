//! Putting secrets back into a definition that was edited in the form in which it is shown. Pure.
//!
//! A secret goes back to where it was, or under the same name to another place, if it is clear which one is meant.
//! Where it is not, its user has to type it again: a wrong key would be worse.

use serde_json::Map;
use serde_json::Value;

use crate::hooks::hiding_places;
use crate::hooks::hiding_places::HidingPlace;
use crate::hooks::masking;
use crate::hooks::masking::SENSITIVE;
use crate::hooks::problem::Path;

/// Fields that may be given as JSON or as its text.
const IN_JSON: [&str; 5] = ["json", "form", "query", "headers", "auth"];

/// A definition still has masks in it, and it is not known what stood in their place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .fields.iter().map(|field| format!("{field}: type the secret again")).collect::<Vec<_>>().join("; "))]
pub struct StillMasked {
    /// The paths of the fields, in order.
    pub fields: Vec<String>,
}

/// `edited` with the secrets of `original` in the place of their masks. `edited` began as
/// [`shown_definition`](masking::shown_definition) of `original`, and may have been changed in any way.
///
/// # Errors
/// Names all fields in which a mask is left.
pub fn restored(edited: &Value, original: &Value) -> Result<Value, StillMasked> {
    let shown = masking::shown_definition(original);
    let before = Before { shown: &shown, original };
    let mut restorer = Restorer { known: Vec::new(), still_masked: Vec::new() };
    restorer.learn(before, "");
    let whole = match edited {
        _ if edited == before.shown => original.clone(),
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| {
                let field = Field { path: &Path::Root(name), name, root: name };
                (name.clone(), restorer.value(value, before.member(name), field))
            });
            Value::Object(fields.collect())
        }
        other => other.clone(),
    };
    if restorer.still_masked.is_empty() { Ok(whole) } else { Err(StillMasked { fields: restorer.still_masked }) }
}

/// A value as it was shown, and as it was.
#[derive(Clone, Copy)]
struct Before<'a> {
    shown: &'a Value,
    original: &'a Value,
}

/// The place of a value.
#[derive(Clone, Copy)]
struct Field<'a> {
    path: &'a Path<'a>,
    /// The nearest key.
    name: &'a str,
    /// The field of the hook.
    root: &'a str,
}

struct Restorer {
    /// All secrets, by the names that they have in the original.
    known: Vec<(String, Value)>,
    still_masked: Vec<String>,
}

impl Before<'_> {
    fn member(self, name: &str) -> Option<Self> {
        Some(Self { shown: self.shown.get(name)?, original: self.original.get(name)? })
    }

    fn item(self, at: usize) -> Option<Self> {
        Some(Self { shown: self.shown.get(at)?, original: self.original.get(at)? })
    }
}

impl Restorer {
    /// Notes what was masked, and what it is called.
    fn learn(&mut self, before: Before<'_>, name: &str) {
        match (before.shown, before.original) {
            (shown, original) if shown == original => {}
            (Value::Object(map), Value::Object(_)) => {
                map.keys().filter_map(|key| Some((key, before.member(key)?))).for_each(|(key, at)| self.learn(at, key));
            }
            (Value::Array(items), Value::Array(_)) => {
                (0..items.len()).filter_map(|at| before.item(at)).for_each(|item| self.learn(item, name));
            }
            (Value::String(shown), original) if shown == SENSITIVE => {
                self.known.push((name.to_owned(), original.clone()));
            }
            (Value::String(shown), Value::String(original)) => {
                if let (Some(shown), Some(original)) = (document(shown), document(original)) {
                    self.learn(Before { shown: &shown, original: &original }, name);
                } else {
                    let secret = |place: HidingPlace<'_>| (place.name.to_owned(), original[place.span].into());
                    self.known.extend(places(name, original).into_iter().map(secret));
                }
            }
            _ => {}
        }
    }

    fn value(&mut self, edited: &Value, before: Option<Before<'_>>, field: Field<'_>) -> Value {
        match edited {
            _ if before.is_some_and(|before| before.shown == edited) => {
                before.map_or(Value::Null, |before| before.original.clone())
            }
            Value::Object(map) => {
                let entry = |(name, value): (&String, &Value)| {
                    let before = before.and_then(|before| before.member(name));
                    let field = Field { path: &Path::Key(field.path, name), name, ..field };
                    (name.clone(), self.value(value, before, field))
                };
                Value::Object(map.iter().map(entry).collect::<Map<_, _>>())
            }
            Value::Array(items) => Value::Array(self.items(items, before, field)),
            Value::String(text) if text == SENSITIVE => {
                // Elsewhere it has the same name; here the definition had something else.
                self.the_one_called(field.name).unwrap_or_else(|| self.give_up(edited, field))
            }
            Value::String(text) if text.contains(SENSITIVE) => self.text(text, before, field),
            other => other.clone(),
        }
    }

    /// An item that did not change is known wherever it is now. One that did is taken for the one that had its place,
    /// but not if items came or went, and not if that one is somewhere else now. Items that were masked as one come
    /// back as many.
    fn items(&mut self, items: &[Value], before: Option<Before<'_>>, field: Field<'_>) -> Vec<Value> {
        let shown = before.and_then(|before| before.shown.as_array()).map(Vec::as_slice).unwrap_or_default();
        let is_appended = items.starts_with(shown);
        let item = |(at, item): (usize, &Value)| {
            let is_taken = shown.get(at).is_some_and(|shown| items.contains(shown));
            let is_in_its_place = shown.get(at) == Some(item) || !is_taken;
            let was_at = if is_appended || shown.len() == items.len() && is_in_its_place {
                Some(at)
            } else {
                let mut same = (0..shown.len()).filter(|at| shown[*at] == *item);
                same.next().filter(|first| {
                    let original = |at: usize| before.and_then(|before| before.original.get(at));
                    same.all(|other| original(other) == original(*first))
                })
            };
            let before = was_at.and_then(|at| before?.item(at));
            let field = Field { path: &Path::Index(field.path, at), ..field };
            match self.value(item, before, field) {
                Value::Array(many) if item == SENSITIVE => many,
                one => vec![one],
            }
        };
        items.iter().enumerate().flat_map(item).collect()
    }

    fn text(&mut self, edited: &str, before: Option<Before<'_>>, field: Field<'_>) -> Value {
        let original = before.map(|before| before.original);
        if IN_JSON.contains(&field.root) {
            if let Some(json) = document(edited) {
                let parsed = before.map(|before| {
                    let parsed = |value: &Value| value.as_str().and_then(document).unwrap_or_else(|| value.clone());
                    (parsed(before.shown), parsed(before.original))
                });
                let before = parsed.as_ref().map(|(shown, original)| Before { shown, original });
                return Value::String(self.value(&json, before, field).to_string());
            }
        }
        let original = original.and_then(Value::as_str).unwrap_or_default();
        let (places_before, places_now) = (places(field.root, original), places(field.root, edited));
        let mut restored = String::with_capacity(edited.len());
        let (mut from, mut is_left) = (0, false);
        for (at, place) in places_now.iter().enumerate() {
            if edited[place.span.clone()] != *SENSITIVE {
                continue;
            }
            let named = |places: &[HidingPlace<'_>]| places.iter().filter(|other| other.name == place.name).count();
            let nth = named(&places_now[..at]);
            let secret = if named(&places_before) == named(&places_now) {
                let same = places_before.iter().filter(|other| other.name == place.name).nth(nth);
                same.map(|same| original[same.span.clone()].to_owned())
            } else {
                self.the_one_called(place.name).and_then(|secret| secret.as_str().map(str::to_owned))
            };
            if let Some(secret) = secret {
                is_left |= edited[from..place.span.start].contains(SENSITIVE);
                restored.push_str(&edited[from..place.span.start]);
                restored.push_str(&secret);
                from = place.span.end;
            }
        }
        is_left |= edited[from..].contains(SENSITIVE);
        restored.push_str(&edited[from..]);
        if is_left {
            return self.give_up(&Value::from(edited), field);
        }
        Value::String(restored)
    }

    /// The secret of that name, if there is one alone.
    fn the_one_called(&self, name: &str) -> Option<Value> {
        let mut called = self.known.iter().filter(|(known, _)| known == name).map(|(_, secret)| secret);
        let first = called.next()?;
        called.all(|other| other == first).then(|| first.clone())
    }

    fn give_up(&mut self, edited: &Value, field: Field<'_>) -> Value {
        self.still_masked.push(field.path.to_string());
        edited.clone()
    }
}

fn places<'a>(field: &str, text: &'a str) -> Vec<HidingPlace<'a>> {
    if field == "url" { hiding_places::in_url(text) } else { hiding_places::in_text(text) }
}

/// The JSON that a text holds, if it is an object or an array.
fn document(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(|json: &Value| json.is_object() || json.is_array())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::hooks::tests::any_hook;

    fn hook() -> Value {
        json!({
            "event": "temp",
            "url": "https://bob:s3cret@a.example/{{x}}?api_key=k3y&q=1&token={{{t}}}#f",
            "auth": {"username": "bob", "password": "p4ss"},
            "headers": {"Authorization": "Bearer b34rer", "X-Sender": "me"},
            "json": {"list": [{"name": "a", "apiKey": "one"}, {"name": "b", "apiKey": "two"}], "key": 12_345},
            "signing_secret": ["whsec_a", "whsec_b"],
        })
    }

    /// What comes back if the shown definition is changed in this way.
    fn after(original: &Value, edit: impl FnOnce(&mut Value)) -> Result<Value, String> {
        let mut edited = masking::shown_definition(original);
        edit(&mut edited);
        restored(&edited, original).map_err(|error| error.to_string())
    }

    /// The same, if all secrets are to be put back.
    fn expect(original: &Value, edit: impl Fn(&mut Value)) {
        let mut expected = original.clone();
        edit(&mut expected);
        assert_eq!(after(original, edit), Ok(expected));
    }

    #[test]
    fn what_nobody_touched_comes_back() {
        let shown = masking::shown_definition(&hook());
        for secret in ["s3cret", "k3y", "p4ss", "b34rer", "one", "two", "12345", "whsec"] {
            assert!(!shown.to_string().contains(secret), "{secret}: {shown}");
        }
        expect(&hook(), |_| {});
        expect(&hook(), |hook| hook["event"] = json!("other"));
        expect(&hook(), |hook| hook["auth"]["username"] = json!("eve"));
        expect(&hook(), |hook| hook["headers"]["X-More"] = json!("{{x}}"));
        expect(&hook(), |hook| hook["json"]["list"][0]["name"] = json!("c"));
        expect(&hook(), |hook| drop(hook["json"]["list"].as_array_mut().unwrap().remove(0)));
        expect(&hook(), |hook| hook["json"]["list"].as_array_mut().unwrap().reverse());
        expect(&hook(), |hook| drop(hook.as_object_mut().unwrap().remove("headers")));
    }

    #[test]
    fn an_address_keeps_its_secrets_while_the_rest_of_it_changes() {
        let with = |url: &str| after(&hook(), |hook| hook["url"] = json!(url)).map(|hook| hook["url"].clone());
        assert_eq!(
            with("http://[[SENSITIVE]]@b.example/p?more=1&api_key=[[SENSITIVE]]"),
            Ok(json!("http://bob:s3cret@b.example/p?more=1&api_key=k3y"))
        );
        assert_eq!(with("https://a.example/"), Ok(json!("https://a.example/")));
        assert_eq!(with("https://a.example/?api_key=new"), Ok(json!("https://a.example/?api_key=new")));
        for lost in
            ["https://a.example/?code=[[SENSITIVE]]", "https://a.example/?api_key=[[SENSITIVE]]x", "[[SENSITIVE]]"]
        {
            assert_eq!(with(lost), Err("url: type the secret again".to_owned()), "{lost}");
        }
    }

    #[test]
    fn a_secret_may_move_under_its_name_and_into_another_kind_of_body() {
        let form = json!({"event": "e", "url": "http://h/", "form": {"api_key": "k", "a": "1"}});
        let moved =
            after(&form, |hook| *hook = json!({"event": "e", "url": "http://h/", "json": {"api_key": SENSITIVE}}));
        assert_eq!(moved.unwrap()["json"], json!({"api_key": "k"}));
        let text = after(&form, |hook| hook["form"] = json!("{\"api_key\":\"[[SENSITIVE]]\",\"b\":2}"));
        assert_eq!(text.unwrap()["form"], json!(r#"{"api_key":"k","b":2}"#));
        let url = after(&form, |hook| hook["url"] = json!("http://h/?api_key=[[SENSITIVE]]"));
        assert_eq!(url.unwrap()["url"], json!("http://h/?api_key=k"));
        let renamed = after(&form, |hook| hook["form"] = json!({"key": SENSITIVE}));
        assert_eq!(renamed, Err("form.key: type the secret again".to_owned()));
    }

    #[test]
    fn it_is_never_guessed_which_of_two_secrets_is_meant() {
        let grown = after(&hook(), |hook| hook["json"]["list"] = json!([{"name": "c", "apiKey": SENSITIVE}]));
        assert_eq!(grown, Err("json.list[0].apiKey: type the secret again".to_owned()));
        let swapped = after(&hook(), |hook| {
            hook["json"]["list"] = json!([{"name": "b", "apiKey": SENSITIVE}, {"name": "c", "apiKey": SENSITIVE}]);
        });
        assert_eq!(swapped.unwrap_err(), "json.list[1].apiKey: type the secret again");
        let both = after(&hook(), |hook| {
            hook["headers"] = json!({"X-Token": SENSITIVE, "Authorization": "Basic [[SENSITIVE]]"});
        });
        let expected = "headers.X-Token: type the secret again; headers.Authorization: type the secret again";
        assert_eq!(both.unwrap_err(), expected);
        let body = json!({"event": "e", "url": "http://h/", "body": "key=a\nkey=b"});
        let both = after(&body, |hook| hook["body"] = json!("# new\nkey=[[SENSITIVE]]\nkey=[[SENSITIVE]]"));
        assert_eq!(both.unwrap()["body"], "# new\nkey=a\nkey=b");
        assert!(after(&body, |hook| hook["body"] = json!("key=[[SENSITIVE]]")).is_err());
    }

    #[test]
    fn another_signing_secret_can_stand_beside_those_that_are_there() {
        let more = |hook: &Value| after(hook, |hook| hook["signing_secret"] = json!([SENSITIVE, "whsec_c"]));
        assert_eq!(more(&hook()).unwrap()["signing_secret"], json!(["whsec_a", "whsec_b", "whsec_c"]));
        let one = json!({"event": "e", "url": "http://h/", "signing_secret": "whsec_a"});
        assert_eq!(more(&one).unwrap()["signing_secret"], json!(["whsec_a", "whsec_c"]));
        let appended = after(&hook(), |hook| {
            hook["json"]["list"].as_array_mut().unwrap().push(json!({"name": "c", "apiKey": "three"}));
        });
        assert_eq!(appended.unwrap()["json"]["list"][1]["apiKey"], "two");
    }

    #[test]
    fn texts_that_hold_json_or_templates_keep_their_secrets() {
        for (text, edited, expected) in [
            (
                r#"{"token": "s3\"cret", "a": {{a}} }"#,
                r#"{"token": "[[SENSITIVE]]", "b": {{b}} }"#,
                r#"{"token": "s3\"cret", "b": {{b}} }"#,
            ),
            (r#"{"token":"s3cret","a":1}"#, r#"{"a":2,"token":"[[SENSITIVE]]"}"#, r#"{"a":2,"token":"s3cret"}"#),
            (r#"{"token":"s3cret"}"#, r#"{"token":"[[SENSITIVE]]","a":{{a}} }"#, r#"{"token":"s3cret","a":{{a}} }"#),
        ] {
            let hook = json!({"event": "e", "url": "http://h/", "json": text});
            assert_eq!(after(&hook, |hook| hook["json"] = json!(edited)).unwrap()["json"], expected);
        }
        let object = json!({"event": "e", "url": "http://h/", "json": {"token": "s3cret"}});
        let text = after(&object, |hook| hook["json"] = json!(r#"{"token":"[[SENSITIVE]]","a":{{a}} }"#));
        assert_eq!(text.unwrap()["json"], r#"{"token":"s3cret","a":{{a}} }"#);
    }

    #[test]
    fn a_mask_that_was_really_written_stays() {
        let hook = json!({"event": "e", "url": "http://h/", "body": "a [[SENSITIVE]] b", "name": SENSITIVE});
        expect(&hook, |hook| hook["event"] = json!("f"));
    }

    proptest! {
        #[test]
        fn a_shown_definition_becomes_what_it_was(hook in any_hook()) {
            let back = restored(&masking::shown_definition(&hook), &hook).unwrap();
            prop_assert_eq!(back.to_string(), hook.to_string());
        }

        #[test]
        fn changing_one_field_changes_no_other(hook in any_hook(), field in prop::sample::select(vec!["event", "name", "retry", "x"])) {
            let mut edited = masking::shown_definition(&hook);
            edited[field] = json!("new");
            let mut expected = hook.clone();
            expected[field] = json!("new");
            prop_assert_eq!(restored(&edited, &hook).unwrap(), expected);
        }

        #[test]
        fn no_edit_makes_it_panic(hook in any_hook(), edited in any_hook(), text in "(key|token=|[:\"{}&?]|\\[\\[SENSITIVE\\]\\]){0,8}") {
            let mut edited = edited;
            edited["body"] = json!(text);
            edited["url"] = json!(format!("http://h/?{text}"));
            if let Ok(back) = restored(&edited, &hook) {
                prop_assert!(!back["url"].to_string().contains(SENSITIVE) || hook.to_string().contains(SENSITIVE));
            }
        }
    }
}
