//! What requests about MQTT sessions that outlive their connection do.

use serde_json::Value;
use serde_json::json;

use crate::clock;
use crate::control::answer::Answer;
use crate::control::answer::refused;
use crate::control::clerk::Clerk;
use crate::control::shown;
use crate::registry::Snapshot;
use crate::sessions::Holder;
use crate::sessions::SessionReport;

impl Clerk<'_> {
    /// Those that they may see; of one device or user, if one is named.
    pub(super) fn sessions(&self, of: Option<&str>) -> Value {
        let snapshot = self.parts.registry.snapshot();
        let now = clock::now().wall;
        let reports = self.session_reports(&snapshot);
        let wanted = reports.iter().filter(|report| of.is_none_or(|of| is_of(report.key.holder, &snapshot, of)));
        wanted.map(|report| shown::session(report, name(report.key.holder, &snapshot), now)).collect()
    }

    /// Ends one that is away, and what waits for it.
    pub(super) fn end_session(&self, of: &str, client_id: Option<&str>) -> Answer {
        let snapshot = self.parts.registry.snapshot();
        let mut found = self.session_reports(&snapshot);
        found.retain(|report| is_of(report.key.holder, &snapshot, of));
        if let Some(client_id) = client_id {
            found.retain(|report| report.key.client_id == client_id);
        }
        let (key, waiting) = match found.as_slice() {
            [] => {
                let named = client_id.map(|client_id| format!(" with the client id {client_id:?}")).unwrap_or_default();
                return Err(refused(format!("{of:?} has no lasting session{named}")));
            }
            [report] => (&report.key, report.waiting),
            several => {
                let ids: Vec<_> = several.iter().map(|report| format!("{:?}", report.key.client_id)).collect();
                return Err(refused(format!("{of:?} has several sessions, say which: {}", ids.join(", "))));
            }
        };
        if !self.parts.sessions.end(key) {
            let id = &key.client_id;
            return Err(refused(format!("{of:?} is connected as {id:?}: only a session that is away can be ended")));
        }
        let name = name(key.holder, &snapshot);
        Ok(json!({ "id": key.holder.id(), "name": name, "client_id": key.client_id, "waiting": waiting }))
    }

    /// How many there are, and what waits for them: for who has the gateway, of everybody.
    pub(super) fn sessions_in_figures(&self) -> Value {
        let snapshot = self.parts.registry.snapshot();
        let mut reports = self.parts.sessions.reports(clock::now().mono_ms);
        reports.retain(|report| self.has_all() || self.sees_holder(report.key.holder, &snapshot));
        let away = reports.iter().filter(|report| report.away_s.is_some()).count();
        json!({
            "connected": reports.len() - away,
            "away": away,
            "waiting": reports.iter().map(|report| report.waiting).sum::<usize>(),
            "waiting_bytes": reports.iter().map(|report| report.waiting_bytes).sum::<usize>(),
            "dropped": reports.iter().map(|report| report.dropped).sum::<u64>(),
        })
    }

    fn session_reports(&self, snapshot: &Snapshot) -> Vec<SessionReport> {
        let mut reports = self.parts.sessions.reports(clock::now().mono_ms);
        reports.retain(|report| self.sees_holder(report.key.holder, snapshot));
        reports
    }

    /// The session of who is not registered any more is about to end, and nobody's to see.
    fn sees_holder(&self, holder: Holder, snapshot: &Snapshot) -> bool {
        holder.hearer(snapshot).is_some_and(|(owner, _)| self.sees(owner))
    }
}

/// What a device, or a user, is called.
fn name(holder: Holder, snapshot: &Snapshot) -> Option<&str> {
    match holder {
        Holder::Device(id) => snapshot.devices.get(&id).map(|device| device.name.as_str()),
        Holder::User(id) => snapshot.users.get(&id).map(|user| user.name.as_str()),
    }
}

/// Whether somebody means that device or user by its name or id.
fn is_of(holder: Holder, snapshot: &Snapshot, wanted: &str) -> bool {
    let is_called = match holder {
        Holder::Device(id) => snapshot.devices.get(&id).is_some_and(|device| device.name.is_same(wanted)),
        Holder::User(id) => snapshot.users.get(&id).is_some_and(|user| user.name.as_str() == wanted),
    };
    is_called || holder.id() == wanted
}
