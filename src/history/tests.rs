//! What is counted is shown, kept over restarts, and written seldom.

use super::*;
use crate::store::Queue;
use crate::store::QueueWriter;

const HOOK: HookId = HookId::from_bytes([4; 12]);
const OTHER: HookId = HookId::from_bytes([5; 12]);
const ME: UserId = UserId::from_bytes([1; 12]);
const YOU: UserId = UserId::from_bytes([2; 12]);
const MINUTE_MS: u64 = 60_000;

/// So many milliseconds after a time that a clock can show.
fn at(ms: u64) -> Now {
    Now { mono_ms: 1_000 + ms, wall: wall(ms) }
}

/// The first full day that a clock can show.
fn wall(ms: u64) -> WallTime {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let first = (BUILT_AT.as_millis() / DAY_MS + 1) * DAY_MS;
    WallTime::from_millis(first + i64::try_from(ms).unwrap())
}

/// The clock of a machine that does not know the time.
fn unset(ms: u64) -> Now {
    Now { mono_ms: ms, wall: WallTime::from_millis(i64::try_from(ms).unwrap()) }
}

/// The last of a series.
fn last(figures: &[u32]) -> u32 {
    *figures.last().unwrap()
}

fn sum(figures: &[u32]) -> u32 {
    figures.iter().sum()
}

/// Writes it and gives what the next start finds.
fn over_a_restart(changes: Changes) -> History {
    let data = tempfile::tempdir().unwrap();
    let (queue, _) = Queue::open(data.path()).unwrap();
    let (writer, thread) = QueueWriter::start(&queue, 0);
    writer.ride_along(changes);
    writer.stop();
    thread.join();
    History::restore(queue.figures().unwrap())
}

#[test]
fn everything_is_counted_for_the_gateway_for_its_owner_and_for_its_hook() {
    let history = History::default();
    history.count(What::Attempt, HOOK, ME, 1, at(0));
    history.count(What::Attempt, HOOK, ME, 1, at(1));
    history.count(What::Delivered, HOOK, ME, 1, at(1));
    history.count(What::Failed, OTHER, YOU, 1, at(2));
    history.count(What::Dropped, HOOK, ME, 3, at(3));
    history.refused(HOOK, at(4));
    history.note_waiting(7, at(5));
    history.note_waiting(2, at(6));
    for span in [Span::Day, Span::Month] {
        let all = history.gateway(span, wall(9));
        let lasts = [&all.attempts, &all.delivered, &all.failed, &all.dropped, &all.depth].map(|series| last(series));
        assert_eq!(lasts, [2, 1, 1, 3, 7]);
        let mine = history.owner(ME, span, wall(9));
        assert_eq!(
            [&mine.attempts, &mine.delivered, &mine.failed, &mine.dropped].map(|series| last(series)),
            [2, 1, 0, 3]
        );
        assert!(mine.depth.is_empty());
        assert_eq!(sum(&history.owner(YOU, span, wall(9)).failed), 1);
        assert_eq!(sum(&history.owner(UserId::from_bytes([9; 12]), span, wall(9)).attempts), 0);
    }
    let hook = history.hook(HOOK, wall(9));
    assert_eq!((last(&hook.day_delivered), last(&hook.day_failed)), (1, 0));
    assert_eq!((hook.month_delivered, hook.month_failed, hook.month_skipped), (1, 0, 4));
    assert_eq!(history.hook(HookId::from_bytes([9; 12]), wall(9)), HookHistory::default());
}

#[test]
fn a_series_has_its_full_length_and_ends_with_now() {
    let history = History::default();
    history.count(What::Delivered, HOOK, ME, 1, at(0));
    history.count(What::Delivered, HOOK, ME, 2, at(65 * MINUTE_MS));
    let day = history.gateway(Span::Day, wall(66 * MINUTE_MS));
    assert_eq!((day.step_s, day.delivered.len(), day.depth.len()), (300, 288, 288));
    assert_eq!((day.delivered[287], day.delivered[274], sum(&day.delivered)), (2, 1, 3));
    assert_eq!(day.starts_at.as_millis(), wall(65 * MINUTE_MS).as_millis() - 287 * 300_000);
    let month = history.owner(ME, Span::Month, wall(66 * MINUTE_MS));
    assert_eq!((month.step_s, month.delivered.len()), (3_600, 720));
    assert_eq!((month.delivered[719], month.delivered[718]), (2, 1));
    let json = serde_json::to_value(&month).unwrap();
    assert_eq!(json["starts_at"], month.starts_at.to_string());
    assert!(json.get("depth").is_none());
}

#[test]
fn what_was_counted_is_known_after_a_restart_and_goes_on() {
    let history = History::default();
    history.note_waiting(5, at(0));
    for minute in 0..300 {
        history.count(What::Delivered, HOOK, ME, 100_000, at(minute * MINUTE_MS));
        history.count(What::Failed, OTHER, YOU, 1, at(minute * MINUTE_MS));
    }
    let now = wall(300 * MINUTE_MS);
    let again = over_a_restart(history.take());
    assert!(history.take().is_empty());
    for span in [Span::Day, Span::Month] {
        assert_eq!(again.gateway(span, now), history.gateway(span, now));
        assert_eq!(again.owner(YOU, span, now), history.owner(YOU, span, now));
    }
    assert_eq!(again.hook(HOOK, now), history.hook(HOOK, now));
    again.count(What::Delivered, HOOK, ME, 1, at(300 * MINUTE_MS));
    assert_eq!(again.hook(HOOK, now).month_delivered, 30_000_001);
}

