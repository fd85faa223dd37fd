//! particle-cli 3.43.1: commands as a user types them, and what they print. What it prints is in its source,
//! `src/cmd/`.

mod devices;
mod events;
mod login;
mod products;
mod tokens;
mod webhooks;
