//! Keys of a hook's JSON that have several names, the usual one first. Source: reference, section 3: the clients of
//! different ages.

/// What the names of its events begin with.
pub const EVENT: [&str; 2] = ["event", "eventName"];
/// The only device that triggers it.
pub const DEVICE: [&str; 6] = ["deviceID", "deviceid", "deviceId", "coreID", "coreid", "coreId"];
/// Whether the default data is left out.
pub const NO_DEFAULTS: [&str; 2] = ["noDefaults", "nodefaults"];
/// The name for errors.
pub const ERROR_TOPIC: [&str; 2] = ["errorResponseTopic", "errorTopic"];

/// All of them.
pub const ALL: [&[&str]; 4] = [&EVENT, &DEVICE, &NO_DEFAULTS, &ERROR_TOPIC];
