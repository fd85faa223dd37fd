//! Accounts: tokens, the caller's own account, other users, and programs.

mod clients;
mod oauth;
mod tokens;
mod user;
mod users;

use crate::api::endpoint::Endpoint;

/// Every endpoint of these.
pub(super) fn endpoints() -> Vec<Endpoint> {
    [vec![oauth::endpoint()], tokens::endpoints(), user::endpoints(), users::endpoints(), clients::endpoints()].concat()
}
