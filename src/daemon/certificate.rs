//! The certificate that HTTPS and MQTT over TLS show. A broken one is no reason to lose events: what is wrong is in the log and in
//! the status, and the gateway runs on with its own, or without TLS.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use log::info;
use log::warn;
use serde_json::Value;
use serde_json::json;

use crate::config::Config;
use crate::config::Http;
use crate::model::WallTime;
use crate::tls::Identity;
use crate::tls::Wanted;

/// See the module.
pub(super) struct Certificate {
    /// None if nobody wants one, or none can be had.
    identity: Option<Arc<Identity>>,
    /// Where it is shown, until the next start.
    listen: Vec<IpAddr>,
    problem: Option<String>,
}

impl Certificate {
    /// What is wanted, if a port wants one.
    pub(super) fn open(data: &Path, config: &Config, now: WallTime) -> Self {
        let ports = [config.http.https_listen, config.mqtt.tls_listen];
        let listen: Vec<IpAddr> = ports.into_iter().flatten().map(|address: SocketAddr| address.ip()).collect();
        let mut certificate = Self { identity: None, listen, problem: None };
        if certificate.listen.is_empty() {
            return certificate;
        }
        match Identity::open(data, &certificate.wanted(&config.http), now) {
            Ok((identity, problem)) => {
                info!(fingerprint = identity.fingerprint(); "the certificate is read");
                certificate.identity = Some(Arc::new(identity));
                if let Some(problem) = problem {
                    certificate.warn(format!("{problem}; the gateway's own certificate is shown"));
                }
            }
            Err(error) => certificate.warn(format!("there is no TLS: {error}")),
        }
        certificate
    }

    /// What to show.
    pub(super) fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.clone()
    }

    /// Looks at it again. If there is something wrong with it, what was shown stays. Connections that are there go on.
    pub(super) fn renew(&mut self, config: &Http, now: WallTime) {
        let Some(identity) = &self.identity else { return };
        match identity.renew(&self.wanted(config), now) {
            Ok(is_new) => {
                if is_new {
                    info!(fingerprint = identity.fingerprint(); "another certificate is shown");
                }
                self.problem = None;
            }
            Err(error) => self.warn(format!("{error}; the certificate stays as it was")),
        }
    }

    /// Says how it is beside where the gateway listens.
    pub(super) fn describe(&self, listening: &mut Value) {
        if let Some(identity) = &self.identity {
            listening["certificate_fingerprint"] = json!(identity.fingerprint());
        }
        match &self.problem {
            Some(problem) => listening["certificate_problem"] = json!(problem),
            None => drop(listening.as_object_mut().and_then(|listening| listening.shift_remove("certificate_problem"))),
        }
    }

    fn wanted(&self, config: &Http) -> Wanted {
        Wanted {
            files: config.certificate.clone().zip(config.certificate_key.clone()),
            hosts: config.hosts.clone(),
            listen: self.listen.clone(),
        }
    }

    fn warn(&mut self, problem: String) {
        warn!("{problem}");
        self.problem = Some(problem);
    }
}
