//! Definitions to begin with, one for each service that people use most. They are JSON files, so that a page can hand
//! them out as they are.

use std::sync::LazyLock;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

/// A definition to begin with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Example {
    /// For addresses of pages.
    pub(in crate::web) id: String,
    pub(in crate::web) title: String,
    /// What the hook does, in one sentence.
    pub(in crate::web) what: String,
    /// The service's own page about it.
    pub(in crate::web) docs: String,
    /// What one has to know.
    pub(in crate::web) note: String,
    /// What has to be filled in.
    pub(in crate::web) placeholders: Vec<Placeholder>,
    #[serde(skip_serializing)]
    pub(in crate::web) definition: Value,
    /// An event that triggers it, for previews.
    #[serde(skip_serializing)]
    pub(in crate::web) event: Value,
}

/// A word in capitals that stands for something of the user's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Placeholder {
    /// The word: `YOUR_API_KEY`. It is wherever it stands in the definition.
    pub(in crate::web) text: String,
    /// What to put there, and where to find it.
    pub(in crate::web) hint: String,
    /// For a secret: the name under which it can be kept instead, `{{{NAME}}}`.
    #[serde(default)]
    pub(in crate::web) secret: Option<String>,
}

const FILES: [&str; 9] = [
    include_str!("../examples/thingspeak.json"),
    include_str!("../examples/twilio.json"),
    include_str!("../examples/pushbullet.json"),
    include_str!("../examples/ntfy.json"),
    include_str!("../examples/slack.json"),
    include_str!("../examples/discord.json"),
    include_str!("../examples/influxdb.json"),
    include_str!("../examples/home-assistant.json"),
    include_str!("../examples/generic.json"),
];

static EXAMPLES: LazyLock<Vec<Example>> =
    LazyLock::new(|| FILES.map(|file| serde_json::from_str(file).expect("the examples are well-formed")).into());

/// All examples, in the order in which they are offered.
pub(in crate::web) fn examples() -> &'static [Example] {
    &EXAMPLES
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::hooks::HookDefinition;
    use crate::hooks::masking;
    use crate::hooks::preview::preview;
    use crate::hooks::sample_event;
    use crate::model::DefaultBody;
    use crate::model::EventId;
    use crate::model::SecretName;
    use crate::model::Secrets;
    use crate::model::UserId;
    use crate::model::WallTime;
    use crate::web::editor::form::Form;

    #[test]
    fn each_example_makes_a_whole_request_of_its_event() {
        let (id, owner, now) = (EventId::from_bytes([0; 12]), UserId::from_bytes([0; 12]), WallTime::from_millis(0));
        for example in examples() {
            let hook = HookDefinition::parse(&example.definition).unwrap();
            let event = sample_event::parse(&example.event, id, owner, now).unwrap();
            let made = preview(&hook, &event, &Secrets::new(), DefaultBody::Json, now).unwrap();
            assert_eq!((made.missing, made.mismatch), (vec![], None), "{}", example.id);
            let sent = format!("{} {}", made.exact.url, String::from_utf8_lossy(&made.exact.body));
            assert!(!sent.contains("{{") && !sent.contains("%7B%7B"), "{sent}");
        }
    }

    #[test]
    fn every_placeholder_is_explained_and_every_explained_one_is_there() {
        for example in examples() {
            let text = example.definition.to_string();
            let is_other = |c: char| !(c.is_ascii_uppercase() || c == '_');
            let used: BTreeSet<_> = text.split(is_other).filter(|word| word.starts_with("YOUR_")).collect();
            let told: BTreeSet<_> = example.placeholders.iter().map(|placeholder| placeholder.text.as_str()).collect();
            assert_eq!(used, told, "{}", example.id);
            let secrets = example.placeholders.iter().filter_map(|placeholder| placeholder.secret.clone());
            assert!(secrets.map(SecretName::try_from).all(|name| name.is_ok()), "{}", example.id);
        }
    }

    #[test]
    fn a_named_secret_can_stand_where_a_secret_has_to_be_filled_in() {
        for example in examples() {
            let mut text = example.definition.to_string();
            for placeholder in &example.placeholders {
                if let Some(secret) = &placeholder.secret {
                    text = text.replace(&placeholder.text, &format!("{{{{{{{secret}}}}}}}"));
                }
            }
            let definition: Value = serde_json::from_str(&text).unwrap();
            let hook = HookDefinition::parse(&definition).unwrap();
            let secrets = example.placeholders.iter().filter_map(|placeholder| placeholder.secret.clone());
            assert!(secrets.map(|name| SecretName::try_from(name).unwrap()).all(|name| hook.names_secret(&name)));
            assert_eq!(masking::shown_definition(&definition), definition, "{}", example.id);
        }
    }

    #[test]
    fn each_example_fits_into_the_form() {
        let ids: BTreeSet<_> = examples().iter().map(|example| example.id.as_str()).collect();
        assert_eq!(ids.len(), examples().len());
        for example in examples() {
            let form = Form::of(&example.definition);
            let again = Form::of(&form.onto(&Value::Null));
            assert_eq!(again, form, "{}", example.id);
            assert!(example.docs.starts_with("https://"));
        }
    }
}
