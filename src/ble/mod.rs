//! Bluetooth Low Energy: what sensors send without being asked.
//!
//! [`advert`] is one such sending as the radio hears it, [`decode`] makes a reading of it.

pub mod advert;
pub mod decode;
