//! HTTPS on the web port. It may fail without the rest: a port that is taken, or a broken certificate, is no reason to
//! lose events. What is wrong is in the log and in the status.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use log::info;
use log::warn;
use serde_json::Value;
use serde_json::json;

use crate::config;
use crate::http::Identity;
use crate::http::Listeners;
use crate::http::Wanted;
use crate::model::WallTime;

/// See the module.
pub(super) struct Https {
    /// Where it is, and what it shows; none if it is off or cannot be had.
    port: Option<(SocketAddr, Arc<Identity>)>,
    problem: Option<String>,
}

impl Https {
    /// Adds it to the listeners, if it is wanted and possible.
    pub(super) async fn start(data: &Path, config: &config::Http, listeners: &mut Listeners, now: WallTime) -> Self {
        let mut https = Self { port: None, problem: None };
        let Some(listen) = config.https_listen else { return https };
        match open(data, config, listen, listeners, now).await {
            Ok((address, identity, problem)) => {
                info!(fingerprint = identity.fingerprint(); "the certificate for HTTPS is read");
                if config.https_redirect {
                    listeners.redirect_to(address.port());
                }
                https.port = Some((address, identity));
                if let Some(problem) = problem {
                    https.warn(format!("{problem}; the gateway's own certificate is shown"));
                }
            }
            Err(error) => https.warn(format!("{error:#}")),
        }
        https
    }

    /// Looks at the certificate again. If there is something wrong with it, what was shown stays.
    pub(super) fn renew(&mut self, config: &config::Http, now: WallTime) {
        let Some((address, identity)) = &self.port else { return };
        match identity.renew(&wanted(config, *address), now) {
            Ok(is_new) => {
                if is_new {
                    info!(fingerprint = identity.fingerprint(); "another certificate is shown for HTTPS");
                }
                self.problem = None;
            }
            Err(error) => self.warn(format!("{error}; the certificate for HTTPS stays as it was")),
        }
    }

    /// Says how it is beside where the gateway listens.
    pub(super) fn describe(&self, listening: &mut Value) {
        if let Some((address, identity)) = &self.port {
            listening["https"] = json!(address.to_string());
            listening["https_fingerprint"] = json!(identity.fingerprint());
        }
        match &self.problem {
            Some(problem) => listening["https_problem"] = json!(problem),
            None => drop(listening.as_object_mut().and_then(|listening| listening.shift_remove("https_problem"))),
        }
    }

    fn warn(&mut self, problem: String) {
        warn!("{problem}");
        self.problem = Some(problem);
    }
}

async fn open(
    data: &Path,
    config: &config::Http,
    listen: SocketAddr,
    listeners: &mut Listeners,
    now: WallTime,
) -> anyhow::Result<(SocketAddr, Arc<Identity>, Option<String>)> {
    let (identity, problem) = Identity::open(data, &wanted(config, listen), now).context("there is no HTTPS")?;
    let identity = Arc::new(identity);
    let address = listeners.bind_https(listen, Arc::clone(&identity)).await.context("there is no HTTPS")?;
    Ok((address, identity, problem.map(|problem| problem.to_string())))
}

fn wanted(config: &config::Http, listen: SocketAddr) -> Wanted {
    Wanted {
        files: config.certificate.clone().zip(config.certificate_key.clone()),
        hosts: config.hosts.clone(),
        listen: listen.ip(),
    }
}
