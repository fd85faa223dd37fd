//! Backups of a real registry, into a real registry.

use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::hooks::HookDefinition;
use crate::hooks::masking::SENSITIVE;
use crate::model::AccessToken;
use crate::model::Device;
use crate::model::DeviceName;
use crate::model::HookId;
use crate::model::Key;
use crate::model::SecretName;
use crate::registry::Hook;
use crate::registry::Identity;
use crate::registry::NewHook;
use crate::registry::OtpSecret;
use crate::registry::PasswordHash;
use crate::registry::ProductChange;
use crate::registry::User;
use crate::registry::UserName;
use crate::registry::Wish;
use crate::store::Meta;

const NOW: WallTime = WallTime::from_millis(1_460_813_828_728);
const PASSPHRASE: &str = "correct horse battery";

/// Everything secret in these tests has this in it, hashes among it.
const PLANTED: &str = "pl4nted";

struct Gateway {
    data: TempDir,
    registry: Arc<Registry>,
    backups: Backups,
}

impl Gateway {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let registry = Arc::new(Registry::load(Meta::open(data.path()).unwrap(), Chance::from_os()).unwrap());
        let backups = Backups::new(Arc::clone(&registry), Chance::from_os());
        Self { data, registry, backups }
    }

    fn claimed_by(name: &str) -> Self {
        let gateway = Self::new();
        gateway.registry.claim(user_name(name), hash(name), NOW).unwrap();
        gateway
    }

    /// With something of everything.
    fn full() -> (Self, Full) {
        let gateway = Self::claimed_by("me");
        let (registry, owner) = (&gateway.registry, gateway.registry.owner());
        registry.set_otp(owner, None, Some(OtpSecret::from_random([7; 20]))).unwrap();
        let you = registry.add_user(user_name("you"), hash("you"), NOW).unwrap();
        let (kitchen, key) = registry.add_device(owner, Some(device_name("kitchen")), None, NOW).unwrap();
        registry.add_device(you.id, Some(device_name("kitchen")), None, NOW).unwrap();
        registry.add_device(owner, Some(device_name("cellar")), None, NOW).unwrap();
        registry.remove_device(owner, "cellar").unwrap();
        let titled = ProductChange { name: Some("greenhouse".to_owned()), ..ProductChange::default() };
        let product = registry.add_product(owner, titled, NOW).unwrap();
        registry.move_devices(owner, &[kitchen.id], Some(product.id)).unwrap();
        let api_key = SecretName::try_from("API_KEY".to_owned()).unwrap();
        registry.set_secret(owner, api_key, PLANTED.to_owned(), NOW).unwrap();
        let token = registry.create_token(owner, Wish::default(), NOW).unwrap().secret;
        registry.add_client(owner, "program", NOW).unwrap();
        let full = Full {
            you,
            kitchen,
            key,
            token,
            plain: gateway.hook(owner, &json!({ "event": "plain", "url": "https://a.example/x" })),
            naming: gateway.hook(owner, &json!({ "event": "naming", "url": "https://a.example?k={{{API_KEY}}}" })),
            masked: [
                json!({ "event": "header", "url": "https://a.example", "headers": { "X-Api-Key": PLANTED } }),
                json!({ "event": "query", "url": format!("https://a.example/?api_key={PLANTED}") }),
                json!({ "event": "person", "url": format!("https://me:{PLANTED}@a.example/") }),
                json!({ "event": "auth", "url": "https://a.example", "auth": { "username": "u", "password": PLANTED } }),
                json!({ "event": "body", "url": "https://a.example", "body": format!("token={PLANTED}&a=1") }),
                json!({ "event": "signed", "url": "https://a.example", "auth": { "username": "u", "password": PLANTED },
                    "signing_secret": "whsec_cGw0bnRlZHBsNG50ZWRwbDRudGVkcGw0bnRlZA==" }),
            ]
            .map(|definition| gateway.hook(owner, &definition)),
        };
        (gateway, full)
    }

    fn hook(&self, owner: UserId, definition: &Value) -> Arc<Hook> {
        let definition = HookDefinition::parse(definition).unwrap();
        self.registry.add_hook(NewHook { owner, product: None, definition, limit: None, again: false }, NOW).unwrap()
    }

    fn restore(&self, file: &[u8], passphrase: Option<&str>) -> Result<RestoreReport, RestoreError> {
        self.backups.restore(file, passphrase, self.registry.owner(), NOW)
    }

    fn rows(&self) -> BTreeMap<String, Value> {
        self.registry.rows().unwrap()
    }

    /// The same after a restart.
    fn restarted(self) -> Self {
        let Self { data, registry, backups } = self;
        drop((registry, backups));
        let registry = Arc::new(Registry::load(Meta::open(data.path()).unwrap(), Chance::from_os()).unwrap());
        let backups = Backups::new(Arc::clone(&registry), Chance::from_os());
        Self { data, registry, backups }
    }
}

