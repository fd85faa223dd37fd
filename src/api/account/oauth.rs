//! POST /oauth/token
//!
//! Tokens for a password, a one-time password, a refresh token, or a program's own secret (RFC 6749). Whatever else a
//! client says of itself is taken: Particle's clients all say something different.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio::task::block_in_place;

use crate::accounts::LoginError;
use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::fields;
use crate::api::fields::Fields;
use crate::clock;
use crate::clock::Now;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::NewToken;
use crate::registry::Proof;
use crate::registry::RegistryError;
use crate::registry::Wish;

/// Seconds that a token holds when nobody says otherwise. Source: reference, a recorded reply of Particle's cloud.
const EXPIRES_IN_S: u64 = 7_776_000;

/// Seconds that a token may hold at most, if it ends at all. Ours: a hundred years.
const MOST_SECONDS: u64 = 100 * 365 * 24 * 60 * 60;

pub(super) fn endpoint() -> Endpoint {
    let schema = json!({
        "type": "object",
        "required": ["grant_type"],
        "properties": {
            "grant_type": {
                "enum": ["password", "refresh_token", "client_credentials", "urn:custom:mfa-otp"],
            },
            "username": { "type": "string" },
            "password": { "type": "string" },
            "mfa_token": { "type": "string" },
            "otp": { "type": "string" },
            "refresh_token": { "type": "string" },
            "client_id": { "type": "string" },
            "client_secret": { "type": "string" },
            "expires_in": { "type": "integer" },
            "expires_at": { "type": "string" },
        },
    });
    let summary = "Get an access token for a password, a one-time password, a refresh token or a client's secret";
    Endpoint::new(Method::POST, &["/oauth/token"], summary, grant).takes(schema).open().refuses(&[401, 403, 429])
}

async fn grant(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let now = clock::now();
    let fields = request.fields()?;
    let client = client(fields, &request);
    let expires_at = expiry(fields, now.wall)?;
    let wish = Wish { expires_at, client: client.0.clone(), is_refreshable: true, proof: Proof::Lasting };
    let made = match fields::text(fields, "grant_type")?.unwrap_or_default() {
        "password" => {
            let (name, password) = (wanted(fields, "username")?, wanted(fields, "password")?);
            let login = context.accounts.login_for_token(name, password, wish.expires_at, request.from, now);
            let user = login.await?;
            create(&context, user.id, Wish { proof: Proof::Password(user.password.clone()), ..wish }, now)?
        }
        "urn:custom:mfa-otp" => {
            let (token, otp) = (wanted(fields, "mfa_token")?, wanted(fields, "otp")?);
            let passed = context.accounts.second_factor(token, otp, request.from, now).map_err(wrong_otp)?;
            let proof = Proof::Password(passed.user.password.clone());
            create(&context, passed.user.id, Wish { expires_at: passed.token_end, proof, ..wish }, now)?
        }
        "refresh_token" => {
            let refresh = wanted(fields, "refresh_token")?;
            block_in_place(|| context.registry.refresh_token(refresh, wish, now.wall)).map_err(|error| match error {
                RegistryError::NoToken { .. } => refused("invalid_grant", "Refresh token is invalid"),
                other => other.into(),
            })?
        }
        "client_credentials" => {
            let (id, secret) = client;
            let known = context.snapshot().clients.get(&id).cloned().filter(|client| client.secret.admits(&secret));
            let known = known.ok_or_else(|| refused("invalid_client", "Client credentials are invalid"))?;
            // It can ask again at any time: it needs nothing to exchange.
            create(&context, known.user, Wish { is_refreshable: false, proof: Proof::Client(id), ..wish }, now)?
        }
        "" => return Err(refused("invalid_request", "Missing parameter: `grant_type`")),
        _ => return Err(refused("unsupported_grant_type", "Unsupported grant type: `grant_type` is invalid")),
    };
    Ok(http::json(&shown(&made, now.wall)))
}

fn create(context: &Context, user: UserId, wish: Wish, now: Now) -> Result<NewToken, ApiError> {
    match block_in_place(|| context.registry.create_token(user, wish, now.wall)) {
        // Removed since it was shown.
        Err(RegistryError::NoUser { .. }) => Err(LoginError::Wrong.into()),
        made => Ok(made?),
    }
}

