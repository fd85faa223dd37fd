//! Keys of a hook's JSON that have several names, the usual one first. Source: reference, section 3: the clients of
//! different ages.

pub(super) const EVENT: [&str; 2] = ["event", "eventName"];
pub(super) const DEVICE: [&str; 6] = ["deviceID", "deviceid", "deviceId", "coreID", "coreid", "coreId"];
pub(super) const NO_DEFAULTS: [&str; 2] = ["noDefaults", "nodefaults"];
pub(super) const ERROR_TOPIC: [&str; 2] = ["errorResponseTopic", "errorTopic"];

/// All of them.
pub(super) const ALL: [&[&str]; 4] = [&EVENT, &DEVICE, &NO_DEFAULTS, &ERROR_TOPIC];
