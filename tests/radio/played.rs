//! What the tests play is enough for btleplug, which the gateway connects with: it finds a device, connects to it, hears
//! it, writes to it and loses it.
//!
//! btleplug takes the address of the bus from its process, once. So each of these tests runs in a process of its own.

use std::future::Future;
use std::pin::Pin;
use std::process::Command;
use std::time::Duration;

use btleplug::api::Central;
use btleplug::api::Characteristic;
use btleplug::api::Manager as _;
use btleplug::api::Peripheral as _;
use btleplug::api::ScanFilter;
use btleplug::api::ValueNotification;
use btleplug::api::WriteType;
use btleplug::platform;
use btleplug::platform::Manager;
use futures_util::Stream;
use futures_util::StreamExt;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::bluez::Bluez;
use crate::bluez::Happened;
use crate::bluez::Manner;
use crate::bus::Bus;
use crate::frames;
use crate::frames::Assembler;
use crate::frames::Message;
use crate::gateway::PATIENCE;
use crate::peripheral;
use crate::peripheral::Peripheral;
use crate::scene;
use crate::scene::ADAPTER;

const ADDRESS: &str = "C0:00:00:00:00:01";
const MTU: u16 = 185;
const BUS: &str = "DBUS_SYSTEM_BUS_ADDRESS";

#[test]
fn btleplug_finds_connects_hears_and_writes() {
    in_a_process_of_its_own("played::btleplug_finds_connects_hears_and_writes", connects);
}

#[test]
fn a_device_can_refuse_hang_and_vanish() {
    in_a_process_of_its_own("played::a_device_can_refuse_hang_and_vanish", fails);
}

#[test]
fn the_firmware_says_who_it_is_and_what_it_wants_and_takes_an_answer() {
    in_a_process_of_its_own("played::the_firmware_says_who_it_is_and_what_it_wants_and_takes_an_answer", converses);
}

async fn connects() {
    let mut stage = Stage::set().await;
    let (device, firmware) = (&stage.device, &mut stage.firmware);
    device.connect().await.unwrap();
    device.discover_services().await.unwrap();
    assert_eq!((device.mtu(), device.is_connected().await.unwrap()), (MTU, true));
    let (rx, tx, info) = (find(device, "b1e50003"), find(device, "b1e50002"), find(device, "b1e50004"));
    assert!(device.read(&info).await.unwrap().starts_with(b"{\"proto\":1"));
    assert!(device.read(&rx).await.is_err());

    let mut heard = device.notifications().await.unwrap();
    device.subscribe(&tx).await.unwrap();
    assert_eq!((firmware.happened().await, firmware.happened().await), (Happened::Wanted, Happened::Connected));
    assert_eq!(firmware.happened().await, Happened::Subscribed);
    for value in [&b"one"[..], b"two", b"two"] {
        assert!(firmware.notify(value));
        assert_eq!(next(&mut heard).await.value, value);
    }

    // A command fits into the MTU; a request is cut by BlueZ.
    for (kind, length, is_taken) in [
        (WriteType::WithoutResponse, MTU - 3, true),
        (WriteType::WithoutResponse, MTU - 2, false),
        (WriteType::WithResponse, MTU - 2, true),
        (WriteType::WithResponse, 512, true),
        (WriteType::WithResponse, 513, false),
    ] {
        let value = vec![7; usize::from(length)];
        assert_eq!(device.write(&rx, &value, kind).await.is_ok(), is_taken, "{length} bytes, {kind:?}");
        if is_taken {
            assert!(matches!(firmware.happened().await, Happened::Written(_, written) if written == value));
        }
    }

    // One write at a time, for as long as the device does not confirm it.
    stage.bluez.when(|service| service.be_slow(ADDRESS, true));
    let mut first = Box::pin(device.write(&rx, b"1", WriteType::WithResponse));
    assert!(futures_util::poll!(&mut first).is_pending());
    let second = device.write(&rx, b"2", WriteType::WithResponse).await.unwrap_err();
    assert!(second.to_string().contains("In Progress"), "{second}");
    stage.bluez.when(|service| service.be_slow(ADDRESS, false));
    first.await.unwrap();
    assert!(matches!(firmware.happened().await, Happened::Written(_, written) if written == b"1"));

    device.unsubscribe(&tx).await.unwrap();
    assert!(!firmware.notify(b"three"));
    device.disconnect().await.unwrap();
    assert_eq!(firmware.happened().await, Happened::Disconnected);
    assert!(!device.is_connected().await.unwrap());
    let refused = device.write(&rx, b"4", WriteType::WithResponse).await.unwrap_err();
    assert!(refused.to_string().contains("Not connected"), "{refused}");
}