#[test]
fn it_is_written_at_most_every_ten_minutes_and_not_at_all_while_nothing_happens() {
    let history = History::default();
    assert!(history.riding(u64::MAX).is_none() && history.due(u64::MAX).is_none() && history.take().is_empty());
    history.count(What::Attempt, HOOK, ME, 1, at(0));
    let counted_ms = at(0).mono_ms;
    assert!(history.riding(counted_ms + 10 * MINUTE_MS - 1).is_none());
    assert!(history.due(counted_ms + 11 * MINUTE_MS - 1).is_none());
    assert!(history.riding(counted_ms + 10 * MINUTE_MS).is_some_and(|changes| !changes.is_empty()));
    assert!(history.due(u64::MAX).is_none(), "it is written");
    history.count(What::Attempt, HOOK, ME, 1, at(20 * MINUTE_MS));
    assert!(history.due(at(31 * MINUTE_MS).mono_ms).is_some());

    history.note_waiting(3, at(40 * MINUTE_MS));
    assert!(history.due(u64::MAX).is_some());
    history.note_waiting(3, at(60 * MINUTE_MS));
    assert!(history.due(u64::MAX).is_none(), "as much waits as before");
    assert_eq!(last(&history.gateway(Span::Day, wall(60 * MINUTE_MS)).depth), 3);
}

#[test]
fn who_is_gone_is_forgotten_also_on_the_disk() {
    let history = History::default();
    history.count(What::Delivered, HOOK, ME, 1, at(0));
    history.count(What::Delivered, OTHER, YOU, 1, at(0));
    let mut changes = history.take();
    changes.append(history.keep(|hook| hook == HOOK, |user| user == ME));
    assert!(history.keep(|hook| hook == HOOK, |user| user == ME).is_empty());
    for history in [history, over_a_restart(changes)] {
        assert_eq!(history.hook(OTHER, wall(0)).month_delivered, 0);
        assert_eq!(sum(&history.owner(YOU, Span::Day, wall(0)).delivered), 0);
        assert_eq!(history.hook(HOOK, wall(0)).month_delivered, 1);
        assert_eq!(sum(&history.gateway(Span::Day, wall(0)).delivered), 2, "it happened all the same");
    }
}

#[test]
fn before_the_clock_is_set_the_last_known_time_counts_and_else_the_first() {
    let history = History::default();
    history.count(What::Delivered, HOOK, ME, 1, unset(5_000));
    assert_eq!(last(&history.gateway(Span::Day, unset(6_000).wall).delivered), 1);
    history.count(What::Delivered, HOOK, ME, 1, at(0));
    assert_eq!(last(&history.gateway(Span::Day, wall(0)).delivered), 2, "it gets the first date");
    assert_eq!(history.hook(HOOK, wall(0)).month_delivered, 2);

    let again = over_a_restart(history.take());
    again.count(What::Delivered, HOOK, ME, 1, unset(5_000));
    assert_eq!(last(&again.gateway(Span::Month, unset(6_000).wall).delivered), 3);
    again.count(What::Delivered, HOOK, ME, 1, at(60 * MINUTE_MS));
    let month = again.gateway(Span::Month, wall(60 * MINUTE_MS)).delivered;
    assert_eq!(month[718..], [3, 1]);
}

#[test]
fn what_was_counted_before_the_clock_was_ever_set_gets_its_date_also_after_a_restart() {
    let day_ms = 24 * 60 * MINUTE_MS;
    let resumed = |up_ms| Now { mono_ms: up_ms, wall: WallTime::from_millis(BUILT_AT.as_millis() - 1_000) };
    for clock in [unset, resumed] {
        let history = History::default();
        history.count(What::Delivered, HOOK, ME, 1, clock(3 * 60 * MINUTE_MS));
        let again = over_a_restart(history.take());
        again.count(What::Delivered, HOOK, ME, 1, clock(5_000));
        assert_eq!(sum(&again.gateway(Span::Day, clock(6_000).wall).delivered), 2);
        let again = over_a_restart(again.take());
        again.count(What::Delivered, HOOK, ME, 1, at(40 * day_ms));
        let day = again.gateway(Span::Day, wall(40 * day_ms)).delivered;
        assert_eq!((sum(&day), last(&day)), (3, 2));
        assert_eq!(again.hook(HOOK, wall(40 * day_ms)).month_delivered, 3);
    }
}

#[test]
fn what_an_older_version_counted_keeps_its_date() {
    let mut rings = Rings::<5>::new(DAY, MONTH);
    rings.count(What::Delivered as usize, 1, WallTime::from_millis(BUILT_AT.as_millis() - 48 * 60 * 60_000));
    let mut changes = Changes::new();
    rings.take(Whose::Gateway, &mut changes);
    let again = over_a_restart(changes);
    again.count(What::Delivered, HOOK, ME, 1, at(0));
    let month = again.gateway(Span::Month, wall(0)).delivered;
    assert_eq!((sum(&month), last(&month)), (2, 1));
}
