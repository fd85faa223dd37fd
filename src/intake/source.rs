//! What a source publishes: its topics are read by its rules, and what they say of devices that were adopted from it
//! are publications of those. The source gets one verdict about all of them.

use std::sync::Arc;

use log::debug;
use tokio::sync::oneshot;

use crate::bus::Accepted;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::bus::ResendMark;
use crate::bus::Submission;
use crate::bus::Verdict;
use crate::clock;
use crate::config::Config;
use crate::intake::Clerk;
use crate::model::DeviceId;
use crate::registry::Snapshot;
use crate::sources;
use crate::sources::Message;

/// Who waits for a verdict.
pub(super) enum Waiting {
    /// Who published it.
    Publisher(oneshot::Sender<Verdict>),
    /// A source, whose publish was this event, and maybe others.
    Source {
        source: DeviceId,
        event: sources::Event,
        /// With the last of them.
        verdict: Option<oneshot::Sender<Verdict>>,
    },
}

/// What is to be decided.
pub(super) enum Wanted {
    /// One publication after the other.
    Publications(Vec<(Publication, Waiting)>),
    /// Nothing: a source said nothing that is an event.
    Nothing(oneshot::Sender<Verdict>),
}

impl Clerk {
    /// What a submission is, in publications that devices and users could have made themselves.
    pub(super) fn interpret(
        &self,
        Submission { publication, verdict }: Submission,
        registry: &Arc<Snapshot>,
        config: &Config,
    ) -> Wanted {
        let Publisher::Device(source) = publication.publisher else { return itself(publication, verdict) };
        let login = registry.devices.get(&source).and_then(|device| device.source.as_ref());
        let Some(login) = login else { return itself(publication, verdict) };
        let Some(rules) = config.rules(&login.rules) else {
            debug!(source:% = source, rules = login.rules; "a source has no rules");
            return Wanted::Nothing(verdict);
        };
        // Nothing that is published here is a replay: see `sources`.
        let message = Message { topic: &publication.name, payload: publication.data.clone(), is_replay: false };
        let now = clock::now();
        let heard = self.sources.hear(source, rules, message, registry, now);
        if let Some(device) = heard.device {
            self.presence.heard(device, now.wall);
        }
        let mut verdict = Some(verdict);
        let mut events = heard.events.into_iter().peekable();
        let mut publications = Vec::new();
        while let Some(event) = events.next() {
            let is_last = events.peek().is_none();
            let told = Publication {
                name: event.name.clone(),
                data: event.data.clone(),
                publisher: Publisher::Device(event.device),
                // Only when the last of them is stored, all that was published is.
                resend: publication.resend.map(|mark| ResendMark { is_held: mark.is_held && is_last, ..mark }),
                ..publication.clone()
            };
            let verdict = if is_last { verdict.take() } else { None };
            publications.push((told, Waiting::Source { source, event, verdict }));
        }
        match verdict {
            Some(verdict) => Wanted::Nothing(verdict),
            None => Wanted::Publications(publications),
        }
    }

    /// Gives a verdict to who waits for it. A publisher that is gone does not; what it published is accepted all the
    /// same.
    pub(super) fn answer(&mut self, waiting: Waiting, verdict: Verdict) {
        match waiting {
            Waiting::Publisher(sender) => drop(sender.send(verdict)),
            Waiting::Source { source, event, verdict: last } => {
                if let Err(refusal) = verdict {
                    self.sources.untell(source, &event, "refused");
                    // A source cannot mend what is wrong with one of the events. That nothing can be stored is not
                    // acknowledged, so that it publishes again.
                    if matches!(refusal, Refusal::Full { .. } | Refusal::Stopping) {
                        self.of_source = Err(refusal);
                    }
                }
                if let Some(last) = last {
                    let _ = last.send(std::mem::replace(&mut self.of_source, Ok(Accepted::Taken)));
                }
            }
        }
    }
}

fn itself(publication: Publication, verdict: oneshot::Sender<Verdict>) -> Wanted {
    Wanted::Publications(vec![(publication, Waiting::Publisher(verdict))])
}
