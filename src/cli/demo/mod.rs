//! `farhook demo`: the first webhook of the guide, from end to end, in a few seconds and without the internet.
//!
//! ```text
//! sensor ── MQTT: temp ──> a gateway of its own ── HTTP: a form ──> web service
//!    <── hook-sent/temp, hook-response/temp/0 ──      <── "1" ──
//! ```
//!
//! It ends by itself, whatever happens, and leaves nothing behind.

mod gateway;
mod packets;
mod receiver;
mod sensor;

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use anyhow::anyhow;
use anyhow::bail;
use serde_json::Value;
use serde_json::json;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::time::timeout;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::client::Heard;
use crate::cli::client::Tail;
use crate::cli::demo::gateway::TemporaryGateway;
use crate::cli::demo::receiver::Received;
use crate::cli::demo::receiver::Receiver;
use crate::cli::demo::sensor::Sensor;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::one_line;
use crate::cli::print::pairs;

/// For everything but the gateway's end, which has 5 s.
const WITHIN: Duration = Duration::from_secs(9);

const EVENT: &str = "temp";
const VALUE: &str = "21.5";

/// What the guide says will be seen.
const EXPECTED: [&str; 3] = ["temp", "hook-sent/temp", "hook-response/temp/0"];

const NEXT: &str = "\
That was a webhook. The same with your own gateway:

    farhook run                                           in another terminal
    farhook device add kitchen                            prints a line to publish with
    farhook hook create temp https://example.com/readings
    farhook events                                        shows what happens";

/// Runs the demo.
///
/// # Errors
/// What did not happen, and why.
pub(super) async fn run(out: &mut Output) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut gateway = TemporaryGateway::start()?;
    let step = Cell::new("the gateway's start");
    let told = tokio::select! {
        told = timeout(WITHIN, tell(&mut gateway, &step, out)) => told.unwrap_or_else(|_| {
            let (waited, last) = (WITHIN.as_secs(), gateway.last_words());
            Err(anyhow!("waited {waited} s, and in vain for {}; the gateway's log ends with: {last}", step.get()))
        }),
        _ = interrupt.recv() => Err(anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow!("interrupted")),
    };
    let stopped = gateway.stop().await;
    told.and(stopped)
}

async fn tell(gateway: &mut TemporaryGateway, step: &Cell<&str>, out: &mut Output) -> anyhow::Result<()> {
    let listening = gateway.ready().await?;
    let mqtt = listening["mqtt"].as_str().context("the gateway does not say where it listens")?;
    step.set("the registration");
    let mut receiver = Receiver::start().await.context("no web service can be started")?;
    let url = format!("http://{}/update", receiver.address());
    let daemon = Gateway::at(Some(gateway.data()), None);
    let device = daemon.ask(&Request::DeviceAdd { name: "demo".to_owned() }).await?;
    daemon.ask(&Request::HookCreate { definition: definition(&url), again: false, product: None }).await?;
    let mut tail = daemon.events(String::new()).await?;
    tell_parts(out, &gateway.data(), mqtt, &url)?;

    step.set("the sensor's login");
    let mut sensor = Sensor::connect(mqtt, &field(&device, "id"), &field(&device, "key")).await?;
    step.set("the acknowledgement of the publish");
    sensor.publish(EVENT, VALUE).await?;
    note(out, "The sensor published, and the gateway acknowledged: the event is on disk.\n")?;
    step.set("the request");
    let request = receiver.next().await.context("the web service broke")?;
    note(out, &request_lines(&request))?;
    step.set("the events");
    let events = hear(&mut tail).await?;
    tell_events(out, &events)?;
    step.set("the answer at the sensor");
    let answer = answer_at(&mut sensor).await?;
    sensor.leave().await;
    if out.is_json() {
        out.json(&json!({ "ok": true, "request": request.json(), "events": events, "answer": answer }))?;
    } else {
        out.text(&format!("The sensor has its answer: {}, the number of the entry.\n\n{NEXT}", one_line(&answer)))?;
    }
    Ok(())
}

/// The first webhook of the guide, for another address.
fn definition(url: &str) -> Value {
    json!({
        "event": EVENT,
        "url": url,
        "requestType": "POST",
        "form": { "api_key": "YOUR_API_KEY", "field1": "{{PARTICLE_EVENT_VALUE}}" },
    })
}

/// The expected events, in the order in which they came.
async fn hear(tail: &mut Tail) -> anyhow::Result<Vec<Value>> {
    let mut events = Vec::new();
    while events.len() < EXPECTED.len() {
        match tail.next().await? {
            Some(Heard::Event(event)) => {
                let name = field(&event, "name");
                if name.starts_with("hook-error/") {
                    bail!("the webhook failed: {}: {}", name, field(&event, "data"));
                }
                if EXPECTED.contains(&name.as_str()) {
                    events.push(event);
                }
            }
            Some(Heard::Missed(missed)) => bail!(missed),
            None => bail!("the gateway ended early"),
        }
    }
    Ok(events)
}

async fn answer_at(sensor: &mut Sensor) -> anyhow::Result<String> {
    loop {
        let (topic, payload) = sensor.hear().await?;
        if topic == EXPECTED[2] {
            return Ok(payload);
        }
    }
}

fn tell_parts(out: &mut Output, data: &Path, mqtt: &str, url: &str) -> anyhow::Result<()> {
    let parts = pairs(&[
        ("gateway", format!("MQTT on {mqtt}, data in {}", data.display())),
        ("sensor", format!("a device that publishes {EVENT} = {VALUE}")),
        ("hook", format!("{EVENT} -> {url}")),
    ]);
    note(out, &format!("A gateway, a sensor, a hook and a web service, all on this machine:\n\n{parts}\n"))
}

fn tell_events(out: &mut Output, events: &[Value]) -> anyhow::Result<()> {
    let lines: Vec<String> =
        events.iter().map(|event| format!("    {:<20}  {}", field(event, "name"), field(event, "data"))).collect();
    note(out, &format!("What `farhook events` shows of it:\n\n{}\n", lines.join("\n")))
}

fn request_lines(received: &Received) -> String {
    let mut lines = vec![format!("    {}", one_line(&received.line))];
    lines.extend(received.headers.iter().map(|(name, value)| format!("    {name}: {}", one_line(value))));
    format!("The web service received:\n\n{}\n\n    {}\n", lines.join("\n"), one_line(&received.body))
}

/// For people, while it happens.
fn note(out: &mut Output, text: &str) -> anyhow::Result<()> {
    if out.is_json() { Ok(()) } else { out.text(text).context("stdout takes nothing") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::HookDefinition;

    #[test]
    fn the_hook_of_the_demo_is_sound() {
        let hook = HookDefinition::parse(&definition("http://127.0.0.1:1/update")).unwrap();
        assert_eq!((hook.event_prefix(), hook.host()), (EVENT, Some("127.0.0.1")));
    }

    #[test]
    fn a_received_request_stays_on_its_lines() {
        let headers = vec![("host".to_owned(), "a".to_owned())];
        let received = Received { line: "POST / HTTP/1.1".to_owned(), headers, body: "a\nb".to_owned() };
        assert_eq!(
            request_lines(&received),
            "The web service received:\n\n    POST / HTTP/1.1\n    host: a\n\n    a\\nb\n"
        );
    }
}