struct Full {
    you: Arc<User>,
    kitchen: Arc<Device>,
    key: Key,
    token: AccessToken,
    plain: Arc<Hook>,
    naming: Arc<Hook>,
    masked: [Arc<Hook>; 6],
}

fn user_name(name: &str) -> UserName {
    UserName::try_from(name.to_owned()).unwrap()
}

fn device_name(name: &str) -> DeviceName {
    DeviceName::try_from(name.to_owned()).unwrap()
}

fn hash(name: &str) -> PasswordHash {
    PasswordHash::from_text(format!("{PLANTED} of {name}"))
}

/// All that is in a backup, as text.
fn text_of(file: &[u8]) -> String {
    bundle::unpack(file).unwrap().into_values().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

/// A backup whose files were changed, and its sums with them.
fn forged(file: &[u8], change: impl Fn(&str, &mut Value)) -> Vec<u8> {
    let mut files = bundle::unpack(file).unwrap();
    let mut manifest: Value = serde_json::from_slice(&files.remove(manifest::NAME).unwrap()).unwrap();
    let mut packed = Vec::new();
    let mut honest = Manifest::new(Counts::default(), NOW);
    for (name, bytes) in files {
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        change(&name, &mut value);
        let bytes = json(&value);
        honest.list(&name, &bytes);
        packed.push((name, bytes));
    }
    manifest["files"] = json!(honest)["files"].take();
    change(manifest::NAME, &mut manifest);
    packed.insert(0, (manifest::NAME.to_owned(), json(&manifest)));
    bundle::pack(&packed, NOW)
}

#[test]
fn a_backup_without_a_passphrase_has_no_secret_in_it_and_no_hash_of_one() {
    let (gateway, full) = Gateway::full();
    let text = text_of(&gateway.backups.make(None, NOW).unwrap().1);
    let snapshot = gateway.registry.snapshot();
    let token = snapshot.tokens.values().next().unwrap().hash.to_string();
    let client = snapshot.clients.values().next().unwrap().secret;
    for secret in [PLANTED, "cGw0bnRlZ", full.token.reveal(), full.key.reveal(), &token, &String::from(client)] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("kitchen") && text.contains("API_KEY") && text.contains(SENSITIVE));
    let sealed = text_of(&gateway.backups.make(Some(PASSPHRASE), NOW).unwrap().1);
    assert!(!sealed.contains(PLANTED) && !sealed.contains(&token));
}

#[test]
fn with_the_passphrase_everything_is_as_it_was() {
    let (gateway, full) = Gateway::full();
    let file = gateway.backups.make(Some(PASSPHRASE), NOW).unwrap().1;
    let described = describe(&file).unwrap();
    let counts = Counts { users: 2, devices: 2, products: 1, hooks: 8, secrets: 1 };
    assert_eq!((described.counts, described.has_secrets), (counts, true));

    let other = Gateway::claimed_by("somebody");
    other.registry.add_device(other.registry.owner(), None, None, NOW).unwrap();
    let report = other.restore(&file, Some(PASSPHRASE)).unwrap();
    assert!(report.is_whole && report.disabled_hooks.is_empty() && report.users_without_password.is_empty());
    let other = other.restarted();
    assert_eq!(other.rows(), gateway.rows());
    assert_eq!(other.registry.owner(), gateway.registry.owner());
    let snapshot = other.registry.snapshot();
    assert!(matches!(snapshot.login("kitchen", full.key.reveal(), NOW), Some(Identity::Device(_))));
    assert!(matches!(snapshot.bearer(full.token.reveal(), NOW), Ok(Identity::Observer(_))));
}

