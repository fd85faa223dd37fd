//! What was acknowledged survives a SIGKILL, whenever it comes.

use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::gateway::Setup;
use crate::publishers;
use crate::publishers::Publishers;
use crate::receiver::Answer;
use crate::receiver::Receiver;

const KILLS: usize = 50;
const DEVICES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_is_delivered_although_the_daemon_is_killed_fifty_times() {
    let seed = std::env::var("FARHOOK_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("FARHOOK_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut gateway = Setup::new().without_limits().start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    gateway.hook(&publishers::hook(&receiver)).await;
    let publishers = Publishers::start(&gateway, DEVICES).await;

    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(chance.random_range(1..200))).await;
        gateway.kill().await;
        // Sometimes again, while it takes up what it had; and sometimes it is stopped as it should be.
        if kill % 5 == 0 {
            gateway.start_and_kill(Duration::from_millis(chance.random_range(0..150))).await;
        }
        if kill % 10 == 5 {
            gateway.start_again().await;
            gateway.stop().await;
        }
        gateway.start_again().await;
    }
    let account = publishers.end().await;

    let acknowledged = account.acknowledged();
    assert!(acknowledged > KILLS * DEVICES, "{acknowledged} events are no load");
    let requests = account.assert_all_arrive(&gateway, &mut receiver).await;
    eprintln!("{acknowledged} events, {KILLS} kills, {requests} requests");
}
