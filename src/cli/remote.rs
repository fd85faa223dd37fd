//! A gateway somewhere else: asked over HTTP, with a token that `farhook login` left in a file of its own.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use anyhow::anyhow;
use anyhow::bail;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::bus::protocol::Asked;
use crate::bus::protocol::Reply;
use crate::cli::client::Heard;

/// How long a gateway may say nothing while something is awaited of it: a test of a hook takes up to 300 s, and a
/// stream of events says something every 9 s.
const SILENT_FOR: Duration = Duration::from_secs(330);

/// To reach the gateway; how long an answer may take depends on what is asked.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// For what needs no more than a moment at the gateway.
const SOON: Duration = Duration::from_secs(30);

/// Characters of a path's segment that are written as they are.
const SEGMENT: &percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC;

/// A login that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Login {
    /// The gateway's address, without a path.
    pub(super) url: String,
    /// Who logged in.
    pub(super) user: String,
    /// What for.
    pub(super) token: String,
    /// The certificate that is trusted for it, and no other; without one, what the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<String>,
}

impl Login {
    /// The login that was kept, if any.
    ///
    /// # Errors
    /// When its file cannot be read or understood.
    pub(super) fn kept() -> anyhow::Result<Option<Self>> {
        let Some(path) = file() else { return Ok(None) };
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .with_context(|| format!("{} is damaged; log in again", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Keeps it, in a file that only its owner can read.
    ///
    /// # Errors
    /// When there is no home, or it cannot be written.
    pub(super) fn keep(&self) -> anyhow::Result<PathBuf> {
        let path = file().context("there is no home folder to keep the login in")?;
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let new = path.with_extension("new");
        let _ = fs::remove_file(&new);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        serde_json::to_writer_pretty(&file, self)?;
        file.sync_all()?;
        fs::rename(&new, &path).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }

    /// Forgets the login that was kept.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub(super) fn forget() -> anyhow::Result<()> {
        let Some(path) = file() else { return Ok(()) };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or why it refused.
    pub(super) async fn ask(&self, asked: &Asked, patience: Duration) -> anyhow::Result<Value> {
        let request =
            self.client()?.post(format!("{}/v1/command", self.url)).bearer_auth(&self.token).timeout(patience);
        match serde_json::from_value(json(request.json(&asked.write())).await?)
            .context("that is no gateway's answer")?
        {
            Reply::Done(value) => Ok(value),
            Reply::Refused(reason) => Err(anyhow!(reason)),
        }
    }

    /// Every event of the user from now on whose name begins with `prefix`.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn events(&self, prefix: &str) -> anyhow::Result<RemoteTail> {
        let prefix = percent_encoding::utf8_percent_encode(prefix, SEGMENT);
        let request = self.client()?.get(format!("{}/v1/devices/events/{prefix}", self.url)).bearer_auth(&self.token);
        let response = request.send().await.map_err(unreached)?;
        if !response.status().is_success() {
            bail!("the gateway refused: {}", response.status());
        }
        let bytes = response.bytes_stream().map(|bytes| bytes.map(|bytes| bytes.to_vec())).boxed();
        Ok(RemoteTail { bytes, buffer: Vec::new(), name: String::new() })
    }

    /// Ends the token.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn revoke(&self) -> anyhow::Result<()> {
        let request = self.client()?.delete(format!("{}/v1/access_tokens/current", self.url)).bearer_auth(&self.token);
        let request = request.timeout(SOON);
        let response = request.send().await.map_err(unreached)?;
        match response.status() {
            // It has ended already.
            reqwest::StatusCode::UNAUTHORIZED => Ok(()),
            status if status.is_success() => Ok(()),
            status => bail!("the gateway refused: {status}"),
        }
    }

    fn client(&self) -> anyhow::Result<reqwest::Client> {
        client(self.certificate.as_deref())
    }
}

/// Gets a token from the gateway at `url`, for what `fields` show. Only `certificate` is trusted, if it is given.
///
/// # Errors
/// When the gateway cannot be reached, or why it refused.
pub(super) async fn token(
    url: &str,
    certificate: Option<&str>,
    fields: &[(&str, &str)],
) -> anyhow::Result<Result<String, Value>> {
    let request = client(certificate)?.post(format!("{url}/oauth/token")).form(fields).timeout(SOON);
    let response = request.send().await.map_err(unreached)?;
    let answer: Value = response.json().await.context("that is no gateway's answer")?;
    Ok(answer["access_token"].as_str().map(str::to_owned).ok_or(answer))
}

/// A stream of events from somewhere else.
pub(super) struct RemoteTail {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: Vec<u8>,
    /// Of the event whose lines are being read.
    name: String,
}

impl RemoteTail {
    /// The next event; none when the gateway ended.
    ///
    /// # Errors
    /// When the connection broke.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Heard>> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if let Some(event) = self.read(&String::from_utf8_lossy(&line[..end])) {
                    return Ok(Some(Heard::Event(event)));
                }
            }
            match self.bytes.next().await {
                Some(bytes) => self.buffer.extend(bytes.context("the connection broke")?),
                None => return Ok(None),
            }
        }
    }

    /// Reads one line of server-sent events; the line with the data ends an event of a gateway.
    fn read(&mut self, line: &str) -> Option<Value> {
        if let Some(name) = line.strip_prefix("event: ") {
            name.clone_into(&mut self.name);
        }
        let mut event: Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
        event["name"] = Value::String(std::mem::take(&mut self.name));
        // As the local socket tells it.
        event["ttl"] = Value::String(event["ttl"].to_string());
        Some(event)
    }
}