#[test]
fn without_the_secrets_who_restores_stays_and_what_needs_them_is_switched_off_and_named() {
    let (gateway, full) = Gateway::full();
    for (file, passphrase) in
        [(gateway.backups.make(None, NOW), None), (gateway.backups.make(Some(PASSPHRASE), NOW), None)]
    {
        let other = Gateway::claimed_by("somebody");
        let token = other.registry.create_token(other.registry.owner(), Wish::default(), NOW).unwrap().secret;
        let report = other.restore(&file.unwrap().1, passphrase).unwrap();
        let other = other.restarted();
        let (snapshot, owner) = (other.registry.snapshot(), gateway.registry.owner());

        assert_eq!(other.registry.owner(), owner);
        let account = &snapshot.users[&owner];
        assert_eq!((account.name.as_str(), &account.password, &account.otp), ("somebody", &hash("somebody"), &None));
        assert!(matches!(snapshot.bearer(token.reveal(), NOW), Ok(Identity::Observer(token)) if token.user == owner));
        assert!(snapshot.bearer(full.token.reveal(), NOW).is_err());
        assert_eq!(snapshot.users[&full.you.id].password, PasswordHash::of_none());
        assert_eq!(report.users_without_password, ["you"]);

        let found = snapshot.login("kitchen", full.key.reveal(), NOW);
        assert!(
            matches!(found, Some(Identity::Device(device)) if device.id == full.kitchen.id && device.owner == owner)
        );
        assert_eq!((snapshot.devices.len(), snapshot.released.len(), snapshot.products.len()), (2, 1, 1));

        assert!(!report.is_whole && snapshot.secrets.is_empty());
        assert_eq!(
            (report.missing_secrets, report.missing_programs),
            (vec!["API_KEY of somebody".to_owned()], vec!["program".to_owned()])
        );
        let hook = |hook: &Arc<Hook>| &snapshot.hooks[&hook.id].definition;
        assert!(!hook(&full.plain).is_disabled());
        assert!(full.masked.iter().chain([&full.naming]).all(|masked| hook(masked).is_disabled()));
        assert!(report.lost_hooks.is_empty(), "{:?}", report.lost_hooks);
        let missing = |wanted: HookId| {
            report.disabled_hooks.iter().find(|disabled| disabled.id == wanted).map(|disabled| disabled.missing.clone())
        };
        assert_eq!(report.disabled_hooks.len(), 7);
        assert_eq!(missing(full.naming.id), Some(vec!["API_KEY".to_owned()]));
        assert_eq!(missing(full.masked[5].id), Some(vec!["auth".to_owned(), "signing_secret".to_owned()]));
        assert_eq!(hook(&full.masked[0]).original()["headers"]["X-Api-Key"], SENSITIVE);
        let signed = hook(&full.masked[5]).original();
        assert_eq!((&signed["auth"]["password"], &signed["signing_secret"]), (&json!(SENSITIVE), &Value::Null));
    }
}

