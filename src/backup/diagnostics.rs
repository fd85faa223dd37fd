//! The diagnostics bundle: how the gateway is, for whoever helps from afar. What is put into it is already without
//! secrets; here the data of events is left out, too, and what people noted.

use std::fs;

use serde_json::Value;
use serde_json::json;
use url::Url;

use crate::backup::bundle;
use crate::clock::Now;

const README: &str = "\
How a farhook gateway was when this was made, for whoever helps with it. In it are the names of devices, hooks with
their secrets masked, addresses of web services, and figures. Not in it are the data of events, bodies, notes, keys,
tokens, passwords, named secrets, and hashes of any of them. A secret that stands in the path of an address cannot be
told from the path, and is in it: look at hooks.json before you pass this on.
";

/// A bundle that is being put together.
#[derive(Debug)]
pub struct Diagnostics {
    now: Now,
    files: Vec<(String, Vec<u8>)>,
}

impl Diagnostics {
    /// With the time and the version in it.
    pub fn new(now: Now) -> Self {
        let mut bundle = Self { now, files: Vec::new() };
        bundle.add_text("README", README.to_owned());
        let version = env!("CARGO_PKG_VERSION");
        bundle.add("made", &json!({ "at": now.wall.to_string(), "up_ms": now.mono_ms, "version": version }));
        bundle
    }

    /// Adds a file of JSON, as it is.
    pub fn add(&mut self, name: &str, value: &Value) {
        self.files.push((format!("{name}.json"), format!("{value:#}\n").into_bytes()));
    }

    /// Adds a file of text, as it is.
    pub fn add_text(&mut self, name: &str, text: String) {
        self.files.push((format!("{name}.txt"), text.into_bytes()));
    }

    /// Adds devices as they are listed, without what was noted about them.
    pub fn add_devices(&mut self, mut devices: Value) {
        for device in devices.as_array_mut().into_iter().flatten() {
            keep(device, |field| field != "notes");
        }
        self.add("devices", &devices);
    }

    /// Adds attempts as they are logged, without what came from events and answers.
    pub fn add_attempts(&mut self, mut attempts: Value) {
        attempts.as_array_mut().into_iter().flatten().for_each(strip);
        self.add("attempts", &attempts);
    }

    /// What the file should be called.
    pub fn file_name(&self) -> String {
        bundle::name("diagnostics", self.now.wall)
    }

    /// The file.
    pub fn pack(&self) -> Vec<u8> {
        bundle::pack(&self.files, self.now.wall)
    }
}

/// How the machine is: model, system, kernel, memory, load. Reads a few small files; what is not there is null.
pub fn machine() -> Value {
    let read = |path: &str| fs::read_to_string(path).ok();
    let line = |path: &str| read(path).map(|text| text.trim_matches(['\0', '\n', ' ']).to_owned());
    let system = read("/etc/os-release").and_then(|text| {
        let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(name.trim_matches('"').to_owned())
    });
    let memory = read("/proc/meminfo").unwrap_or_default();
    let process = read("/proc/self/status").unwrap_or_default();
    json!({
        "model": line("/proc/device-tree/model"),
        "system": system,
        "kernel": line("/proc/sys/kernel/osrelease"),
        "architecture": std::env::consts::ARCH,
        "cpus": std::thread::available_parallelism().ok().map(usize::from),
        "load": line("/proc/loadavg"),
        "memory_kb": {
            "total": kilobytes(&memory, "MemTotal"),
            "available": kilobytes(&memory, "MemAvailable"),
            "swap_total": kilobytes(&memory, "SwapTotal"),
            "swap_free": kilobytes(&memory, "SwapFree"),
            "farhook": kilobytes(&process, "VmRSS"),
            "farhook_most": kilobytes(&process, "VmHWM"),
        },
    })
}

/// What a line like `MemTotal:  123 kB` says. Source: proc(5).
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn strip(attempt: &mut Value) {
    if let Some(request) = attempt.get_mut("request") {
        keep(request, |field| ["method", "url", "body_bytes"].contains(&field));
        // Templates may stand anywhere in an address but for its host.
        if let Some(url) = request.get_mut("url") {
            let host = url.as_str().and_then(|url| Url::parse(url).ok());
            *url = json!(host.map(|url| url.origin().ascii_serialization()));
        }
    }
    if let Some(response) = attempt.get_mut("response") {
        keep(response, |field| ["status", "body_bytes"].contains(&field));
    }
}

fn keep(value: &mut Value, wanted: impl Fn(&str) -> bool) {
    if let Value::Object(fields) = value {
        fields.retain(|field, _| wanted(field));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WallTime;

    #[test]
    fn of_attempts_and_devices_only_what_is_no_data_is_passed_on() {
        let mut bundle = Diagnostics::new(Now { mono_ms: 5, wall: WallTime::from_millis(1_460_813_828_728) });
        bundle.add_devices(json!([{ "name": "kitchen", "notes": "pl4nted" }]));
        bundle.add_attempts(json!([{
            "summary": "200 OK",
            "request": {
                "method": "POST", "url": "https://u@a.example:444/pl4nted?x=pl4nted", "body": "pl4nted",
                "headers": [["x", "pl4nted"]], "body_bytes": 5,
            },
            "response": { "status": 200, "headers": [["x", "pl4nted"]], "body": "pl4nted", "body_bytes": 7 },
        }, { "summary": "no address", "request": null, "response": null }]));
        let files = bundle::unpack(&bundle.pack()).unwrap();
        let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
        let attempts: Value = serde_json::from_str(&text("attempts.json")).unwrap();
        let shown = json!([{
            "summary": "200 OK",
            "request": { "method": "POST", "url": "https://a.example:444", "body_bytes": 5 },
            "response": { "status": 200, "body_bytes": 7 },
        }, { "summary": "no address", "request": null, "response": null }]);
        assert_eq!(attempts, shown);
        assert!(text("devices.json").contains("kitchen") && !text("devices.json").contains("pl4nted"));
        assert_eq!(bundle.file_name(), "farhook-diagnostics-2016-04-16.tar.gz");
    }

    #[test]
    fn the_machine_is_known_by_its_kernel_and_its_memory() {
        let machine = machine();
        assert!(machine["kernel"].is_string() && machine["memory_kb"]["total"].as_u64() > Some(1_000), "{machine}");
        assert_eq!(kilobytes("MemTotalX: 5 kB\nMemTotal:   12 kB\n", "MemTotal"), Some(12));
    }
}