fn shown(made: &NewToken, now: WallTime) -> Value {
    // Clients take 0 for never.
    let expires_in_s = made.token.expires_at.map_or(0, |at| (at.as_millis() - now.as_millis() + 999) / 1_000);
    json!({
        "token_type": "bearer",
        "access_token": made.secret.reveal(),
        "expires_in": expires_in_s,
        "refresh_token": made.refresh.as_ref().map(crate::model::AccessToken::reveal),
    })
}

/// What a client calls itself, and its secret: in the body or as `Basic`.
fn client(fields: &Fields, request: &Request) -> (String, String) {
    let text = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match request.credentials().login() {
        Some((id, secret)) if !fields.contains_key("client_id") => (id.to_owned(), secret.to_owned()),
        _ => (text("client_id"), text("client_secret")),
    }
}

/// When the token shall end; none for never.
fn expiry(fields: &Fields, now: WallTime) -> Result<Option<WallTime>, ApiError> {
    let after = |seconds: u64| {
        let ms = i64::try_from(seconds.min(MOST_SECONDS) * 1_000).expect("a hundred years are not many");
        Some(WallTime::from_millis(now.as_millis() + ms))
    };
    match fields.get("expires_at") {
        None => {}
        Some(Value::Null) => return Ok(None),
        Some(at) => return expiry_day(at.as_str().unwrap_or_default(), now),
    }
    Ok(match fields::number::<u64>(fields, "expires_in")? {
        None => after(EXPIRES_IN_S),
        Some(0) => None,
        Some(seconds) => after(seconds),
    })
}

/// A day, or a time; `null` for never, or the day that particle-cli writes for it.
fn expiry_day(at: &str, now: WallTime) -> Result<Option<WallTime>, ApiError> {
    if at == "null" || at.starts_with("9999-12-31") {
        return Ok(None);
    }
    let day = at.parse::<jiff::civil::Date>().ok().and_then(|day| format!("{day}T00:00:00Z").parse().ok());
    let time: Option<jiff::Timestamp> = day.or_else(|| at.parse().ok());
    let time = time.ok_or_else(|| refused("invalid_request", "expires_at is a day like 2030-12-31, or null"))?;
    let time = WallTime::from_millis(time.as_millisecond());
    if time <= now { Err(refused("invalid_request", "expires_at is past")) } else { Ok(Some(time)) }
}

fn wanted<'a>(fields: &'a Fields, name: &'static str) -> Result<&'a str, ApiError> {
    fields::required(fields, name).map_err(|_| refused("invalid_request", &format!("Missing parameter: `{name}`")))
}

fn wrong_otp(error: LoginError) -> ApiError {
    match error {
        LoginError::Wrong => ApiError::WrongOtp,
        other => other.into(),
    }
}

fn refused(error: &'static str, description: &str) -> ApiError {
    ApiError::Grant { error, description: description.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_when_it_is_asked_to() {
        let now = WallTime::from_millis(1_000);
        let end = |fields: Value| expiry(fields.as_object().unwrap(), now).map(|at| at.map(WallTime::as_millis));
        assert_eq!(end(json!({})), Ok(Some(1_000 + 7_776_000_000)));
        for never in [
            json!({ "expires_at": "9999-12-31" }),
            json!({ "expires_in": 0 }),
            json!({ "expires_in": "0" }),
            json!({ "expires_at": null }),
        ] {
            assert_eq!(end(never), Ok(None));
        }
        assert_eq!(end(json!({ "expires_in": "3600" })), Ok(Some(3_601_000)));
        assert_eq!(end(json!({ "expires_at": "1970-01-02" })), Ok(Some(86_400_000)));
        assert!(end(json!({ "expires_at": "1969-12-31" })).is_err());
        assert!(end(json!({ "expires_at": "soon" })).is_err() && end(json!({ "expires_in": "soon" })).is_err());
        assert!(end(json!({ "expires_in": u64::MAX })).is_ok());
    }
}
