//! The writer, as a thread where its handle is meant, and step by step where its decisions are.

use tempfile::TempDir;

use super::*;
use crate::model::HookId;
use crate::store::DeliveryKey;
use crate::store::LaneKey;
use crate::store::queue::tests::close;
use crate::store::tests::delivery;
use crate::store::tests::letter;

/// A queue in a folder of its own.
struct Scene {
    data: TempDir,
    queue: Queue,
}

type Answer = oneshot::Receiver<Result<(), WriteError>>;

impl Scene {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (queue, _) = Queue::open(data.path()).unwrap();
        Self { data, queue }
    }

    /// A writer without its thread.
    fn writer(&self, keep_free_bytes: u64) -> Writer {
        Writer::new(&self.queue, keep_free_bytes)
    }

    fn holds(&self, seq: u64) -> bool {
        self.queue.read(key(seq)).unwrap().is_some()
    }
}

const LANE: LaneKey = LaneKey { hook: HookId::from_bytes([4; 12]), device: None };

fn key(seq: u64) -> DeliveryKey {
    DeliveryKey { lane: LANE, seq }
}

fn adding(seq: u64) -> Changes {
    let mut changes = Changes::new();
    changes.store(key(seq), &delivery("72"));
    changes
}

fn removing(seq: u64) -> Changes {
    let mut changes = Changes::new();
    changes.remove(key(seq), "72".len());
    changes
}

fn commit(writer: &mut Writer, now_ms: u64, changes: impl IntoIterator<Item = Changes>) -> Vec<Result<(), WriteError>> {
    let (mut group, answers): (Vec<QueueWrite>, Vec<Answer>) = changes
        .into_iter()
        .map(|changes| {
            let (done, answer) = oneshot::channel();
            (QueueWrite { changes, done: Some(done) }, answer)
        })
        .unzip();
    writer.commit(&mut group, now_ms);
    assert!(group.is_empty(), "the group was dealt with");
    answers.into_iter().map(|mut answer| answer.try_recv().expect("every write is answered at once")).collect()
}

#[test]
fn everybody_in_a_crowd_is_answered_and_stored() {
    const WRITES: u64 = 3 * GROUP as u64 + 1;
    let scene = Scene::new();
    let (writer, thread) = QueueWriter::start(&scene.queue, 0);
    let answers: Vec<Answer> = (0..WRITES).map(|seq| writer.write(adding(seq))).collect();
    for answer in answers {
        assert_eq!(answer.blocking_recv().unwrap(), Ok(()));
    }
    assert!((0..WRITES).all(|seq| scene.holds(seq)));
    writer.stop();
    thread.join();
}

#[test]
fn a_group_has_a_largest_size_and_ends_at_a_stop() {
    let (requests, receiver) = mpsc::channel();
    let request = || Request::Write(QueueWrite { changes: Changes::new(), done: None });
    for _ in 0..=GROUP {
        requests.send(request()).unwrap();
    }
    requests.send(Request::Stop).unwrap();
    let later_ms = clock::now().mono_ms + 60_000;
    let pace = Pace { any_ms: later_ms, awaited_ms: later_ms };
    let mut group = Vec::new();
    assert!(gather(request(), &receiver, &mut group, pace), "more may come");
    assert_eq!(group.len(), GROUP);
    group.clear();
    assert!(!gather(receiver.recv().unwrap(), &receiver, &mut group, pace), "it was stopped");
    assert_eq!(group.len(), 2);
}

#[test]
fn nobody_waits_because_of_a_flush_that_nobody_waited_for() {
    let (requests, receiver) = mpsc::channel();
    let write = |done| Request::Write(QueueWrite { changes: Changes::new(), done });
    let mut pace = Pace::default();
    pace.flushed(&[], clock::now().mono_ms + 60_000);
    let mut group = Vec::new();
    requests.send(write(Some(oneshot::channel().0))).unwrap();
    assert!(gather(write(None), &receiver, &mut group, pace), "more may come");
    assert_eq!(group.len(), 2, "what nobody waited for goes along");
    pace.flushed(&group, 7);
    assert_eq!((pace.any_ms, pace.awaited_ms), (7, 7));
}

#[test]
fn what_nobody_waits_for_is_durable_with_what_came_after_it() {
    let scene = Scene::new();
    let (writer, _thread) = QueueWriter::start(&scene.queue, 0);
    writer.ride_along(adding(1));
    assert_eq!(writer.write(adding(2)).blocking_recv().unwrap(), Ok(()));
    assert!(scene.holds(1) && scene.holds(2));
}

#[test]
fn changes_of_one_group_apply_in_the_order_in_which_they_came() {
    let scene = Scene::new();
    commit(&mut scene.writer(0), 0, [adding(1), removing(1), removing(2), adding(2)]);
    assert!(!scene.holds(1) && scene.holds(2));
}

#[test]
fn a_nearly_full_disk_refuses_what_adds_and_lets_through_what_removes() {
    let scene = Scene::new();
    commit(&mut scene.writer(0), 0, [adding(1)]);
    let mut writer = scene.writer(u64::MAX);
    let mut updating = Changes::new();
    updating.update(key(2), &delivery("73"));
    let answers = commit(&mut writer, 0, [adding(3), removing(1), adding(4), updating]);
    assert_eq!(answers, [Err(WriteError::NoRoom), Ok(()), Err(WriteError::NoRoom), Ok(())]);
    assert_eq!([1, 2, 3, 4].map(|seq| scene.holds(seq)), [false, true, false, false]);
}

