//! A device as Particle's clients know one.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::bus::Sighting;
use crate::model::Device;
use crate::model::spec;

/// What lists and single answers have in common.
pub(super) fn one(device: &Device, sighting: &Sighting) -> Map<String, Value> {
    let is_online = sighting.connections > 0;
    let product = device.product.map_or(spec::PLATFORM, crate::model::ProductId::number);
    let version = sighting.description.as_ref().and_then(|described| described.product_version);
    let shown = json!({
        "id": device.id,
        "name": device.name,
        "last_app": null,
        "last_ip_address": sighting.address.map(|address| address.to_string()),
        "last_heard": sighting.last_heard.map(|at| at.to_string()),
        "last_handshake_at": sighting.connected_at.map(|at| at.to_string()),
        "product_id": product,
        "platform_id": spec::PLATFORM,
        "firmware_version": version,
        "connected": is_online,
        "online": is_online,
        "cellular": false,
        "notes": device.notes,
        "status": "normal",
        "created_at": device.created_at.to_string(),
    });
    let Value::Object(shown) = shown else { unreachable!("it is written as an object") };
    shown
}

/// A single device: also what it offers, while it is there to offer it.
pub(super) fn whole(device: &Device, sighting: &Sighting) -> Value {
    let mut shown = one(device, sighting);
    let offered = sighting.description.as_ref().filter(|_| sighting.connections > 0);
    let variables = offered.map(|described| {
        let variables = described.variables.iter().map(|(name, kind)| (name.clone(), json!(kind.to_string())));
        variables.collect::<Map<_, _>>()
    });
    shown.insert("variables".to_owned(), json!(variables));
    shown.insert("functions".to_owned(), json!(offered.map(|described| &described.functions)));
    shown.insert("groups".to_owned(), json!([]));
    Value::Object(shown)
}