async fn json(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let response = request.send().await.map_err(unreached)?;
    let status = response.status();
    let answer: Value = response.json().await.context("that is no gateway's answer")?;
    if status.is_success() {
        return Ok(answer);
    }
    let said = |key: &str| answer[key].as_str().map(str::to_owned);
    Err(anyhow!(said("error_description").or_else(|| said("error")).unwrap_or_else(|| status.to_string())))
}

fn client(certificate: Option<&str>) -> anyhow::Result<reqwest::Client> {
    // Only an earlier one in this process could make it fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A portal in between must not be followed with a password.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .read_timeout(SILENT_FOR)
        .connect_timeout(CONNECT_WITHIN)
        .user_agent(concat!("farhook/", env!("CARGO_PKG_VERSION")));
    let client = match certificate {
        Some(pem) => client.tls_certs_only(certificates(pem)?),
        None => client,
    };
    client.build().context("HTTP cannot be spoken here")
}

/// Reads what is to be trusted.
///
/// # Errors
/// When there is no certificate in it.
pub(super) fn certificates(pem: &str) -> anyhow::Result<Vec<reqwest::Certificate>> {
    let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).context("that is no certificate")?;
    if certificates.is_empty() {
        bail!("there is no certificate in it");
    }
    Ok(certificates)
}

fn unreached(error: reqwest::Error) -> anyhow::Error {
    let error = anyhow::Error::new(error.without_url());
    // The words of rustls; its error has been wrapped by four others.
    if error.chain().any(|cause| cause.to_string().contains("invalid peer certificate")) {
        return error.context(
            "the gateway's certificate is not trusted here; if it is the gateway's own, log in with --certificate FILE",
        );
    }
    error.context("the gateway cannot be reached")
}

fn file() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join("farhook").join("login.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn events_are_read_however_their_bytes_are_cut() {
        let stream =
            "\u{3a}ok\n\nid: 1\nevent: temp\ndata: {\"data\":\"21.5\"}\n\n\nevent: a\ndata: {\"data\":\"\"}\n\n";
        for size in [1, 7, 1_000] {
            let chunks: Vec<_> = stream.as_bytes().chunks(size).map(|chunk| Ok(chunk.to_vec())).collect();
            let bytes = futures_util::stream::iter(chunks).boxed();
            let mut tail = RemoteTail { bytes, buffer: Vec::new(), name: String::new() };
            for (name, data) in [("temp", "21.5"), ("a", "")] {
                let Some(Heard::Event(event)) = tail.next().await.unwrap() else { panic!("there is an event") };
                assert_eq!((&event["name"], &event["data"]), (&name.into(), &data.into()));
            }
            assert_eq!(tail.next().await.unwrap(), None);
        }
    }
}
