//! The words of the local socket, of a command line somewhere else, and of pages. A request is one line of JSON; the reply is one line,
//! or for [`Request::Events`] a line for each event until one side hangs up.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::model::Hidden;
use crate::model::HookId;
use crate::model::Link;
use crate::model::TellingChange;
use crate::model::WallTime;

/// Bytes of the longest request: a hook definition with room to spare.
pub const REQUEST_BYTES: u64 = 1 << 20;

/// Bytes of a [`Request::Restore`], the only one that may be longer: 16 MB in base64, with room to spare.
pub const RESTORE_BYTES: u64 = 24 << 20;

/// What a [`Request::Restore`] begins with.
pub const RESTORE: &str = r#"{"ask":"restore","#;

/// What somebody asks of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Register a device.
    DeviceAdd {
        /// Its name.
        name: String,
    },
    /// Take a device that was removed; the answer has a key if it is a new one.
    DeviceClaim {
        /// Its id.
        id: String,
    },
    /// All devices.
    DeviceList,
    /// One device.
    DeviceShow {
        /// Its id or name.
        device: String,
    },
    /// A new key for a device.
    DeviceKey {
        /// Its id or name.
        device: String,
    },
    /// Another name for a device.
    DeviceRename {
        /// Its id or name.
        device: String,
        /// The new one.
        name: String,
    },
    /// Note something about a device.
    DeviceNote {
        /// Its id or name.
        device: String,
        /// What; nothing takes the note away.
        notes: String,
    },
    /// Remove a device.
    DeviceRemove {
        /// Its id or name.
        device: String,
    },
    /// Create a hook.
    HookCreate {
        /// Its JSON.
        definition: Value,
        /// Also if there is the same already.
        again: bool,
        /// The product whose devices trigger it.
        #[serde(default)]
        product: Option<String>,
    },
    /// All hooks.
    HookList {
        /// Only those of one product.
        #[serde(default)]
        product: Option<String>,
    },
    /// One hook.
    HookShow {
        /// Which.
        hook: HookId,
    },
    /// Give a hook another definition. What waits for it is sent by the new one.
    HookEdit {
        /// Which.
        hook: HookId,
        /// Its whole JSON. A mask that stands where it was shown is the secret that is there.
        definition: Value,
    },
    /// Delete a hook and what waits for it.
    HookDelete {
        /// Which.
        hook: HookId,
    },
    /// Switch a hook on or off.
    HookSwitch {
        /// Which.
        hook: HookId,
        /// On or off.
        on: bool,
    },
    /// Take a hook up again after too many errors.
    HookResume {
        /// Which.
        hook: HookId,
    },
    /// Send the oldest delivery of a hook that had too many errors; if that goes well, take it up again.
    HookTry {
        /// Which.
        hook: HookId,
    },
    /// Send one event through a hook, now.
    HookTest {
        /// Which.
        hook: HookId,
        /// The event, as the guide writes one; none for one made up from the hook.
        event: Option<Value>,
    },
    /// Create a product.
    ProductCreate {
        /// Its name.
        name: String,
        /// What it is.
        #[serde(default)]
        description: Option<String>,
    },
    /// All products.
    ProductList,
    /// One product.
    ProductShow {
        /// Its number or slug.
        product: String,
    },
    /// Change what is said about a product; what is not said stays as it is.
    ProductEdit {
        /// Its number or slug.
        product: String,
        /// Its new name.
        #[serde(default)]
        name: Option<String>,
        /// What it is.
        #[serde(default)]
        description: Option<String>,
    },
    /// Delete a product and its hooks.
    ProductDelete {
        /// Its number or slug.
        product: String,
    },
    /// Put a device into a product.
    ProductAdd {
        /// The product's number or slug.
        product: String,
        /// The device's id or name.
        device: String,
    },
    /// Put devices into a product: all of them or, if one of them is not there, none.
    ProductAddAll {
        /// The product's number or slug.
        product: String,
        /// The devices' ids or names.
        devices: Vec<String>,
    },
    /// Take a device out of a product.
    ProductRemove {
        /// The product's number or slug.
        product: String,
        /// The device's id or name.
        device: String,
    },
    /// Set a secret.
    SecretSet {
        /// Its name.
        name: String,
        /// What it is.
        value: Hidden,
    },
    /// The names of all secrets.
    SecretList,
    /// Remove a secret.
    SecretRemove {
        /// Its name.
        name: String,
    },
    /// Every event from now on.
    Events {
        /// Only those whose name begins so.
        prefix: String,
    },
    /// Publish an event as the user.
    Publish {
        /// Its name.
        name: String,
        /// Its data.
        data: String,
    },
    /// How the daemon is.
    Status,
    /// What the Bluetooth radio hears.
    BleScan,
    /// Make a sensor a device, whose readings are events.
    BleAdopt {
        /// The address of its radio.
        address: String,
        /// The device's name.
        name: String,
        /// The key with which it encrypts, as hex digits.
        #[serde(default)]
        bind_key: Option<Hidden>,
        /// How it is connected to.
        #[serde(default)]
        link: Option<Link>,
    },
    /// Make several sensors devices: those that can be are, and of the others it is said why not.
    BleAdoptAll {
        /// The addresses of their radios.
        addresses: Vec<String>,
        /// What their names begin with; the end of the address follows.
        prefix: String,
    },
    /// Set how much of what a sensor sends is told.
    BleSet {
        /// Its id or name.
        device: String,
        /// What shall be otherwise.
        #[serde(default)]
        telling: TellingChange,
        /// The key with which it encrypts, as hex digits; without it, that stays as it is.
        #[serde(default)]
        bind_key: Option<Hidden>,
    },
    /// Forget a sensor.
    BleForget {
        /// Its id or name.
        device: String,
    },
    /// The sensors that are adopted.
    BleList,
    /// Register the login of a source.
    SourceAdd {
        /// The device's name.
        name: String,
        /// The name of the rules by which its topics are read.
        rules: String,
    },
    /// Have the topics of a source read by other rules.
    SourceSet {
        /// Its id or name.
        source: String,
        /// The name of the rules.
        rules: String,
    },
    /// The sources, and the devices behind them.
    SourceList,
    /// Make what a source speaks of a device, whose readings are events.
    SourceAdopt {
        /// The source's id or name.
        source: String,
        /// What the device is called there.
        known_as: String,
        /// What it shall be called; without it, as it is there.
        #[serde(default)]
        name: Option<String>,
    },
    /// Forget a device that was adopted from a source.
    SourceForget {
        /// Its id or name.
        device: String,
    },
    /// What is used of each limit.
    Limits,
    /// Everything that waits, in figures.
    Queue,
    /// Send nothing until that is taken back.
    Pause,
    /// Send again.
    Unpause,
    /// Ask targets that are down now.
    Wake {
        /// Which, by its name or its host; none for all.
        #[serde(default)]
        target: Option<String>,
    },
    /// The deliveries that wait for a hook, oldest first.
    Waiting {
        /// Which.
        hook: HookId,
        /// How many.
        count: usize,
    },
    /// The latest attempts.
    Log {
        /// Of one hook; of all without it.
        hook: Option<HookId>,
        /// How many of each hook.
        count: usize,
    },
    /// Make dead letters of deliveries that wait.
    Cancel {
        /// Which.
        which: Chosen,
    },
    /// Dead letters.
    Dead {
        /// Which.
        which: Chosen,
        /// How many at most.
        count: usize,
    },
    /// Let dead letters wait again.
    Replay {
        /// Which.
        which: Chosen,
    },
    /// Throw dead letters away.
    Discard {
        /// Which.
        which: Chosen,
    },
    /// MQTT sessions that outlive their connection.
    SessionList {
        /// Only those of one device, by its name or id.
        #[serde(default)]
        device: Option<String>,
    },
    /// End a session that is away, and what waits for it.
    SessionEnd {
        /// The name or id of the device, or of the user, whose it is.
        device: String,
        /// Which, if there are several.
        #[serde(default)]
        client_id: Option<String>,
    },
    /// What a person should read.
    Notices,
    /// A notice was read.
    NoticeRead {
        /// Which; none for all.
        number: Option<u64>,
    },
    /// Make an access token.
    TokenCreate {
        /// Seconds that it holds; for ever without it.
        #[serde(default)]
        expires_in_s: Option<u32>,
    },
    /// All access tokens.
    TokenList,
    /// Revoke an access token.
    TokenRevoke {
        /// Its id.
        token: String,
    },
    /// Add a user; the first one is the owner.
    UserAdd {
        /// Their name.
        name: String,
        /// Their password.
        password: Hidden,
    },
    /// All users.
    UserList,
    /// Remove a user and everything of theirs.
    UserRemove {
        /// Their name.
        name: String,
    },
    /// Another password for a user.
    UserPassword {
        /// Their name.
        name: String,
        /// The new one.
        password: Hidden,
    },
    /// Ask a user for one-time passwords, or ask no more.
    UserMfa {
        /// Their name.
        name: String,
        /// Whether to ask.
        on: bool,
    },
    /// The code that makes the first user.
    ClaimCode,
    /// Everything that was set up, in one file.
    Backup {
        /// What the secrets in it are sealed with; without one they are left out.
        #[serde(default)]
        passphrase: Option<Hidden>,
    },
    /// Put what is in a backup in the place of everything that is set up.
    Restore {
        /// The file, in base64.
        file: Hidden,
        /// What its secrets are sealed with; without one they are not restored.
        #[serde(default)]
        passphrase: Option<Hidden>,
    },
    /// How everything is, in one file without secrets and without data of events.
    Diagnostics,
}