#[test]
fn a_hook_that_this_version_cannot_use_is_told_by_its_event_or_name_and_its_user() {
    let (gateway, full) = Gateway::full();
    let spoil = |rows: &mut Value| {
        let long = "é".repeat(500);
        let said = [json!({ "event": "plain", "url": 5 }), json!({ "event": 5, "name": long })];
        for (hook, definition) in [&full.plain, &full.naming].into_iter().zip(said) {
            rows[format!("hook/{}", hook.id)]["definition"] = definition;
        }
        rows[format!("hook/{}", full.naming.id)]["owner"] = json!(full.you.id);
        rows[format!("hook/{}", full.masked[0].id)] = json!(5);
    };
    let check = |report: &RestoreReport, owner: &str| {
        let lost = |hook: &Arc<Hook>| {
            let lost = report.lost_hooks.iter().find(|lost| lost.id == hook.id.to_string()).unwrap();
            (lost.called.clone(), lost.user.clone())
        };
        assert_eq!(report.lost_hooks.len(), 3);
        assert_eq!(lost(&full.plain), (Some("plain".to_owned()), Some(owner.to_owned())));
        assert_eq!(lost(&full.naming), (Some("é".repeat(32)), Some("you".to_owned())));
        assert_eq!(lost(&full.masked[0]), (None, None));
    };

    let file = gateway.backups.make(None, NOW).unwrap().1;
    let spoilt = forged(&file, |name, value| {
        if name == REGISTRY {
            spoil(&mut value["rows"]);
        }
    });
    check(&Gateway::claimed_by("somebody").restore(&spoilt, None).unwrap(), "somebody");

    let mut rows = json!(gateway.rows());
    spoil(&mut rows);
    let content = Content { rows: serde_json::from_value(rows).unwrap(), incomplete: Vec::new() };
    let report = RestoreReport::of(describe(&file).unwrap(), true);
    let whole = restored::whole(content, BTreeMap::new(), &gateway.registry.snapshot(), report);
    check(&whole.unwrap().1, "me");
}

#[test]
fn a_gateway_that_nobody_owns_can_be_claimed_after_a_restore_with_all_that_was_the_owners() {
    let (gateway, full) = Gateway::full();
    let other = Gateway::new();
    other.restore(&gateway.backups.make(None, NOW).unwrap().1, None).unwrap();
    assert!(!other.registry.is_claimed());
    let owner = other.registry.claim(user_name("somebody"), hash("somebody"), NOW).unwrap();
    let snapshot = other.registry.snapshot();
    assert_eq!(snapshot.devices[&full.kitchen.id].owner, owner.id);
    assert_eq!(snapshot.hooks_of(owner.id).count(), 8);
}

#[test]
fn a_gateway_that_somebody_owns_does_not_become_nobodys() {
    let file = Gateway::new().backups.make(Some(PASSPHRASE), NOW).unwrap().1;
    let gateway = Gateway::claimed_by("me");
    gateway.restore(&file, Some(PASSPHRASE)).unwrap();
    assert!(gateway.registry.is_claimed());
    assert_eq!(gateway.registry.snapshot().user("me").unwrap().password, hash("me"));
}

#[test]
fn everybody_sees_a_restore_in_one_step_and_who_is_gone_is_out() {
    let (gateway, _) = Gateway::full();
    let file = gateway.backups.make(None, NOW).unwrap().1;
    let other = Gateway::claimed_by("somebody");
    let owner = other.registry.owner();
    let token = other.registry.create_token(owner, Wish::default(), NOW).unwrap().token;
    let (shed, key) = other.registry.add_device(owner, Some(device_name("shed")), None, NOW).unwrap();
    let before = other.registry.snapshot();
    let identities = [Identity::Observer(token), before.login("shed", key.reveal(), NOW).unwrap()];
    let mut watch = other.registry.watch();
    watch.mark_unchanged();
    other.restore(&file, None).unwrap();
    assert!(watch.has_changed().unwrap());
    let after = Arc::clone(&watch.borrow_and_update());
    assert!(!watch.has_changed().unwrap());
    assert!(after.devices.len() == 2 && !after.devices.contains_key(&shed.id));
    // The token is that of another id now: its connections begin again.
    assert!(identities.iter().all(|identity| before.still_admits(identity, NOW) && !after.still_admits(identity, NOW)));
}

