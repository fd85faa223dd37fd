use super::*;

const ADDRESS: Address = Address::from_bytes([0xb8, 0x27, 0xeb, 1, 2, 3]);

/// A supervisor with a clock and an air that the test moves.
struct Bench {
    supervisor: Supervisor,
    pulse: Pulse,
    now_ms: u64,
}

impl Bench {
    fn new() -> Self {
        Self { supervisor: Supervisor::new(false), pulse: Pulse::default(), now_ms: 1_000_000 }
    }

    fn with_power() -> Self {
        Self { supervisor: Supervisor::new(true), ..Self::new() }
    }

    /// One that scans.
    fn scanning(mut self) -> Self {
        self.see(Seen::Begun);
        self.see(Seen::Connected);
        self.see(Seen::Found(on()));
        self.see(Seen::Scans(Scan::Began));
        assert_eq!(self.state(), BleState::Scanning);
        self
    }

    fn see(&mut self, seen: Seen) -> Action {
        self.supervisor.decide(seen, &self.pulse, self.now_ms)
    }

    /// A failure that is waited after: how many seconds.
    fn fail(&mut self, fault: Fault) -> u64 {
        let action = self.see(Seen::Failed(fault));
        self.seconds(action)
    }

    fn seconds(&self, action: Action) -> u64 {
        let Action::WaitUntil(until_ms) = action else { panic!("{action:?} is no wait") };
        (until_ms - self.now_ms) / 1_000
    }

    fn pass(&mut self, seconds: u64) -> Action {
        self.now_ms += seconds * 1_000;
        self.see(Seen::Time)
    }

    fn state(&self) -> BleState {
        self.supervisor.state()
    }

    fn hear(&mut self, adverts: u64) {
        (0..adverts).for_each(|_| self.pulse.beat(self.now_ms));
    }
}

fn on() -> Adapter {
    Adapter { address: ADDRESS, power: Power::On, is_scanning: true }
}

fn off() -> Adapter {
    Adapter { power: Power::Off, is_scanning: false, ..on() }
}

fn refused() -> Fault {
    Fault::Refused("no".to_owned())
}

#[test]
fn from_nothing_to_a_scan() {
    let mut bench = Bench::new();
    assert_eq!(bench.see(Seen::Begun), Action::Connect);
    assert_eq!(bench.see(Seen::Connected), Action::Look);
    assert_eq!(bench.see(Seen::Found(on())), Action::StartScan);
    let action = bench.see(Seen::Scans(Scan::Began));
    assert_eq!((bench.state(), bench.seconds(action)), (BleState::Scanning, 15));
    assert_eq!(bench.supervisor.adapter(), Some(ADDRESS));
}

#[test]
fn each_failure_is_a_state_and_is_tried_again() {
    for (fault, state, pause_s, then) in [
        (Fault::NoBus("x".to_owned()), BleState::NoBus, 5, Action::Connect),
        (Fault::NoService, BleState::NoBluetoothd, 5, Action::Look),
        (Fault::NotAllowed("x".to_owned()), BleState::NotAllowed, 5, Action::Look),
        (Fault::NoAdapter, BleState::NoAdapter, 5, Action::Look),
        (Fault::Off, BleState::Off, 15, Action::Look),
        (Fault::Blocked, BleState::Blocked, 15, Action::Look),
        (refused(), BleState::Refused, 5, Action::Look),
    ] {
        let mut bench = Bench::new();
        bench.see(Seen::Begun);
        bench.see(Seen::Connected);
        assert_eq!(bench.fail(fault), pause_s, "{state:?}");
        assert_eq!(bench.state(), state);
        assert_eq!(bench.pass(pause_s), then, "{state:?}");
    }
}

#[test]
fn what_fails_for_long_is_tried_less_often() {
    let mut bench = Bench::new();
    let pauses: Vec<u64> = (0..7).map(|_| bench.fail(Fault::NoBus(String::new()))).collect();
    assert_eq!(pauses, [5, 10, 20, 40, 60, 60, 60]);
    // Whatever else happens, it begins from the beginning.
    assert_eq!(bench.fail(Fault::NoService), 5);
    assert_eq!(bench.fail(Fault::NoBus(String::new())), 5);
    for _ in 0..100 {
        assert!(bench.fail(Fault::NoBus(String::new())) <= 60);
    }
}

