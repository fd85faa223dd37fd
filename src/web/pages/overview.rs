//! GET /, POST /notices
//!
//! The first page: how the gateway does, what a person should read, and what to do next.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::bus::QueueReport;
use crate::bus::protocol::Request;
use crate::clock;
use crate::http::Route;
use crate::registry::Role;
use crate::store::StoredNotice;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::heard::Radio;
use crate::web::pages::go_on;
use crate::web::pages::show;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// What stands for every notice in place of its number.
const ALL: &str = "all";

#[derive(Serialize)]
pub(super) struct Overview {
    devices: usize,
    devices_online: usize,
    hooks: usize,
    /// Those that had too many errors.
    hooks_stopped: usize,
    /// Of the whole gateway; for the owner.
    whole: Option<Whole>,
    notices: Vec<Notice>,
}

#[derive(Serialize)]
struct Whole {
    queue: QueueReport,
    line_since: Option<Moment>,
    clock_is_set: bool,
    disk_free_bytes: u64,
    bluetooth: Radio,
    sessions: Sessions,
    /// Why events cannot be stored, if they cannot.
    trouble: Option<String>,
}

/// MQTT sessions that outlive their connection, in the words of the command line.
#[derive(Default, Serialize, Deserialize)]
struct Sessions {
    connected: u64,
    away: u64,
    /// Messages that wait for them.
    waiting: u64,
    /// Messages that had to go since the start.
    dropped: u64,
}

#[derive(Serialize)]
struct Notice {
    number: u64,
    at: Moment,
    /// What the hook that it is about is called, if it is still there.
    title: Option<String>,
    /// Whose it is, if it is somebody else's.
    user: Option<String>,
    text: String,
    times: u32,
    /// The hook that it is about, if it is theirs and still there.
    hook: Option<String>,
}

impl Page for Overview {
    const TEMPLATE: &'static str = "pages/overview.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::bus::BleState;
        use crate::model::WallTime;
        let moment = || Moment::of(WallTime::from_millis(0), WallTime::from_millis(90_000));
        let none = Self { devices: 0, devices_online: 0, hooks: 0, hooks_stopped: 0, whole: None, notices: Vec::new() };
        let whole = Whole {
            queue: QueueReport { waiting: 7, bytes: 4_200, dead: 1, delivered: 120, ..QueueReport::default() },
            line_since: Some(moment()),
            clock_is_set: false,
            disk_free_bytes: 12_000_000_000,
            bluetooth: Radio::sample(BleState::NoAdapter),
            sessions: Sessions { connected: 1, away: 2, waiting: 30, dropped: 4 },
            trouble: Some("the disk is full".to_owned()),
        };
        let notice = Notice {
            number: 3,
            at: moment(),
            title: Some("<b>temp</b>".to_owned()),
            user: Some("<b>you</b>".to_owned()),
            text: "had too many <b>errors</b>".to_owned(),
            times: 2,
            hook: Some("0123456789abcdef01234567".to_owned()),
        };
        let busy = Self {
            devices: 3,
            devices_online: 2,
            hooks: 2,
            hooks_stopped: 1,
            whole: Some(whole),
            notices: vec![notice],
        };
        vec![("new", none), ("busy", busy)]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/"], overview), site.form(&["/notices"], read)]
}

async fn overview(context: Arc<Context>, visit: Visit) -> Shown {
    let (snapshot, user, now) = (context.snapshot(), visit.user_id(), visit.now.wall);
    let is_owner = visit.user().role == Role::Owner;
    let board = &context.overview.board;
    let devices = || snapshot.devices_of(user);
    let hooks = || snapshot.hooks_of(user);
    let notice = |(number, notice): (u64, StoredNotice)| {
        let hook = notice.hook.and_then(|hook| snapshot.hooks.get(&hook));
        let other = hook.map(|hook| hook.owner).filter(|owner| *owner != user);
        Notice {
            number,
            at: Moment::of(notice.at, now),
            title: hook.map(|hook| hook.definition.title().to_owned()),
            user: other.and_then(|other| snapshot.users.get(&other)).map(|other| other.name.to_string()),
            text: notice.text,
            times: notice.times,
            hook: hook.filter(|hook| hook.owner == user).map(|hook| hook.id.to_string()),
        }
    };
    let whole = if is_owner {
        let mut status = context.ask(user, Request::Status).await?.unwrap_or_default();
        Some(whole(&context, &visit, status["sessions"].take()))
    } else {
        None
    };
    let page = Overview {
        devices: devices().count(),
        devices_online: devices().filter(|device| context.presence.of(device.id).connections > 0).count(),
        hooks: hooks().count(),
        hooks_stopped: hooks().filter(|hook| board.hook(hook.id).too_many_errors).count(),
        whole,
        notices: context.notices_for(visit.user()).into_iter().rev().map(notice).collect(),
    };
    Ok(show(&context, &visit, &page))
}

fn whole(context: &Context, visit: &Visit, sessions: Value) -> Whole {
    let queue = context.overview.board.queue();
    Whole {
        queue,
        line_since: queue.state_since.map(|since| Moment::of(since, visit.now.wall)),
        clock_is_set: visit.now.wall >= clock::BUILT_AT,
        disk_free_bytes: context.overview.writer.free_bytes(),
        bluetooth: Radio::of(context.ble.report(), visit.now.wall),
        sessions: serde_json::from_value(sessions).unwrap_or_default(),
        trouble: context.overview.trouble(),
    }
}

/// A notice was read, or all of them.
async fn read(context: Arc<Context>, visit: Visit) -> Shown {
    let number = match visit.form.text("number") {
        ALL => None,
        number => Some(number.parse().map_err(|_| Refusal::NotFound)?),
    };
    let went = context.ask(visit.user_id(), Request::NoticeRead { number }).await?;
    Ok(go_on(&context, &visit, "/", Flash::of(&went, visit.t("Read."))))
}
