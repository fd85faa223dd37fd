//! The rows that a restore registers: what is in the backup, and of what is registered now the account of who restores.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::backup::Content;
use crate::backup::DisabledHook;
use crate::backup::LostHook;
use crate::backup::RestoreError;
use crate::backup::RestoreReport;
use crate::hooks::HookDefinition;
use crate::hooks::aliases::EVENT;
use crate::hooks::masking::SENSITIVE;
use crate::model::UserId;
use crate::model::spec;
use crate::model::split_at_most;
use crate::registry::OauthClient;
use crate::registry::PasswordHash;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::Token;
use crate::registry::User;

type Rows = BTreeMap<String, Value>;
type Made = Result<(Rows, RestoreReport), RestoreError>;

/// Everything as it was. If nobody owned the gateway then, who owns it now still does.
pub(super) fn whole(content: Content, left_out: Rows, now: &Snapshot, mut report: RestoreReport) -> Made {
    let Content { mut rows, incomplete } = content;
    rows.extend(left_out);
    let owner = owner_of(&rows)?;
    // Left out of `rows`, and of what was left out, too: then nobody vouches for it.
    if let Some(key) = incomplete.into_iter().find(|key| !rows.contains_key(key)) {
        return Err(RegistryError::Row { key, reason: "it is missing".to_owned() }.into());
    }
    if !rows.contains_key(&format!("user/{owner}")) {
        keep_owner(&mut rows, owner, now)?;
    }
    let names = names_in(&rows);
    let unusable: Vec<(String, Value)> = hooks_of(&rows).filter(|(_, row)| parse(row).is_none()).collect();
    for (key, row) in unusable {
        rows.remove(&key);
        report.lost_hooks.push(lost(&key, &row, &names));
    }
    Ok((rows, report))
}

/// Everything but the secrets; who restores keeps the account, and has what was the owner's.
pub(super) fn without_secrets(content: Content, now: &Snapshot, mut report: RestoreReport) -> Made {
    let Content { mut rows, incomplete } = content;
    let owner = owner_of(&rows)?;
    rows.remove(&format!("user/{owner}"));
    keep_owner(&mut rows, owner, now)?;
    let names = names_in(&rows);
    let mut incomplete: BTreeSet<String> = incomplete.into_iter().collect();
    let mut missing_secrets = BTreeSet::new();
    for key in std::mem::take(&mut incomplete) {
        let Some(row) = rows.get_mut(&key) else { continue };
        match key.split_once('/') {
            Some(("user", id)) if id == owner.to_string() => {}
            Some(("user", id)) => {
                set(row, "password", json!(PasswordHash::of_none()));
                set(row, "otp", Value::Null);
                report.users_without_password.extend(names.get(id).cloned());
            }
            Some(("secret", place)) => {
                rows.remove(&key);
                missing_secrets.insert(place.to_owned());
                let (user, name) = place.split_once('/').unwrap_or((place, ""));
                report.missing_secrets.push(match names.get(user) {
                    Some(user) => format!("{name} of {user}"),
                    None => name.to_owned(),
                });
            }
            Some(("client", _)) => {
                report.missing_programs.extend(row["name"].as_str().map(str::to_owned));
                rows.remove(&key);
            }
            // Hooks are looked at below.
            _ => {}
        }
    }
    let hooks: Vec<(String, Value)> = hooks_of(&rows).collect();
    for (key, mut row) in hooks {
        let user = row["owner"].as_str().unwrap_or_default().to_owned();
        let mut missing = masked_fields(&row["definition"]);
        if let Some(definition) = parse(&row) {
            let wanted = definition.secret_names().iter().map(ToString::to_string);
            missing.extend(wanted.filter(|name| missing_secrets.contains(&format!("{user}/{name}"))));
        }
        if !missing.is_empty() {
            let disabled = disabled(&row["definition"]);
            set(&mut row, "definition", disabled);
        }
        let (Some(definition), Ok(id)) = (parse(&row), id_in(&key).parse()) else {
            rows.remove(&key);
            report.lost_hooks.push(lost(&key, &row, &names));
            continue;
        };
        if !missing.is_empty() {
            let event = definition.event_prefix().to_owned();
            report.disabled_hooks.push(DisabledHook { id, event, user: names.get(&user).cloned(), missing });
            rows.insert(key, row);
        }
    }
    Ok((rows, report))
}

