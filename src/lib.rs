//! farhook: the local half of a webhook cloud, on a Raspberry Pi.
//!
//! This is the map, in the order in which an event passes. `ARCHITECTURE.md` draws it; `tests/architecture.rs` holds
//! it.
//!
//! | where | what |
//! |---|---|
//! | [`mqtt`] | devices: who they are, what they publish, what they get to hear |
//! | [`ble`] | the Bluetooth radio, what it hears, and what sensors say in adverts |
//! | [`intake`] | accepts an event: well-formed? resent? which hooks? within the limit? durable? |
//! | [`store`] | what survives a power cut |
//! | [`dispatch`] | what waits, what is next, what follows an attempt |
//! | [`delivery`] | one HTTP attempt |
//! | [`network`] | whether there is a way out of this machine |
//! | [`bus`] | the wires between them, and what everybody may look at |
//! | [`hooks`] | the rules: definition, template, request, response, limits, retry |
//! | [`sources`] | devices that people already have: what a system's own topics say of which device |
//! | [`limits`], [`registry`] | the limits' windows; users, devices, products, hooks, tokens |
//! | [`retained`] | MQTT's retained messages |
//! | [`accounts`], [`backup`] | who may log in: passwords, one-time passwords, attempts; all that was set up, in one file |
//! | [`sessions`] | MQTT sessions that outlive their connection, and what waits for them |
//! | [`logbook`], [`notices`], [`history`] | the log of attempts; what a person should read; how much went when |
//! | [`control`], [`http`], [`api`], [`web`] | the local socket; the web port, its endpoints and its pages |
//! | [`tls`] | the certificate that HTTPS and MQTT over TLS show, and the handshake |
//! | [`daemon`], [`cli`] | joins the parts and takes them down; the command |
//! | [`model`], [`config`], [`telemetry`], [`clock`], [`chance`] | words and numbers; configuration; log and systemd; time; randomness |

pub mod accounts;
pub mod api;
pub mod backup;
pub mod ble;
pub mod bus;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod daemon;
pub mod delivery;
pub mod dispatch;
pub mod history;
pub mod hooks;
pub mod http;
pub mod intake;
pub mod limits;
pub mod logbook;
pub mod model;
pub mod mqtt;
pub mod network;
pub mod notices;
pub mod registry;
pub mod retained;
pub mod sessions;
pub mod sources;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod web;