#[test]
fn an_adapter_that_was_there_is_unplugged_and_comes_back() {
    let mut bench = Bench::new().scanning();
    bench.now_ms += 10_000;
    assert_eq!(bench.see(Seen::Changed), Action::Look);
    assert_eq!(bench.fail(Fault::NoAdapter), 5);
    assert_eq!(bench.state(), BleState::Unplugged);
    bench.now_ms += 10_000;
    assert_eq!(bench.see(Seen::Changed), Action::Look);
    assert_eq!(bench.see(Seen::Found(Adapter { is_scanning: false, ..on() })), Action::StartScan);
    bench.see(Seen::Scans(Scan::Began));
    assert_eq!((bench.state(), bench.supervisor.scans_lost()), (BleState::Scanning, 0));
}

#[test]
fn an_adapter_that_is_gone_in_the_middle_of_a_request_is_unplugged() {
    let mut bench = Bench::new().scanning();
    assert_eq!(bench.pass(15), Action::StartScan);
    assert_eq!(bench.fail(Fault::Gone), 5);
    assert_eq!(bench.state(), BleState::Unplugged);
}

#[test]
fn a_scan_is_asked_about_and_one_that_was_lost_unnoticed_is_counted() {
    let mut bench = Bench::new().scanning();
    assert_eq!(bench.pass(15), Action::StartScan);
    bench.see(Seen::Scans(Scan::WentOn));
    assert_eq!(bench.supervisor.scans_lost(), 0);
    bench.pass(15);
    bench.see(Seen::Scans(Scan::Began));
    assert_eq!((bench.state(), bench.supervisor.scans_lost()), (BleState::Scanning, 1));
}

#[test]
fn a_scan_that_is_seen_to_end_is_lost_until_it_is_begun_anew() {
    let mut bench = Bench::new().scanning();
    let lost = Adapter { is_scanning: false, ..on() };
    bench.now_ms += 1_000;
    assert_eq!(bench.see(Seen::Changed), Action::Look);
    assert_eq!(bench.see(Seen::Found(lost)), Action::StartScan);
    assert_eq!((bench.state(), bench.supervisor.scans_lost()), (BleState::ScanLost, 1));
    // A refusal is told beside it.
    assert_eq!(bench.fail(refused()), 5);
    assert_eq!((bench.state(), bench.supervisor.reason()), (BleState::ScanLost, Some("no")));
    // What is left of it is ended, in vain or not, and it is begun.
    assert_eq!(bench.pass(5), Action::StopScan);
    assert_eq!(bench.see(Seen::Failed(refused())), Action::StartScan);
    assert_eq!(bench.fail(refused()), 5);
    assert_eq!(bench.pass(5), Action::StopScan);
    assert_eq!(bench.see(Seen::Stopped), Action::StartScan);
    bench.see(Seen::Scans(Scan::Began));
    assert_eq!((bench.state(), bench.supervisor.scans_lost()), (BleState::Scanning, 1));
    assert_eq!(bench.supervisor.reason(), None);
}

#[test]
fn a_lost_scan_that_is_on_again_by_itself_is_not_disturbed() {
    let mut bench = Bench::new().scanning();
    bench.now_ms += 1_000;
    assert_eq!(bench.see(Seen::Changed), Action::Look);
    assert_eq!(bench.see(Seen::Found(Adapter { is_scanning: false, ..on() })), Action::StartScan);
    let action = bench.see(Seen::Scans(Scan::WentOn));
    assert_eq!((bench.state(), bench.seconds(action)), (BleState::Scanning, 15));
}

#[test]
fn the_power_is_left_alone_unless_it_may_be_switched() {
    let mut bench = Bench::new();
    bench.see(Seen::Connected);
    let action = bench.see(Seen::Found(off()));
    assert_eq!((bench.state(), bench.seconds(action)), (BleState::Off, 15));

    let mut bench = Bench::with_power();
    bench.see(Seen::Connected);
    assert_eq!(bench.see(Seen::Found(off())), Action::Power(true));
    assert_eq!(bench.see(Seen::Powered(true)), Action::StartScan);
}

