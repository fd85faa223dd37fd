use super::*;

fn rule(text: &str) -> Result<Rule, RuleError> {
    Rule::try_from(toml::from_str::<WrittenRule>(text).unwrap())
}

/// What a rule for `a/{device}` makes of a payload, as `event=data`; `more` is the rest of the rule.
fn made(more: &str, payload: &'static str) -> Option<Vec<String>> {
    let rule = rule(&format!("topic = \"a/{{device}}\"\n{more}")).unwrap();
    let made = rule.read("a/plug", &Payload::new(payload.into()))?;
    assert_eq!(made.device, "plug");
    let shown = |reading: &Reading| format!("{}={}", reading.event, String::from_utf8_lossy(&reading.data));
    Some(made.readings.iter().map(shown).collect())
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what may be none")]
fn told(events: &[&str]) -> Option<Vec<String>> {
    Some(events.iter().map(|event| (*event).to_owned()).collect())
}

#[test]
fn a_payload_is_told_as_it_came_unless_something_of_it_is_chosen() {
    let plain = r#"event = "e""#;
    assert_eq!(made(plain, " { \"b\": 1.50 } "), told(&["e= { \"b\": 1.50 } "]));
    assert_eq!(made(plain, "Online"), told(&["e=Online"]));
    let chosen = "event = \"e\"\ndata = \"/b/1\"";
    assert_eq!(made(chosen, r#"{"b":[1,"two"]}"#), told(&["e=two"]));
    assert_eq!(made(chosen, r#"{"b":[1]}"#), None);
    assert_eq!(made(chosen, "Online"), None);
    let omitted = "event = \"e\"\nomit = [\"Time\"]";
    assert_eq!(made(omitted, r#"{"Time":1,"z":2,"a":20.0}"#), told(&[r#"e={"z":2,"a":20.0}"#]));
    assert_eq!(made(omitted, "Online"), told(&["e=Online"]));
}

#[test]
fn what_is_ignored_is_told_and_not_compared() {
    let rule = rule("topic = \"{device}\"\nevent = \"e\"\nignore = [\"rssi\"]").unwrap();
    let read = |payload: &'static str| rule.read("x", &Payload::new(payload.into())).unwrap().readings.remove(0);
    let (one, other) = (read(r#"{"t":1,"rssi":-60}"#), read(r#"{"t":1,"rssi":-61}"#));
    assert_eq!(one.compared, other.compared);
    assert_ne!(one.data, other.data);
    assert_ne!(one.compared, read(r#"{"t":2,"rssi":-60}"#).compared);
}

#[test]
fn each_member_of_an_object_or_a_list_is_an_event() {
    let each = "event = \"s/{key}\"\nexplode = true\nomit = [\"Time\"]";
    let payload = r#"{"Time":"x","A":{"t":1},"B":null,"C":"on","D":[1]}"#;
    assert_eq!(made(each, payload), told(&[r#"s/A={"t":1}"#, "s/C=on", "s/D=[1]"]));
    assert_eq!(made(each, r#"["x",2]"#), told(&["s/0=x", "s/1=2"]));
    assert_eq!(made(each, "{}"), told(&[]));
    assert_eq!(made(each, "1"), None);
    let named = "event = \"{item/of}\"\nexplode = true\ndata = \"/list\"";
    let payload = r#"{"list":[{"of":"a","n":1},{"n":2},{"of":"b"}]}"#;
    assert_eq!(made(named, payload), told(&[r#"a={"of":"a","n":1}"#, r#"b={"of":"b"}"#]));
}

#[test]
fn of_too_many_members_the_rest_is_left_out_and_counted() {
    let rule = rule("topic = \"{device}\"\nevent = \"{key}\"\nexplode = true").unwrap();
    let payload = serde_json::to_vec(&vec![1; MOST_EVENTS + 3]).unwrap();
    let made = rule.read("x", &Payload::new(payload.into())).unwrap();
    assert_eq!((made.readings.len(), made.left_out), (MOST_EVENTS, 3));
}

#[test]
fn a_rule_reads_only_what_it_is_for() {
    let condition = |when: &str| format!("event = \"e\"\nwhen = [{when}]");
    for (when, payload, reads) in [
        (r#""/m=on""#, r#"{"m":"on"}"#, true),
        (r#""/m=on""#, r#"{"m":"off"}"#, false),
        (r#""/m=2""#, r#"{"m":2}"#, true),
        (r#""/m=""#, r#"{"m":""}"#, false),
        (r#""/m""#, r#"{"m":false}"#, true),
        (r#""/m""#, r#"{"m":""}"#, false),
        (r#""/m""#, r#"{"m":null}"#, false),
        (r#""/m""#, "on", false),
        (r#""/m", "/n=1""#, r#"{"m":1,"n":1}"#, true),
        (r#""/m", "/n=1""#, r#"{"m":1}"#, false),
    ] {
        assert_eq!(made(&condition(when), payload).is_some(), reads, "{when} on {payload}");
    }
    let rule = rule("topic = \"a/{device+}\"\nexclude = [\"a/bridge/#\", \"a/{x+}/set\"]\nevent = \"e\"").unwrap();
    let reads = |topic: &str| rule.read(topic, &Payload::new("1".into())).map(|made| made.device);
    assert_eq!(reads("a/x/y"), Some("x/y".to_owned()));
    for topic in ["a/bridge", "a/bridge/state", "a/x/y/set", "b/x"] {
        assert_eq!(reads(topic), None, "{topic}");
    }
}

#[test]
fn a_device_may_be_named_by_the_payload() {
    let rule = rule("topic = \"{x}/rpc\"\ndevice = \"{/src}\"\nevent = \"e\"").unwrap();
    let device = |payload: &'static str| rule.read("a/rpc", &Payload::new(payload.into())).map(|made| made.device);
    assert_eq!(device(r#"{"src":"plug"}"#), Some("plug".to_owned()));
    assert_eq!(device(r#"{"src":{}}"#), None);
    assert_eq!(device("plug"), None);
}

#[test]
fn a_rule_that_cannot_be_used_says_why() {
    let wrong = |text: &str| rule(text).unwrap_err();
    let topic = |topic: &str| format!("topic = \"{topic}\"\nevent = \"e\"\n");
    assert!(matches!(wrong(&topic("a/#/b")), RuleError::Topic { .. }));
    assert!(matches!(wrong(&format!("{}exclude = [\"\"]", topic("{device}"))), RuleError::Topic { .. }));
    assert!(matches!(wrong("topic = \"{device}\"\nevent = \"{\""), RuleError::Wording { key: "event", .. }));
    assert_eq!(wrong(&topic("a")), RuleError::NoPart { name: "device".to_owned() });
    assert_eq!(wrong("topic = \"{device}\"\nevent = \"{n}\""), RuleError::NoPart { name: "n".to_owned() });
    assert_eq!(wrong("topic = \"{device}\"\nevent = \"{key}\""), RuleError::NoItem);
    assert_eq!(wrong("topic = \"a\"\ndevice = \"{key}\"\nevent = \"e\"\nexplode = true"), RuleError::NoItem);
    let pointer = RuleError::Pointer { text: "b".to_owned() };
    assert_eq!(wrong(&format!("{}data = \"b\"", topic("{device}"))), pointer);
    assert_eq!(wrong(&format!("{}when = [\"b\"]", topic("{device}"))), pointer);
    assert_eq!(wrong(&format!("{}min_interval_s = 86401", topic("{device}"))), RuleError::Interval);
}
