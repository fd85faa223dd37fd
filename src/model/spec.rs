//! Every number that comes from outside, with its source. What an owner may change is in the configuration;
//! these are its defaults and the numbers that nobody changes.
//!
//! Sources: *guide* is Particle's webhook guide of 2016 (particle-iot/docs, `guide/tools-and-features/webhooks`),
//! *reference* its webhook reference of 2025 (particle-iot/docs, `reference/cloud-apis/webhooks`), both read 2026-11.

/// Characters of a published event's name. Source: reference, "Event name" and Device OS `Particle.publish`.
pub const EVENT_NAME_CHARS: usize = 64;

/// Bytes of a published event's data. Source: Device OS 6.3 typed publish (`reference/device-os/typed-publish`).
pub const EVENT_DATA_BYTES: usize = 16_384;

/// Bytes of an event's data once it is text: binary data grows by a third and a prefix as a `data:` URL.
pub const EVENT_TEXT_BYTES: usize = EVENT_DATA_BYTES.div_ceil(3) * 4 + 64;

/// Seconds that an event says it lives when its publisher says nothing. Source: guide, event stream sample.
pub const EVENT_TTL_S: u32 = 60;

/// Retained messages of one owner, and the bytes that they may take together. Ours.
pub const RETAINED: usize = 1_000;
/// See [`RETAINED`].
pub const RETAINED_BYTES: usize = 1_024 * 1_024;

/// Characters of a name that farhook emits: room for a custom response topic around a published name. Ours.
pub const EMITTED_NAME_CHARS: usize = 256;

/// Prefixes under which only farhook publishes. Source: reference (`spark`), guide (`hook-…`); the rest is ours.
pub const RESERVED_PREFIXES: [&str; 7] =
    ["hook-sent/", "hook-response/", "hook-error/", "spark/", "particle/", "farhook/", "$"];

/// Characters of a variable's or a function's name. Source: Device OS API, "Overview of API field limits"
/// (docs.particle.io/reference/device-os/api/cloud-functions/overview-of-api-field-limits), since 0.8.0.
pub const CALL_NAME_CHARS: usize = 64;

/// Bytes of a function's argument. Source: the same table, since Device OS 3.0 (63, then 622 before).
pub const ARGUMENT_BYTES: usize = 1_024;

/// Variables that a device may offer, and functions. Ours: Device OS took 20 and 15 once, and today what fits its
/// memory.
pub const OFFERED: usize = 64;

/// The platform of devices and of products that name none: `linux`, the only one of Particle's numbers that its tools
/// print by a name and that stands for no board of theirs. Source: @particle/device-constants, read 2026-11.
pub const PLATFORM: u32 = 43;

/// Webhooks that one user may create. Source: guide, "Limits by User".
pub const HOOKS_PER_USER: u32 = 20;

/// Hook triggers per minute and device. Source: guide, "Limits by User".
pub const DEVICE_PER_MINUTE: u32 = 10;

/// Requests per minute and host, over all hooks. Source: guide, "Limits by Host".
pub const HOST_PER_MINUTE: u32 = 120;

/// Answers with an error in a row after which a hook is disabled. Source: guide, "Limits by Hook".
pub const ERRORS_IN_A_ROW: u32 = 10;

/// Smallest HTTP status that counts as an error. Source: guide, "Limits by Hook".
pub const ERROR_STATUS: u16 = 400;

/// Bytes in one part of a response. Source: guide, "Handling Web Responses".
pub const RESPONSE_PART_BYTES: usize = 512;

/// Milliseconds between two parts to one device. Source: guide, "Handling Web Responses".
pub const RESPONSE_INTERVAL_MS: u64 = 250;

/// Bytes of a response that are passed on; the rest is dropped. Source: guide, "Handling Web Responses".
pub const RESPONSE_BYTES: usize = 102_400;

/// Seconds that a target has to answer, connecting included. Source: reference, "Limits" (5 in 2017, 20 today).
pub const ANSWER_TIMEOUT_S: u64 = 20;