#[test]
fn what_is_blocked_stays_so_while_it_is_tried_less_and_less_often() {
    let mut bench = Bench::with_power();
    bench.see(Seen::Connected);
    let mut tries = Vec::new();
    for second in 0..120 {
        if second % 5 == 0 && bench.see(Seen::Found(off())) == Action::Power(true) {
            tries.push(second);
            bench.fail(Fault::Blocked);
        }
        assert_eq!(bench.state(), BleState::Blocked, "after {second} s");
        bench.now_ms += 1_000;
    }
    assert_eq!(tries, [0, 5, 15, 35, 75]);
}

#[test]
fn a_lively_air_that_falls_silent_is_scanned_anew_and_then_switched() {
    for manages_power in [false, true] {
        let bench = if manages_power { Bench::with_power() } else { Bench::new() };
        let mut bench = bench.scanning();
        bench.hear(6);
        let began_ms = bench.now_ms;
        let mut restarts = Vec::new();
        let mut cycles = Vec::new();
        for _ in 0..200 {
            let silent_s = (bench.now_ms - began_ms) / 1_000;
            if bench.pass(5) == Action::StopScan {
                restarts.push(silent_s + 5);
                assert_eq!(bench.state(), BleState::Stalled);
                let mut action = bench.see(Seen::Stopped);
                if action == Action::Power(false) {
                    cycles.push(silent_s + 5);
                    assert_eq!(bench.see(Seen::Powered(false)), Action::Power(true));
                    action = bench.see(Seen::Powered(true));
                }
                assert_eq!(action, Action::StartScan);
                bench.see(Seen::Scans(Scan::Began));
            } else {
                bench.see(Seen::Scans(Scan::WentOn));
            }
        }
        assert_eq!(restarts, [90, 180, 300, 600, 900]);
        assert_eq!(cycles, if manages_power { vec![180] } else { vec![] });
        assert_eq!((bench.supervisor.restarts(), bench.supervisor.scans_lost()), (5, 0));
        assert_eq!(bench.state(), BleState::Stalled);

        bench.hear(1);
        assert_eq!(bench.pass(5), Action::StartScan);
        assert_eq!(bench.state(), BleState::Scanning);
    }
}

#[test]
fn an_air_that_was_never_lively_may_be_silent() {
    let mut bench = Bench::new().scanning();
    bench.hear(5);
    for _ in 0..100 {
        assert_eq!(bench.pass(15), Action::StartScan);
        bench.see(Seen::Scans(Scan::WentOn));
    }
    assert_eq!(bench.state(), BleState::Scanning);
}

#[test]
fn silence_is_counted_from_the_scan_on() {
    let mut bench = Bench::new();
    bench.hear(10);
    bench.now_ms += 3_600_000;
    let mut bench = bench.scanning();
    assert_eq!(bench.pass(15), Action::StartScan);
}

#[test]
fn many_changes_at_once_are_looked_at_once() {
    let mut bench = Bench::new().scanning();
    bench.now_ms += 1_000;
    assert_eq!(bench.see(Seen::Changed), Action::Look);
    bench.see(Seen::Found(on()));
    bench.see(Seen::Scans(Scan::WentOn));
    assert_eq!(bench.see(Seen::Changed), Action::WaitUntil(bench.now_ms + 250));
    bench.now_ms += 100;
    assert_eq!(bench.see(Seen::Changed), Action::WaitUntil(bench.now_ms + 150));
    bench.now_ms += 150;
    assert_eq!(bench.see(Seen::Time), Action::Look);
}

#[test]
fn without_a_bus_it_is_connected_first() {
    let mut bench = Bench::new().scanning();
    bench.now_ms += 1_000;
    assert_eq!(bench.see(Seen::Changed), Action::Look);
    bench.fail(Fault::NoBus("gone".to_owned()));
    assert_eq!((bench.state(), bench.supervisor.reason()), (BleState::NoBus, Some("gone")));
    assert_eq!(bench.pass(5), Action::Connect);
    assert_eq!(bench.see(Seen::Connected), Action::Look);
}