#[test]
fn what_is_no_sound_backup_changes_nothing() {
    let (gateway, full) = Gateway::full();
    let sound = gateway.backups.make(Some(PASSPHRASE), NOW).unwrap().1;
    let open = gateway.backups.make(None, NOW).unwrap().1;
    let other = Gateway::claimed_by("somebody");
    let before = other.rows();
    let you = full.you.id;
    let refused = |file: &[u8], passphrase: Option<&str>| {
        let error = other.restore(file, passphrase).unwrap_err();
        assert_eq!(other.rows(), before, "{error}");
        error
    };
    assert!(matches!(refused(&sound, Some("another horse")), RestoreError::Passphrase));
    assert!(matches!(refused(&open, Some(PASSPHRASE)), RestoreError::NoSecrets));
    assert!(matches!(refused(b"", None), RestoreError::Foreign));
    assert!(matches!(refused(&sound[..sound.len() / 2], None), RestoreError::Damaged(_)));
    assert!(matches!(refused(&vec![0x1f; FILE_BYTES + 1], None), RestoreError::TooLarge));
    assert!(matches!(refused(&bundle::pack(&[("x", vec![1])], NOW), None), RestoreError::Foreign));

    let newer = forged(&sound, |name, value| {
        if name == manifest::NAME {
            value["format"] = json!(2);
            value["farhook"] = json!("9.9.9");
            value["unheard_of"] = json!(true);
        }
    });
    assert!(matches!(refused(&newer, None), RestoreError::Newer { farhook } if farhook == "9.9.9"));
    let mut files = bundle::unpack(&sound).unwrap();
    files.get_mut(REGISTRY).unwrap().push(b' ');
    let files: Vec<_> = files.into_iter().collect();
    assert!(matches!(refused(&bundle::pack(&files, NOW), None), RestoreError::Changed { name } if name == REGISTRY));

    // Whoever changes the sums, too, has not the passphrase.
    let forgery = forged(&sound, |name, value| {
        if name == REGISTRY {
            value["rows"][format!("user/{you}")]["role"] = json!("member");
            value["rows"][format!("user/{you}")]["name"] = json!("thou");
        }
    });
    assert!(matches!(refused(&forgery, Some(PASSPHRASE)), RestoreError::Passphrase));

    for (key, row, reason) in [
        (format!("user/{you}"), json!("x"), "invalid type"),
        ("user/0".to_owned(), json!({}), "missing field"),
        ("owner".to_owned(), json!(5), "missing"),
        ("owner".to_owned(), json!(you), "one owner"),
        ("unheard-of".to_owned(), json!(5), "nothing has such rows"),
        (format!("device/{}", full.kitchen.id), json!({}), "missing field"),
        ("last-product".to_owned(), json!(3), "never given"),
    ] {
        let forged = forged(&open, |name, value| {
            if name == REGISTRY {
                value["rows"][&key] = row.clone();
            }
        });
        let error = refused(&forged, None).to_string();
        assert!(error.contains(reason), "{key}: {error}");
    }
}

#[test]
fn rows_of_any_shape_are_a_refusal_and_no_panic() {
    let (gateway, _) = Gateway::full();
    let open = gateway.backups.make(None, NOW).unwrap().1;
    for shape in [json!(null), json!([1]), json!("x"), json!({ "definition": 5 }), json!({ "name": [], "owner": [] })] {
        let other = Gateway::claimed_by("somebody");
        let keys: Vec<String> = gateway.rows().into_keys().filter(|key| !key.starts_with("token/")).collect();
        for key in keys {
            let forged = forged(&open, |name, value| {
                if name == REGISTRY {
                    value["rows"][&key] = shape.clone();
                }
            });
            // A hook that cannot be used is left out; so is what is left out anyway.
            drop(other.restore(&forged, None));
            assert!(other.registry.is_claimed());
        }
    }
}

#[test]
fn without_its_secrets_a_backup_with_another_user_of_ones_name_is_refused() {
    let (gateway, _) = Gateway::full();
    let other = Gateway::claimed_by("YOU");
    let refused = other.restore(&gateway.backups.make(None, NOW).unwrap().1, None);
    assert!(matches!(refused, Err(RestoreError::NameTaken { name }) if name.as_str() == "YOU"));
}

#[test]
fn only_the_owner_restores_and_a_short_passphrase_seals_nothing() {
    let (gateway, full) = Gateway::full();
    let file = gateway.backups.make(None, NOW).unwrap().1;
    let refused = gateway.backups.restore(&file, None, full.you.id, NOW);
    assert!(matches!(refused, Err(RestoreError::NotOwner)));
    assert!(matches!(gateway.backups.make(Some("short"), NOW), Err(BackupError::Passphrase)));
    assert_eq!(file_name(NOW), "farhook-backup-2016-04-16.tar.gz");
}
