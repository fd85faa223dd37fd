//! The rows of the registry as one snapshot, and whether they fit together.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::Device;
use crate::model::ProductId;
use crate::model::Secret;
use crate::model::SecretName;
use crate::model::UserId;
use crate::registry::Hook;
use crate::registry::OauthClient;
use crate::registry::Product;
use crate::registry::Role;
use crate::registry::Snapshot;
use crate::registry::Token;
use crate::registry::User;
use crate::registry::changes::CLIENTS;
use crate::registry::changes::DEVICES;
use crate::registry::changes::GATEWAY;
use crate::registry::changes::HOOKS;
use crate::registry::changes::LAST_PRODUCT;
use crate::registry::changes::OWNER;
use crate::registry::changes::PRODUCTS;
use crate::registry::changes::RELEASED;
use crate::registry::changes::SECRETS;
use crate::registry::changes::TOKENS;
use crate::registry::changes::USERS;
use crate::registry::hook::StoredHook;

/// What these rows register. A row that cannot be used is left out, and `wrong` told its key and why.
pub(super) fn read(rows: &BTreeMap<String, Value>, mut wrong: impl FnMut(&str, String)) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (key, row) in rows {
        if let Err(reason) = take(&mut snapshot, key, row) {
            wrong(key, reason);
        }
    }
    snapshot
}

/// Why rows that can be used one by one do not fit together: the key of one that does not fit, and why.
pub(super) fn misfit(snapshot: &Snapshot) -> Option<(String, &'static str)> {
    let Some(owner) = snapshot.owner else { return Some((OWNER.to_owned(), "it is missing")) };
    let is_known = |user: &UserId| *user == owner || snapshot.users.contains_key(user);
    let has_product = |user: UserId, product: Option<ProductId>| {
        product.is_none_or(|id| snapshot.products.get(&id).is_some_and(|product| product.owner == user))
    };
    let (mut seen, mut adopted) = (HashSet::new(), HashSet::new());
    let mut is_new =
        |kind: &'static str, whose: Option<UserId>, name: &str| seen.insert((kind, whose, name.to_lowercase()));
    for user in snapshot.users.values() {
        let key = || format!("{USERS}{}", user.id);
        if (user.role == Role::Owner) != (user.id == owner) {
            return Some((key(), "there is one owner"));
        }
        if !is_new(USERS, None, user.name.as_str()) {
            return Some((key(), "another user has that name"));
        }
    }
    for product in snapshot.products.values() {
        let key = || format!("{PRODUCTS}{}", product.id);
        if !is_known(&product.owner) {
            return Some((key(), "it is nobody's"));
        }
        if !is_new(PRODUCTS, None, &product.slug) {
            return Some((key(), "another product has that slug"));
        }
        if snapshot.last_product.is_none_or(|last| last < product.id) {
            return Some((key(), "its number was never given"));
        }
    }
    for device in snapshot.devices.values() {
        let key = || format!("{DEVICES}{}", device.id);
        if !is_known(&device.owner) || !has_product(device.owner, device.product) {
            return Some((key(), "it is nobody's, or its product is"));
        }
        if !is_new(DEVICES, Some(device.owner), device.name.as_str()) {
            return Some((key(), "another device has that name"));
        }
        if device.sensor.as_ref().is_some_and(|sensor| !is_new("sensor/", None, &sensor.address.to_string())) {
            return Some((key(), "another device is the same sensor"));
        }
        if device.adoption.as_ref().is_some_and(|adoption| !adopted.insert(adoption)) {
            return Some((key(), "another device is adopted from the same source under the same name"));
        }
    }
    let hook = snapshot.hooks.values().find(|hook| !is_known(&hook.owner) || !has_product(hook.owner, hook.product));
    if let Some(hook) = hook {
        return Some((format!("{HOOKS}{}", hook.id), "it is nobody's, or its product is"));
    }
    if let Some(token) = snapshot.tokens.values().find(|token| !is_known(&token.user)) {
        return Some((format!("{TOKENS}{}", token.id()), "it is nobody's"));
    }
    if let Some(client) = snapshot.clients.values().find(|client| !is_known(&client.user)) {
        return Some((format!("{CLIENTS}{}", client.id), "it is nobody's"));
    }
    let user = snapshot.secrets.keys().find(|user| !is_known(user))?;
    Some((format!("{SECRETS}{user}"), "it is nobody's"))
}

fn take(snapshot: &mut Snapshot, key: &str, row: &Value) -> Result<(), String> {
    if let Some(id) = key.strip_prefix(USERS) {
        let user: User = named(row, id, |user: &User| user.id.to_string())?;
        snapshot.users.insert(user.id, Arc::new(user));
    } else if let Some(id) = key.strip_prefix(DEVICES) {
        let device: Device = named(row, id, |device: &Device| device.id.to_string())?;
        snapshot.devices.insert(device.id, Arc::new(device));
    } else if let Some(id) = key.strip_prefix(RELEASED) {
        let device: Device = named(row, id, |device: &Device| device.id.to_string())?;
        snapshot.released.insert(device.id, Arc::new(device));
    } else if let Some(hash) = key.strip_prefix(TOKENS) {
        let token: Token = named(row, hash, |token: &Token| token.hash.to_string())?;
        snapshot.tokens.insert(token.hash, token);
    } else if let Some(id) = key.strip_prefix(CLIENTS) {
        let client: OauthClient = named(row, id, |client: &OauthClient| client.id.clone())?;
        snapshot.clients.insert(client.id.clone(), Arc::new(client));
    } else if let Some(id) = key.strip_prefix(PRODUCTS) {
        let product: Product = named(row, id, |product: &Product| product.id.to_string())?;
        snapshot.products.insert(product.id, Arc::new(product));
    } else if let Some(id) = key.strip_prefix(HOOKS) {
        let id = id.parse().map_err(|error| format!("{error}"))?;
        let hook = Hook::from_stored(id, &decoded::<StoredHook>(row)?).map_err(|invalid| invalid.to_string())?;
        snapshot.hooks.insert(hook.id, Arc::new(hook));
    } else if let Some(place) = key.strip_prefix(SECRETS) {
        let (user, name) = secret_of(place).ok_or("it is no secret's")?;
        let secret: Secret = decoded(row)?;
        Arc::make_mut(snapshot.secrets.entry(user).or_default()).insert(name, secret);
    } else {
        match key {
            GATEWAY => snapshot.gateway = Some(decoded::<String>(row)?.into()),
            OWNER => snapshot.owner = Some(decoded(row)?),
            LAST_PRODUCT => snapshot.last_product = Some(decoded(row)?),
            _ => return Err("nothing has such rows".to_owned()),
        }
    }
    Ok(())
}

/// A row that stands where it belongs.
fn named<T: DeserializeOwned>(row: &Value, place: &str, name: impl FnOnce(&T) -> String) -> Result<T, String> {
    let decoded = decoded(row)?;
    if name(&decoded) == place { Ok(decoded) } else { Err("it is another one's".to_owned()) }
}

fn decoded<T: DeserializeOwned>(row: &Value) -> Result<T, String> {
    T::deserialize(row).map_err(|error| error.to_string())
}

/// Whose secret a row's key, without its prefix, is, and what it is called.
fn secret_of(key: &str) -> Option<(UserId, SecretName)> {
    let (user, name) = key.split_once('/')?;
    Some((user.parse().ok()?, SecretName::try_from(name.to_owned()).ok()?))
}
