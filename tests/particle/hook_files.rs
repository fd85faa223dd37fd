//! Hooks as people write them: those of Particle's guide, of its documentation, and what its clients were seen to send.

use serde_json::Value;
use serde_json::json;

/// What each hook shows, and the hook.
pub fn all() -> Vec<(&'static str, Value)> {
    [of_the_guide(), of_the_documentation(), of_the_clients()].concat()
}

/// Source: the guide "Webhooks" of 2016, section by section.
fn of_the_guide() -> Vec<(&'static str, Value)> {
    vec![
        (
            "your first webhook",
            json!({
                "event": "temp", "url": "https://api.thingspeak.com/update", "requestType": "POST",
                "form": { "api_key": "YOUR_API_KEY", "field1": "{{PARTICLE_EVENT_VALUE}}" }, "mydevices": true,
            }),
        ),
        ("what is in a request", json!({ "event": "my-event", "url": "http://my-website.com/fancy_things.php" })),
        (
            "templates",
            json!({
                "event": "my-event", "url": "http://my-website.com/fancy_things.php", "requestType": "POST",
                "json": {
                    "event": "{{SPARK_EVENT_NAME}}", "data": "{{SPARK_EVENT_VALUE}}",
                    "published_at": "{{SPARK_PUBLISHED_AT}}", "coreid": "{{SPARK_CORE_ID}}",
                },
            }),
        ),
        (
            "custom template variables",
            json!({
                "event": "custom_templates", "url": "http://my-awesome-website.particle/{{my-var}}", "requestType": "POST",
                "json": { "my-temp": "{{my-temp}}", "source": "{{SPARK_CORE_ID}}" }, "mydevices": true,
            }),
        ),
        (
            "handling web responses",
            json!({ "event": "get_weather", "url": "http://w1.weather.gov/xml/current_obs/KMSP.xml", "requestType": "GET" }),
        ),
    ]
}

/// Source: Particle's reference of webhooks, 2017 and 2025: each field, in the ways that it may be written.
fn of_the_documentation() -> Vec<(&'static str, Value)> {
    vec![
        (
            "a key that is a template",
            json!({ "event": "Temperature", "url": "http://a.example/", "json": { "{{PARTICLE_EVENT_NAME}}": "{{PARTICLE_EVENT_VALUE}}" } }),
        ),
        (
            "numbers as strings",
            json!({
                "event": "Elevation", "url": "http://a.example/", "noDefaults": true,
                "json": { "lat": "{{{lat}}}", "lng": "{{{lng}}}", "literal": [5, 0.1, true, null, {}] },
            }),
        ),
        (
            "numbers as numbers",
            json!({
                "event": "Elevation", "url": "http://a.example/", "headers": { "Content-Type": "application/json" },
                "body": "{\n  \"lat\": {{{lat}}},\n  \"lng\": {{{lng}}}\n}",
            }),
        ),
        (
            "json that is a string",
            json!({ "event": "Elevation", "url": "http://a.example/", "json": "{ \"t\": {{t}} }" }),
        ),
        (
            "a query and a template of the response",
            json!({
                "event": "Elevation", "url": "https://maps.googleapis.com/maps/api/elevation/json", "requestType": "GET",
                "query": { "locations": "{{lat}},{{lng}}", "key": "abc" }, "noDefaults": true,
                "responseTemplate": "{{#results}}{{{elevation}}}{{/results}}", "responseTopic": "{{PARTICLE_DEVICE_ID}}/elevation",
                "errorResponseTopic": "elevation-error",
            }),
        ),
        (
            "every variable",
            json!({
                "event": "all", "url": "http://a.example/{{{PARTICLE_DEVICE_ID}}}?e={{PARTICLE_EVENT_NAME}}",
                "form": {
                    "1": "{{PARTICLE_EVENT_VALUE}}", "2": "{{PARTICLE_PUBLISHED_AT}}", "3": "{{PARTICLE_EVENT_ID}}",
                    "4": "{{PRODUCT_ID}}", "5": "{{PRODUCT_USER_ID}}", "6": "{{PRODUCT_VERSION}}",
                    "7": "{{{PARTICLE_EVENT_JSON}}}", "8": "{{{PARTICLE_EVENT_BASE64}}}",
                },
            }),
        ),
        (
            "everything that is rarely needed",
            json!({
                "event": "rare", "url": "https://self-signed.example/", "requestType": "DELETE", "name": "Rare", "disabled": true,
                "rejectUnauthorized": false, "unchunked": true, "dataUrlResponseEvent": true, "responseTemplate": { "a": "{{a}}" },
                "auth": { "username": "{{user}}", "password": "p" }, "headers": { "X-{{name}}": "{{value}}" },
            }),
        ),
        (
            "the empty parts of the command line's help",
            json!({
                "event": "my-event", "url": "https://my-website.com/fancy_things.php", "_": "The following parameters are optional",
                "requestType": "POST", "form": null, "json": null, "body": null, "headers": null, "query": null, "auth": null,
                "responseTemplate": null, "rejectUnauthorized": "true",
            }),
        ),
    ]
}

/// Source: recordings of particle-cli 3.43.1 and 3.51.0, and of particle-api-js 12.0.3.
fn of_the_clients() -> Vec<(&'static str, Value)> {
    vec![
        (
            "particle webhook create FILE",
            json!({
                "event": "weather/", "url": "http://127.0.0.1:18081/{{my-var}}", "requestType": "POST",
                "name": "My weather", "mydevices": true, "noDefaults": true, "rejectUnauthorized": false,
                "auth": { "username": "u", "password": "p" }, "headers": { "X-A": "{{PARTICLE_DEVICE_ID}}" },
                "query": { "q": "{{{PARTICLE_EVENT_VALUE}}}" }, "json": { "t": "{{temp}}" }, "responseTopic": "answers",
            }),
        ),
        ("a short FILE", json!({ "event": "temp", "url": "http://127.0.0.1:18081/x", "eventName": "temp" })),
        ("only the alias", json!({ "eventName": "temp", "url": "http://127.0.0.1:18081/x" })),
        ("particle webhook create EVENT URL", json!({ "event": "temp", "url": "http://127.0.0.1:18081/a" })),
        (
            "particle integration create",
            json!({ "event": "temp2", "url": "http://127.0.0.1:18081/b", "requestType": "POST", "integration_type": "Webhook" }),
        ),
        (
            "createWebhook of the library",
            json!({
                "event": "e", "url": "http://h/", "rejectUnauthorized": false, "noDefaults": true, "requestType": "PUT",
                "auth": { "username": "u", "password": "p" }, "headers": { "a": "b" }, "query": { "q": "1" }, "json": { "a": 1 },
                "responseTemplate": "{{x}}", "responseTopic": "re", "errorResponseTopic": "ee",
            }),
        ),
        (
            "what a later version may send",
            json!({
                "event": "e", "url": "http://h/", "future": { "deep": [1, 2.5, null, "é"] }, "template": "none",
                "azure_sas_token": { "key_name": "n", "key": "k" },
            }),
        ),
    ]
}