/// The account of who owns the gateway now, if somebody does, becomes that of `owner`, with its tokens and programs.
fn keep_owner(rows: &mut Rows, owner: UserId, now: &Snapshot) -> Result<(), RestoreError> {
    let Some(before) = now.owner else { return Ok(()) };
    if let Some(account) = now.users.get(&before) {
        let mut others = rows.iter().filter(|(key, _)| key.starts_with("user/"));
        if others.any(|(_, row)| row["name"].as_str().is_some_and(|name| account.name.is_same(name))) {
            return Err(RestoreError::NameTaken { name: account.name.clone() });
        }
        put(rows, format!("user/{owner}"), &User { id: owner, ..User::clone(account) });
    }
    for token in now.tokens.values().filter(|token| token.user == before) {
        put(rows, format!("token/{}", token.hash), &Token { user: owner, ..token.clone() });
    }
    for client in now.clients.values().filter(|client| client.user == before) {
        put(rows, format!("client/{}", client.id), &OauthClient { user: owner, ..OauthClient::clone(client) });
    }
    Ok(())
}

fn put<T: Serialize>(rows: &mut Rows, key: String, row: &T) {
    rows.insert(key, json!(row));
}

fn owner_of(rows: &Rows) -> Result<UserId, RestoreError> {
    let owner = rows.get("owner").and_then(Value::as_str).and_then(|owner| owner.parse().ok());
    let missing = || RegistryError::Row { key: "owner".to_owned(), reason: "it is missing".to_owned() };
    Ok(owner.ok_or_else(missing)?)
}

fn hooks_of(rows: &Rows) -> impl Iterator<Item = (String, Value)> {
    rows.iter().filter(|(key, _)| key.starts_with("hook/")).map(|(key, row)| (key.clone(), row.clone()))
}

/// The names of users, by their ids.
fn names_in(rows: &Rows) -> BTreeMap<String, String> {
    let users = rows.iter().filter(|(key, _)| key.starts_with("user/"));
    users.map(|(key, row)| (id_in(key).to_owned(), row["name"].as_str().unwrap_or_default().to_owned())).collect()
}

/// What can be said of a hook that cannot be used.
fn lost(key: &str, row: &Value, names: &BTreeMap<String, String>) -> LostHook {
    let said = [EVENT.as_slice(), &["name"]].concat().into_iter();
    let called = said.filter_map(|field| row["definition"][field].as_str()).find(|text| !text.is_empty());
    let called = called.map(|text| split_at_most(text, spec::EVENT_NAME_CHARS).0.to_owned());
    let user = row["owner"].as_str().and_then(|owner| names.get(owner)).cloned();
    LostHook { id: id_in(key).to_owned(), called, user }
}

fn id_in(key: &str) -> &str {
    key.split_once('/').map_or(key, |(_, id)| id)
}

fn parse(row: &Value) -> Option<HookDefinition> {
    HookDefinition::parse(&row["definition"]).ok()
}

/// The fields of a definition in which something is masked.
fn masked_fields(definition: &Value) -> Vec<String> {
    let Value::Object(fields) = definition else { return Vec::new() };
    let masked = fields.iter().filter(|(_, value)| value.to_string().contains(SENSITIVE));
    masked.map(|(name, _)| name.clone()).collect()
}

/// A definition with masks, switched off. A field that cannot be used with a mask in it is left out.
fn disabled(definition: &Value) -> Value {
    let mut disabled = definition.clone();
    set(&mut disabled, "disabled", Value::Bool(true));
    let mut masked = masked_fields(definition);
    while let Err(invalid) = HookDefinition::parse(&disabled) {
        let is_wrong = |field: &String| {
            invalid.problems().iter().any(|problem| problem.field.split(['.', '[']).next() == Some(field))
        };
        let Some(at) = masked.iter().position(is_wrong) else { break };
        let field = masked.swap_remove(at);
        let taken = disabled.as_object_mut().and_then(|fields| fields.shift_remove(&field));
        // The address cannot be left out.
        if let (true, Some(Value::String(address))) = (field == "url", taken) {
            set(&mut disabled, &field, Value::String(address.replace(SENSITIVE, "SENSITIVE")));
        }
    }
    disabled
}

/// What comes from a file may be anything: it need not have fields.
fn set(row: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = row {
        fields.insert(field.to_owned(), value);
    }
}