#[test]
fn trouble_is_shown_until_something_is_stored_again() {
    let scene = Scene::new();
    let (writer, _thread) = QueueWriter::start(&scene.queue, u64::MAX);
    let write = |changes| writer.write(changes).blocking_recv().unwrap();
    assert_eq!(writer.trouble(), None);
    assert_eq!(write(adding(1)), Err(WriteError::NoRoom));
    assert_eq!(writer.trouble(), Some(WriteError::NoRoom.to_string()));
    assert_eq!(write(removing(1)), Ok(()));
    assert_eq!(writer.trouble(), Some(WriteError::NoRoom.to_string()), "a removal proves nothing");
    writer.keep_free(0);
    assert_eq!(write(adding(1)), Ok(()));
    assert_eq!(writer.trouble(), None);
}

#[test]
fn a_removal_that_met_an_error_is_made_up_for_with_the_next_group() {
    let scene = Scene::new();
    let mut writer = scene.writer(0);
    commit(&mut writer, 0, [adding(1), adding(2)]);
    close(&scene.queue);

    let answers = commit(&mut writer, 0, [removing(1), adding(3)]);
    assert!(answers.iter().all(|answer| matches!(answer, Err(WriteError::Disk(_)))), "{answers:?}");
    assert_eq!(writer.trouble.lock().unwrap().clone(), answers[1].clone().err());
    let refused_untried = commit(&mut writer, REOPEN_EVERY_MS - 1, [removing(2)]);
    assert!(matches!(refused_untried[0], Err(WriteError::Disk(_))));

    assert_eq!(commit(&mut writer, REOPEN_EVERY_MS, [adding(4)]), [Ok(())]);
    assert_eq!([1, 2, 3, 4].map(|seq| scene.holds(seq)), [false, false, false, true]);
    assert!(writer.owed.is_empty(), "it is paid once");
}

#[test]
fn a_debt_does_not_undo_what_is_stored_after_it() {
    let scene = Scene::new();
    let mut writer = scene.writer(0);
    close(&scene.queue);
    commit(&mut writer, 0, [removing(1)]);
    assert_eq!(commit(&mut writer, REOPEN_EVERY_MS, [adding(1)]), [Ok(())]);
    assert!(scene.holds(1));
}

#[test]
fn a_letter_that_met_an_error_is_buried_with_the_next_group() {
    let scene = Scene::new();
    let mut writer = scene.writer(0);
    commit(&mut writer, 0, [adding(1)]);
    close(&scene.queue);
    let mut burying = Changes::new();
    burying.bury(key(1), &letter("72"));
    commit(&mut writer, 0, [burying]);
    assert_eq!(commit(&mut writer, REOPEN_EVERY_MS, [adding(2)]), [Ok(())]);
    assert!(!scene.holds(1) && scene.queue.dead(key(1).id()).unwrap().is_some());
    assert_eq!((scene.queue.total().waiting, scene.queue.total().dead), (1, 1));
}

#[test]
fn a_queue_that_is_mostly_dead_gives_the_disk_back() {
    let scene = Scene::new();
    let mut writer = scene.writer(0);
    let long = delivery(&"x".repeat(3_900));
    let group = |change: &dyn Fn(&mut Changes, u64)| -> Vec<Changes> {
        let some = |group: u64| {
            let mut some = Changes::new();
            (0..200).for_each(|number| change(&mut some, group * 200 + number));
            some
        };
        (0..100).map(some).collect()
    };
    commit(&mut writer, 0, group(&|many, seq| many.store(key(seq), &long)));
    writer.rebuild_if_dead(0);
    assert!(scene.queue.size_on_disk() > REBUILD_FROM_BYTES, "what waits is not touched");
    commit(
        &mut writer,
        0,
        group(&|many, seq| {
            if seq != 7 {
                many.remove(key(seq), 3_900);
            }
        }),
    );
    assert!(scene.queue.size_on_disk() > REBUILD_FROM_BYTES);
    writer.rebuild_if_dead(0);
    assert!(scene.queue.size_on_disk() < 4 << 20, "{}", scene.queue.size_on_disk());
    assert!(scene.holds(7) && scene.queue.total().waiting == 1);
    assert_eq!(commit(&mut writer, 0, [adding(1)]), [Ok(())]);
}

#[test]
fn a_stop_flushes_what_was_given_before_it() {
    let scene = Scene::new();
    let (writer, thread) = QueueWriter::start(&scene.queue, 0);
    let answers: Vec<Answer> = (0..300).map(|seq| writer.write(adding(seq))).collect();
    writer.stop();
    thread.join();
    assert!(answers.into_iter().all(|answer| answer.blocking_recv().unwrap() == Ok(())));
    assert_eq!(writer.write(adding(300)).blocking_recv().unwrap(), Err(WriteError::Closed));

    let Scene { data, queue } = scene;
    drop((writer, queue));
    let (queue, set_aside) = Queue::open(data.path()).unwrap();
    let page = queue.page(LANE, None, 1_000).unwrap();
    let seqs: Vec<u64> = page.deliveries.iter().map(|(seq, _)| *seq).collect();
    assert_eq!((seqs, set_aside), ((0..300).collect(), None));
    assert_eq!(queue.total().waiting, 300);
}

#[test]
fn a_writer_whose_handles_are_gone_writes_what_it_has_and_ends() {
    let scene = Scene::new();
    let (writer, thread) = QueueWriter::start(&scene.queue, 0);
    writer.ride_along(adding(1));
    drop(writer);
    thread.join();
    assert!(scene.holds(1));
}
