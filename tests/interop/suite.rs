//! Eclipse's interoperability suite: each of its cases is a test here, with a gateway of its own.
//!
//! The cases are told anew, in `python/v311.py` and `python/v5.py`, without the sleeps; a rule of the gateway's that a
//! case runs into is named there. What no proper client does is written to a socket.

use std::time::Duration;

use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::known;
use crate::paho;

/// Enough to see that something does not come that is known not to come.
const KNOWN_TO_FAIL_AFTER: Duration = Duration::from_secs(4);

/// A test for each case of a file, and one that none of the file's is left out.
macro_rules! cases {
    ($file:ident has $count:literal: $($case:ident)*) => {
        mod $file {
            pub const CASES: [&str; $count] = [$(stringify!($case)),*];

            #[tokio::test]
            async fn no_case_is_left_out() {
                if !crate::paho::is_missing() {
                    assert_eq!(crate::paho::cases(stringify!($file)).await, CASES);
                }
            }

            $(#[tokio::test]
            async fn $case() {
                super::run(stringify!($file), stringify!($case)).await;
            })*
        }
    };
}

cases! { v311 has 10:
    test_basic
    test_retained_message
    test_will_message
    test_zero_length_clientid
    test_offline_message_queueing
    test_overlapping_subscriptions
    test_keepalive
    test_redelivery_on_reconnect
    test_subscribe_failure
    test_dollar_topics
}

cases! { v5 has 27:
    test_basic
    test_retained_message
    test_will_message
    test_zero_length_clientid
    test_offline_message_queueing
    test_overlapping_subscriptions
    test_keepalive
    test_redelivery_on_reconnect
    test_subscribe_failure
    test_dollar_topics
    test_unsubscribe
    test_session_expiry
    test_user_properties
    test_payload_format
    test_publication_expiry
    test_subscribe_options
    test_assigned_clientid
    test_subscribe_identifiers
    test_request_response
    test_client_topic_alias
    test_server_topic_alias
    test_maximum_packet_size
    test_server_keep_alive
    test_flow_control1
    test_flow_control2
    test_will_delay
    test_shared_subscriptions
}

/// Whether there is a case of that name, `file::case`.
pub fn has(name: &str) -> bool {
    let files = [("v311", v311::CASES.as_slice()), ("v5", &v5::CASES)];
    files.iter().any(|(file, cases)| cases.iter().any(|case| name == format!("{file}::{case}")))
}

async fn run(file: &str, case: &str) {
    if paho::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let token = gateway.json(&["token", "create"]).await;
    let name = format!("{file}::{case}");
    let patience = if known::reason(&name).is_some() { KNOWN_TO_FAIL_AFTER } else { PATIENCE };
    let went = paho::case(&gateway, token["token"].as_str().unwrap(), patience, file, case).await;
    known::judge(&name, went);
}
