//! What requests about deliveries do: what waits, what is dead, what was tried, what the limits leave.

use serde_json::json;
use tokio::task::block_in_place;

use crate::bus::Cancelled;
use crate::bus::Order;
use crate::bus::Selection;
use crate::bus::protocol::Chosen;
use crate::control::answer::Answer;
use crate::control::answer::Refused;
use crate::control::answer::refused;
use crate::control::clerk::Clerk;
use crate::control::shown;
use crate::model::HookId;
use crate::store::Changes;
use crate::store::DeadLetter;
use crate::store::DeliveryId;

/// Dead letters that are read at once.
const PAGE: usize = 64;

/// Deliveries, attempts or dead letters that are shown at once. Ours: each can have some kilobytes.
const MOST: usize = 1_000;

impl Clerk<'_> {
    pub(super) fn limits(&self) -> Answer {
        self.must_have_all()?;
        Ok(serde_json::to_value(self.parts.overview.limits()).expect("an overview is plain JSON"))
    }

    pub(super) async fn queue(&self) -> Answer {
        self.must_have_all()?;
        let queue = self.parts.overview.queue().await.ok_or_else(|| refused("the gateway is stopping"))?;
        Ok(serde_json::to_value(queue).expect("an overview is plain JSON"))
    }

    pub(super) async fn pause(&self) -> Answer {
        self.must_have_all()?;
        let since = self.order(|reply| Order::Pause { reply }).await?;
        Ok(json!({ "paused_since": since.to_string() }))
    }

    pub(super) async fn unpause(&self) -> Answer {
        self.must_have_all()?;
        let was_paused = self.order(|reply| Order::Unpause { reply }).await?;
        if was_paused { Ok(json!({ "paused_since": null })) } else { Err(refused("sending is not paused")) }
    }

    pub(super) async fn wake(&self, target: Option<String>) -> Answer {
        self.must_have_all()?;
        let woken = self.order(|reply| Order::Wake { target, reply }).await?;
        Ok(json!({ "asked": woken.map_err(refused)? }))
    }

    pub(super) fn waiting(&self, hook: HookId, count: usize) -> Answer {
        let (hook, queue) = (self.seen_hook(hook)?.id, &self.parts.overview.queue);
        let count = count.min(MOST);
        let mut waiting = Vec::new();
        for lane in block_in_place(|| queue.lanes_of(hook)).map_err(refused)? {
            waiting.extend(block_in_place(|| queue.page(lane, None, count)).map_err(refused)?.deliveries);
            waiting.sort_by_key(|(seq, _)| *seq);
            waiting.truncate(count);
        }
        Ok(waiting.iter().map(|(seq, delivery)| shown::waiting(DeliveryId { hook, seq: *seq }, delivery)).collect())
    }

    pub(super) fn log(&self, hook: Option<HookId>, count: usize) -> Answer {
        let hooks = self.chosen_hooks(&Chosen { hook, ..Chosen::default() })?;
        let count = count.min(MOST);
        let mut attempts = Vec::new();
        for hook in hooks {
            let latest = block_in_place(|| self.parts.logbook.latest(hook, count)).map_err(refused)?;
            attempts.extend(latest.into_iter().map(|attempt| (attempt.at, shown::attempt(hook, &attempt))));
        }
        attempts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Ok(attempts.into_iter().map(|(_, shown)| shown).collect())
    }

    pub(super) async fn cancel(&self, which: &Chosen) -> Answer {
        let which = match (which.id.as_deref(), which.hook) {
            (Some(id), _) => Cancelled::One(self.delivery(id)?),
            (None, Some(hook)) => Cancelled::Hook(self.seen_hook(hook)?.id),
            (None, None) => return Err(refused("say which delivery, or which hook's")),
        };
        let count = self.order(|reply| Order::Cancel { which, reply }).await?;
        match which {
            Cancelled::One(id) if count == 0 => Err(refused(format!("{id} does not wait, or is under way"))),
            _ => Ok(json!({ "cancelled": count })),
        }
    }

    pub(super) fn dead(&self, which: &Chosen, count: usize) -> Answer {
        let count = count.min(MOST);
        let mut letters = Vec::new();
        self.each_letter(which, |id, letter| {
            // Several can end in one millisecond.
            letters.push(((letter.end.at, id.seq), shown::letter(id, &letter)));
            if letters.len() > 2 * count.max(PAGE) {
                letters.sort_by_key(|(end, _)| std::cmp::Reverse(*end));
                letters.truncate(count);
            }
        })?;
        letters.sort_by_key(|(end, _)| std::cmp::Reverse(*end));
        Ok(letters.into_iter().take(count).map(|(_, shown)| shown).collect())
    }

    pub(super) async fn replay(&self, which: &Chosen) -> Answer {
        if let Some(id) = &which.id {
            self.parts.replays.one(self.delivery(id)?).await.map_err(refused)?;
            return Ok(json!({ "replayed": 1, "refused": null }));
        }
        let (mut count, mut refusal) = (0, None);
        for hook in self.chosen_hooks(which)? {
            let (of_hook, refused) = self.parts.replays.all(Selection { hook: Some(hook), ..selection(which) }).await;
            count += of_hook;
            refusal = refusal.or(refused);
        }
        match (count, refusal) {
            (0, Some(refusal)) => Err(refused(refusal)),
            (count, refusal) => Ok(json!({ "replayed": count, "refused": refusal.map(|refusal| refusal.to_string()) })),
        }
    }

    pub(super) async fn discard(&self, which: &Chosen) -> Answer {
        let mut doomed = Vec::new();
        self.each_letter(which, |id, letter| {
            doomed.push((id, letter.delivery.event.data.len()));
        })?;
        for some in doomed.chunks(PAGE) {
            let mut changes = Changes::new();
            for (id, data_bytes) in some {
                changes.remove_dead(*id, *data_bytes);
            }
            self.make_durable(changes).await?;
        }
        Ok(json!({ "discarded": doomed.len() }))
    }

    pub(super) async fn try_once(&self, hook: HookId) -> Answer {
        let hook = self.hook(hook)?;
        let came = self.order(|reply| Order::TryOnce { hook, reply }).await?;
        let report = came.map_err(refused)?;
        Ok(serde_json::to_value(report).expect("a report is plain JSON"))
    }

    pub(super) fn unread(&self) -> Answer {
        self.must_have_all()?;
        Ok(self.parts.notices.unread().iter().map(|(number, notice)| shown::notice(*number, notice)).collect())
    }

    pub(super) async fn read_notice(&self, number: Option<u64>) -> Answer {
        self.must_have_all()?;
        let numbers = match number {
            Some(number) => vec![number],
            None => self.parts.notices.unread().into_iter().map(|(number, _)| number).collect(),
        };
        let mut changes = Changes::new();
        for number in &numbers {
            changes.append(
                self.parts.notices.read(*number).ok_or_else(|| refused(format!("there is no notice {number}")))?,
            );
        }
        self.make_durable(changes).await?;
        Ok(json!({ "read": numbers.len() }))
    }

    /// The hooks whose deliveries are meant; what was of one that is gone is gone, too.
    fn chosen_hooks(&self, which: &Chosen) -> Result<Vec<HookId>, Refused> {
        match which.hook {
            Some(hook) => Ok(vec![self.seen_hook(hook)?.id]),
            None => Ok(self.own_hooks()),
        }
    }

    /// A delivery of a hook that they may see.
    fn delivery(&self, id: &str) -> Result<DeliveryId, Refused> {
        let id: DeliveryId = id.parse().map_err(refused)?;
        // Of a hook that is gone there is nothing any more.
        self.seen_hook(id.hook)?;
        Ok(id)
    }

    /// The hooks that they may see.
    fn own_hooks(&self) -> Vec<HookId> {
        let snapshot = self.parts.registry.snapshot();
        snapshot.hooks.values().filter(|hook| self.sees(hook.owner)).map(|hook| hook.id).collect()
    }

    async fn make_durable(&self, changes: Changes) -> Result<(), Refused> {
        let written = self.parts.overview.writer.write(changes).await;
        written.map_err(|_| refused("the gateway is stopping"))?.map_err(refused)
    }

    /// Shows the chosen dead letters to `visit`, hook by hook.
    fn each_letter(&self, which: &Chosen, mut visit: impl FnMut(DeliveryId, DeadLetter)) -> Result<(), Refused> {
        if let Some(id) = &which.id {
            let id = self.delivery(id)?;
            let letter = block_in_place(|| self.parts.overview.queue.dead(id)).map_err(refused)?;
            let letter = letter.ok_or_else(|| refused(format!("there is no dead letter {id}")))?;
            visit(id, letter);
            return Ok(());
        }
        let selection = selection(which);
        for hook in self.chosen_hooks(which)? {
            let mut after = None;
            loop {
                let page =
                    block_in_place(|| self.parts.overview.queue.dead_page(hook, after, PAGE)).map_err(refused)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.seq);
                for (id, letter) in page {
                    if selection.holds(letter.end.at) {
                        visit(id, letter);
                    }
                }
            }
        }
        Ok(())
    }
}

fn selection(which: &Chosen) -> Selection {
    Selection { hook: which.hook, from: which.from, until: which.until }
}