async fn fails() {
    let mut stage = Stage::set().await;
    let (device, firmware) = (&stage.device, &mut stage.firmware);
    stage.bluez.when(|service| service.behave(ADDRESS, Manner::Refuses));
    let refused = device.connect().await.unwrap_err();
    assert!(refused.to_string().contains("le-connection-abort-by-local"), "{refused}");
    firmware.until(&Happened::Wanted).await;

    // Who gives up says so.
    stage.bluez.when(|service| service.behave(ADDRESS, Manner::Hangs));
    let mut connecting = Box::pin(device.connect());
    assert!(futures_util::poll!(&mut connecting).is_pending());
    firmware.until(&Happened::Wanted).await;
    let second = device.connect().await.unwrap_err();
    assert!(second.to_string().contains("InProgress"), "{second}");
    device.disconnect().await.unwrap();
    let canceled = connecting.await.unwrap_err();
    assert!(canceled.to_string().contains("le-connection-canceled"), "{canceled}");

    // It answers after all; and then it is gone, in the middle of a write.
    let mut connecting = Box::pin(device.connect());
    assert!(futures_util::poll!(&mut connecting).is_pending());
    firmware.until(&Happened::Wanted).await;
    stage.bluez.when(|service| service.behave(ADDRESS, Manner::Answers));
    connecting.await.unwrap();
    device.discover_services().await.unwrap();
    let rx = find(device, "b1e50003");
    stage.bluez.when(|service| service.be_slow(ADDRESS, true));
    let mut writing = Box::pin(device.write(&rx, b"1", WriteType::WithResponse));
    assert!(futures_util::poll!(&mut writing).is_pending());
    // What is asked later is answered later.
    device.is_connected().await.unwrap();
    stage.bluez.when(|service| service.end_link(ADDRESS));
    assert!(writing.await.unwrap_err().to_string().contains("ATT error"));
    firmware.until(&Happened::Disconnected).await;

    // Its notifications are still wanted when it is connected again.
    stage.bluez.when(|service| service.be_slow(ADDRESS, false));
    let tx = find(device, "b1e50002");
    device.subscribe(&tx).await.unwrap();
    device.connect().await.unwrap();
    let mut heard = device.notifications().await.unwrap();
    firmware.until(&Happened::Subscribed).await;
    assert!(firmware.notify(b"again"));
    assert_eq!(next(&mut heard).await.value, b"again");
    stage.bluez.when(|service| service.switch("hci0", false));
    firmware.until(&Happened::Disconnected).await;
    assert!(!device.is_connected().await.unwrap());
}

async fn converses() {
    let Stage { bluez: _bluez, mut firmware, device, _adapter } = Stage::set().await;
    let gateway = tokio::spawn(async move {
        device.connect().await.unwrap();
        device.discover_services().await.unwrap();
        let (rx, tx) = (find(&device, "b1e50003"), find(&device, "b1e50002"));
        let mut heard = device.notifications().await.unwrap();
        device.subscribe(&tx).await.unwrap();
        let say = async |message: Message| {
            for frame in message.frames(MTU) {
                device.write(&rx, &frame, WriteType::WithResponse).await.unwrap();
            }
        };
        let mut assembler = Assembler::default();
        let mut hear = async || loop {
            if let Some(message) = assembler.take(&next(&mut heard).await.value) {
                return message;
            }
        };
        say(Message::new(frames::HELLO, 1, &[&[1], &[9; 16][..]].concat())).await;
        let hello = hear().await;
        assert_eq!((hello.kind, hello.body.len()), (frames::HELLO, 49));
        let second = peripheral::prove("the key", &[b"farhook gateway", &hello.body[1..17], &[9; 16]]);
        say(Message::new(frames::HELLO, 2, &[&[1], second.as_slice()].concat())).await;
        let published = hear().await;
        say(Message::new(frames::RESPONSE, 3, &[b"\x01a", published.body.as_slice()].concat())).await;
        say(Message::new(frames::ACK, published.id, &[])).await;
        assert_eq!(hear().await, Message::new(frames::ACK, 3, &[]));
        device.disconnect().await.unwrap();
    });
    firmware.taken_up("the key").await;
    let body = "x".repeat(600);
    let id = firmware.publish(&body);
    // What comes before it is kept for whoever asks for it.
    firmware.acked(id).await;
    assert_eq!(firmware.response().await, ("a".to_owned(), body));
    firmware.until(&Happened::Disconnected).await;
    gateway.await.unwrap();
}

/// A device that btleplug has found.
struct Stage {
    bluez: Bluez,
    firmware: Peripheral,
    device: platform::Peripheral,
    /// Its session lives as long as somebody holds it.
    _adapter: platform::Adapter,
}

impl Stage {
    async fn set() -> Self {
        let bluez = Bluez::start(&std::env::var(BUS).unwrap());
        bluez.when(|service| service.plug("hci0", ADAPTER));
        let mut firmware = Peripheral::framed(ADDRESS, MTU);
        firmware.come(&bluez);
        let adapter = Manager::new().await.unwrap().adapters().await.unwrap().remove(0);
        adapter.start_scan(ScanFilter::default()).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        let device = loop {
            if let Some(device) = adapter.peripherals().await.unwrap().pop() {
                break device;
            }
            assert!(Instant::now() < deadline, "the device is never found");
        };
        let told = device.properties().await.unwrap().unwrap();
        assert_eq!((told.address.to_string().as_str(), told.services.len()), (ADDRESS, 1));
        Self { bluez, firmware, device, _adapter: adapter }
    }
}

fn find(device: &platform::Peripheral, uuid: &str) -> Characteristic {
    device.characteristics().into_iter().find(|it| it.uuid.to_string().starts_with(uuid)).unwrap()
}

type Heard = Pin<Box<dyn Stream<Item = ValueNotification> + Send>>;

async fn next(heard: &mut Heard) -> ValueNotification {
    timeout(PATIENCE, heard.next()).await.expect("it is heard in time").unwrap()
}

/// Runs `what`, or has another process run this test alone with a bus of its own.
fn in_a_process_of_its_own<F: Future<Output = ()>>(test: &str, what: fn() -> F) {
    if std::env::var_os(IN_IT).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async { timeout(Duration::from_secs(20) + PATIENCE, what()).await.expect("it ends") });
        return;
    }
    if scene::is_missing() {
        return;
    }
    let bus = Bus::start();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env(IN_IT, "1").env(BUS, bus.address());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Set in the other process.
const IN_IT: &str = "FARHOOK_TEST_PLAYED";
