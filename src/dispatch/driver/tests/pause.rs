//! Nothing is sent while sending is paused; what is down is asked before its time when somebody wants it.

use super::*;
use crate::bus::WakeRefusal;

impl Scene {
    async fn pause(&self) -> WallTime {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order::Pause { reply }).await.unwrap();
        in_time(answer).await.unwrap()
    }

    async fn unpause(&self) -> bool {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order::Unpause { reply }).await.unwrap();
        in_time(answer).await.unwrap()
    }

    async fn wake(&self, target: Option<&str>) -> Result<Vec<String>, WakeRefusal> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order::Wake { target: target.map(str::to_owned), reply }).await.unwrap();
        in_time(answer).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_on_the_disk_and_what_arrives_waits_for_its_end() {
    let mut responder = Responder::start(|_| answer(204, "", ""));
    let hook = hook_to(&responder.url("/"));
    let mut scene = Scene::new([Arc::clone(&hook)]);
    let since = scene.pause().await;
    assert_eq!((scene.pause().await, scene.queue.paused_since().unwrap()), (since, Some(since)));
    for seq in 1..=3 {
        scene.arrive(key(seq), &seq.to_string()).await;
    }
    scene.shown(|board| board.queue().waiting == 3 && board.queue().paused_since == Some(since)).await;

    // What somebody tries out comes first, although the others have waited longer.
    let (reply, report) = oneshot::channel();
    let event = Event::clone(&delivery("tried").event);
    scene.orders.send(Order::Test { hook, event, reply }).await.unwrap();
    assert!(in_time(report).await.unwrap().ok);
    assert_eq!(scene.wake(None).await, Err(WakeRefusal::Paused));
    assert!(scene.unpause().await && !scene.unpause().await);

    assert_eq!(scene.queue.paused_since().unwrap(), None);
    for data in ["tried", "1", "2", "3"] {
        assert_eq!(body(&in_time(responder.requests.recv()).await.unwrap())["data"], data);
    }
    for _ in 0..3 {
        assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    }
    scene.shown(|board| board.queue().paused_since.is_none() && board.queue().waiting == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_waited_too_long_is_given_up_although_sending_is_paused() {
    let mut responder = Responder::start(|_| answer(204, "", ""));
    let data = tempfile::tempdir().unwrap();
    let since = WallTime::from_millis(7);
    {
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, thread) = QueueWriter::start(&queue, 0);
        let mut changes = Changes::new();
        changes.put_pause(since);
        writer.write(changes).await.unwrap().unwrap();
        writer.stop();
        tokio::task::block_in_place(|| thread.join());
    }
    let before = [(key(1), delivery("the sample is of 2016 and of another boot")), (key(2), fresh("72"))];
    let mut scene = Scene::over(data, [hook_to(&responder.url("/"))], &before);

    assert_eq!(scene.told().await, named("hook-error/temp/0", "given up after 7 days without an answer"));
    scene.shown(|board| board.queue().waiting == 1 && board.queue().paused_since == Some(since)).await;
    assert!(responder.requests.try_recv().is_err());
    assert_eq!(scene.stored(&[key(1), key(2)]).await, [false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_left_alone_is_asked_when_somebody_wants_it() {
    let port = silent_port();
    let name = format!("http://{}", port.local_addr().unwrap());
    let (mut scene, well) = with_a_target_that_is_left_alone(&port).await;
    assert_eq!(
        scene.wake(Some("http://nobody:80")).await,
        Err(WakeRefusal::NoTarget { target: "http://nobody:80".to_owned() })
    );
    let up = well.url("").trim_end_matches('/').to_owned();
    assert_eq!(scene.wake(Some(&up)).await, Err(WakeRefusal::NotDown { target: up }));
    let mut responder = Responder::on(port, |_| answer(200, "", ""));

    assert_eq!(scene.wake(Some(&name)).await, Ok(vec![name]));

    let asked = timeout(Duration::from_secs(2), responder.requests.recv()).await;
    assert!(asked.is_ok_and(|request| request.is_some()), "it is not asked at once");
    assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    assert_eq!(scene.wake(None).await, Ok(Vec::new()));
}
