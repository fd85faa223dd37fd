//! What sources publish.

use super::*;

#[tokio::test]
async fn what_a_source_says_of_an_adopted_device_is_an_event_of_that_device() {
    let mut scene = Scene::new(0);
    let verdict = scene.intake.publish(by(7, "stat/plug/POWER", "ON")).await;
    assert_eq!(verdict, Ok(Accepted::Taken));
    let event = scene.watcher.recv().await.unwrap();
    let plug = DeviceId::from_bytes([8; 12]);
    assert_eq!((event.name.as_str(), event.data.as_str(), event.source), ("power", "ON", Source::Device(plug)));
    let lane = LaneKey { hook: HookId::from_bytes([4; 12]), device: Some(plug) };
    let stored = scene.store.read(DeliveryKey { lane, seq: 1 }).unwrap().expect("it was acknowledged");
    assert_eq!(stored.event, event);
    assert!(scene.presence.of(plug).last_heard.is_some());
}

#[tokio::test]
async fn what_a_source_says_of_any_other_device_is_no_event() {
    let mut scene = Scene::new(0);
    for topic in ["stat/lamp/POWER", "stat/device-1/POWER", "temp", "farhook/describe"] {
        assert_eq!(scene.intake.publish(by(7, topic, "ON")).await, Ok(Accepted::Taken), "{topic}");
    }
    assert_eq!(scene.watcher.try_recv(), Err(TryRecvError::Empty));
    let report = scene.sources.report(DeviceId::from_bytes([7; 12]));
    let names: Vec<_> = report.devices.iter().map(|found| found.name.as_str()).collect();
    assert_eq!((names, report.unread), (vec!["device-1", "lamp"], 2));
    // And nobody else's topics are read by its rules.
    scene.intake.publish(by(1, "stat/plug/POWER", "ON")).await.unwrap();
    let event = scene.watcher.recv().await.unwrap();
    assert_eq!((event.name.as_str(), event.source), ("stat/plug/POWER", Source::Device(DeviceId::from_bytes([1; 12]))));
}

#[tokio::test]
async fn one_publish_of_a_source_may_be_several_events_and_has_one_verdict() {
    let mut scene = Scene::new(0);
    let sensors = r#"{"Time":"x","A":{"t":1},"B":{"t":2}}"#;
    assert_eq!(scene.intake.publish(by(7, "tele/plug/SENSOR", sensors)).await, Ok(Accepted::Taken));
    let names = [scene.watcher.recv().await.unwrap(), scene.watcher.recv().await.unwrap()];
    assert_eq!(names.map(|event| event.name.to_string()), ["sensor/A", "sensor/B"]);
    // Nothing changed.
    assert_eq!(scene.intake.publish(by(7, "tele/plug/SENSOR", sensors)).await, Ok(Accepted::Taken));
    assert_eq!(scene.watcher.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn what_cannot_be_stored_of_a_source_is_not_acknowledged_and_told_when_it_comes_again() {
    let scene = Scene::new(u64::MAX);
    let publish = || scene.intake.publish(by(7, "stat/plug/POWER", "ON"));
    for _ in 0..2 {
        assert!(matches!(publish().await, Err(Refusal::Full { .. })));
    }
    let report = scene.sources.report(DeviceId::from_bytes([7; 12]));
    assert_eq!(report.not_told, [("refused", 2)].into());
}