/// A request, and whose things are meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// The name of the user whose things are meant; none for the caller's own, or at the gateway for the owner's.
    pub user: Option<String>,
}

/// The key of a request that names the user.
const USER: &str = "user";

impl Asked {
    /// As it is sent.
    pub fn write(&self) -> Value {
        let mut written = serde_json::to_value(&self.request).expect("requests are plain JSON");
        if let (Some(user), Some(fields)) = (&self.user, written.as_object_mut()) {
            fields.insert(USER.to_owned(), Value::String(user.clone()));
        }
        written
    }

    /// As it came.
    ///
    /// # Errors
    /// When it cannot be understood; says why.
    pub fn read(mut written: Value) -> Result<Self, String> {
        let user = written.as_object_mut().and_then(|fields| fields.remove(USER));
        let user = user.map(serde_json::from_value).transpose();
        let user = user.map_err(|_| "user is a name".to_owned())?;
        let request = serde_json::from_value(written);
        let request = request.map_err(|error| format!("the request cannot be understood: {error}"))?;
        Ok(Self { request, user })
    }
}

/// Some of the deliveries that wait, or of the dead letters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Only this one, as it is listed.
    pub id: Option<String>,
    /// Only those of this hook.
    pub hook: Option<HookId>,
    /// Only those that died then or later.
    pub from: Option<WallTime>,
    /// Only those that died before.
    pub until: Option<WallTime>,
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// What was asked for.
    Done(Value),
    /// Why not.
    Refused(String),
}
