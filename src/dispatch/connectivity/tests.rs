//! Every edge of the drawing, and what holds on all ways through it.

use proptest::prelude::*;

use super::*;

const WEB: &str = "example.com";
const NEXT_DOOR: &str = "192.168.1.10";
const OUT: Routes = Routes { has_default: true, changes: 0 };
const CUT: Routes = Routes { has_default: false, changes: 1 };
const BACK: Routes = Routes { has_default: true, changes: 2 };

fn refused() -> NoAnswer {
    NoAnswer::Connect("connection refused".to_owned())
}

fn portal() -> NoAnswer {
    NoAnswer::Captive(CaptiveSign::LoginRequired)
}

/// Nothing is known yet.
fn new() -> Connectivity {
    Connectivity::new(OUT, 0)
}

/// A target answered at 10.
fn online() -> Connectivity {
    let mut line = new();
    line.answered(WEB, true, 10);
    line
}

/// A target fell silent at 20, and nobody answered since.
fn offline() -> Connectivity {
    let mut line = online();
    line.silent(WEB, &refused(), 20, 20);
    line
}

fn captive() -> Connectivity {
    let mut line = online();
    line.silent(WEB, &portal(), 20, 20);
    line
}

fn redirect() -> Answer {
    Answer { status: 302, foreign_redirect: Some("login.hotel.example".to_owned()), ..Answer::default() }
}

fn reason(line: &mut Connectivity) -> String {
    line.take_turn().unwrap().reason
}

#[test]
fn before_anybody_was_asked_nothing_is_known() {
    let mut line = new();
    assert_eq!((line.state(), line.since_ms(), line.take_turn()), (LineState::Unknown, 0, None));
}

#[test]
fn without_a_default_route_it_begins_offline() {
    let mut line = Connectivity::new(CUT, 5);
    assert_eq!((line.state(), line.since_ms()), (LineState::Offline, 5));
    assert_eq!(reason(&mut line), "there is no default route");
}

#[test]
fn an_answer_leads_online_from_everywhere() {
    for (mut line, since_ms) in [(new(), 30), (online(), 10), (offline(), 30), (captive(), 30)] {
        line.answered(WEB, false, 30);
        assert_eq!((line.state(), line.since_ms()), (LineState::Online, since_ms));
        assert_eq!(reason(&mut line), "example.com answers");
    }
    let mut cut = new();
    cut.routes(CUT, 20);
    cut.answered(WEB, false, 30);
    assert_eq!(cut.state(), LineState::Online, "a packet that comes back knows better than a table");
}

#[test]
fn a_silence_that_no_answer_follows_is_that_of_the_line() {
    for mut line in [new(), online()] {
        line.silent(WEB, &refused(), 20, 20);
        assert_eq!((line.state(), line.since_ms()), (LineState::Offline, 20));
        assert_eq!(reason(&mut line), "example.com does not answer (no connection: connection refused)");
    }
}

#[test]
fn a_silence_while_others_answer_is_the_targets_own() {
    let mut line = online();
    line.silent("a.example", &refused(), 20, 20);
    line.answered("b.example", false, 30);
    line.take_turn();
    line.silent("a.example", &refused(), 20, 40);
    line.silent("a.example", &portal(), 20, 50);
    assert_eq!((line.state(), line.take_turn()), (LineState::Online, None));
    line.silent("b.example", &refused(), 60, 60);
    assert_eq!(line.state(), LineState::Offline, "now nobody answers");
}

#[test]
fn a_sign_of_a_captive_portal_is_captive_until_somebody_answers() {
    for mut line in [new(), online(), offline()] {
        line.silent(WEB, &portal(), 30, 30);
        assert_eq!((line.state(), line.since_ms()), (LineState::Captive, 30));
        assert_eq!(reason(&mut line), "example.com: the network wants a login first (status 511)");
        line.silent("other.example", &refused(), 40, 40);
        assert_eq!(line.state(), LineState::Captive, "a portal lets others fall silent");
        line.answered(WEB, true, 50);
        assert_eq!(line.state(), LineState::Online);
    }
}

#[test]
fn without_a_default_route_it_is_offline_whatever_was_before() {
    for mut line in [new(), online(), offline(), captive()] {
        assert!(!line.routes(CUT, 30), "over no way nobody is asked at once");
        assert_eq!(line.state(), LineState::Offline);
        line.silent(WEB, &portal(), 40, 40);
        assert_eq!(line.state(), LineState::Offline);
    }
}

#[test]
fn another_default_route_forgives_silences_and_makes_the_line_unknown() {
    for mut line in [new(), offline(), captive()] {
        assert!(line.routes(BACK, 30));
        assert_eq!(line.state(), LineState::Unknown);
        assert!(!line.routes(BACK, 40), "it is the same");
    }
    let mut gone = online();
    gone.routes(CUT, 30);
    gone.take_turn();
    assert!(gone.routes(BACK, 40));
    assert_eq!((gone.state(), gone.since_ms()), (LineState::Unknown, 40));
    assert_eq!(reason(&mut gone), "there is another default route");
}

#[test]
fn another_default_route_while_online_stays_online_until_somebody_is_silent() {
    let mut line = online();
    assert!(line.routes(BACK, 30));
    assert_eq!(line.state(), LineState::Online);
    line.silent(WEB, &refused(), 40, 40);
    assert_eq!(line.state(), LineState::Offline);
}

#[test]
fn targets_in_the_house_say_nothing_about_the_internet() {
    let mut line = offline();
    line.answered(NEXT_DOOR, false, 30);
    assert_eq!(line.state(), LineState::Offline);
    let mut line = online();
    line.silent(NEXT_DOOR, &refused(), 30, 30);
    assert_eq!(line.state(), LineState::Online);
    assert_eq!(line.doubts(NEXT_DOOR, &redirect(), u64::MAX), None);
}

#[test]
fn where_nobody_on_the_internet_was_asked_the_house_is_the_line() {
    let mut line = new();
    line.answered(NEXT_DOOR, false, 10);
    assert_eq!(line.state(), LineState::Online);
    line.silent(NEXT_DOOR, &refused(), 20, 20);
    assert_eq!(line.state(), LineState::Offline);
    line.answered(WEB, false, 30);
    line.silent(NEXT_DOOR, &refused(), 40, 40);
    assert_eq!(line.state(), LineState::Online, "now somebody knows better");
    let mut line = Connectivity::new(CUT, 0);
    line.answered(NEXT_DOOR, false, 10);
    assert_eq!(line.state(), LineState::Offline, "without a way out there is no internet");
}

#[test]
fn without_a_clock_nobody_was_asked_so_nobody_was_silent() {
    let mut line = new();
    line.silent(WEB, &NoAnswer::NoClock, 20, 20);
    assert_eq!(line.state(), LineState::Unknown);
}

#[test]
fn the_end_of_an_answer_from_before_the_silence_is_no_news() {
    let mut line = offline();
    line.answered(WEB, true, 15);
    assert_eq!(line.state(), LineState::Offline);
    assert_eq!(line.probe_most(Reach::Internet, &refused(), 20), PROBE_MOST);
}

#[test]
fn while_all_are_silent_each_is_asked_each_second_and_one_that_is_alone_ever_less_often() {
    let mut line = offline();
    assert_eq!(line.probe_most(Reach::Internet, &refused(), 20), PROBE_MOST);
    assert_eq!(line.probe_most(Reach::House, &refused(), 20), PROBE_MOST);
    line.answered(NEXT_DOOR, false, 25);
    assert_eq!(line.probe_most(Reach::Internet, &refused(), 20), PROBE_MOST, "the house is another line");
    assert_eq!(line.probe_most(Reach::House, &refused(), 20), HOST_MOST);
    line.answered(WEB, false, 30);
    assert_eq!(line.probe_most(Reach::Internet, &refused(), 20), HOST_MOST);
    assert_eq!(line.probe_most(Reach::Internet, &refused(), 40), PROBE_MOST, "silent since after the answer");
    assert_eq!(line.probe_most(Reach::Internet, &NoAnswer::NoClock, 20), PROBE_MOST, "to look at a clock is cheap");
}

#[test]
fn each_fourth_probe_has_the_patience_of_an_attempt_and_the_others_little() {
    let mut line = offline();
    let patient: Vec<bool> =
        (1..=8).map(|silences| line.patience(Reach::Internet, 20, silences) == Patience::default()).collect();
    assert_eq!(patient, [false, false, true, false, false, false, true, false]);
    assert!(PROBE_CONNECT < Patience::default().connect);
    line.answered(WEB, false, 30);
    assert_eq!(line.patience(Reach::Internet, 20, 1), Patience::default(), "it is asked rarely enough");
}

#[test]
fn a_plain_redirect_to_another_host_is_doubted_until_somebody_proves_who_it_is() {
    let doubt = Some(NoAnswer::Captive(CaptiveSign::Redirect { to: "login.hotel.example".to_owned() }));
    let mut line = new();
    line.answered(WEB, false, 10);
    assert_eq!(line.doubts(WEB, &redirect(), 20), doubt, "what is not verified proves nothing");
    line.answered(WEB, true, 30);
    assert_eq!(line.doubts(WEB, &redirect(), 1 << 40), None, "the way is the same");
    assert_eq!(line.doubts(WEB, &Answer { status: 200, ..Answer::default() }, 0), None);
}

#[test]
fn a_proof_outlives_a_change_of_the_route_by_five_minutes_and_a_silence_not_at_all() {
    let mut line = online();
    line.routes(BACK, 30);
    assert_eq!(line.doubts(WEB, &redirect(), 10 + PROOF_MS), None);
    assert!(line.doubts(WEB, &redirect(), 11 + PROOF_MS).is_some());
    line.answered(WEB, true, 40);
    assert_eq!(line.doubts(WEB, &redirect(), 1 << 40), None);
    for mut line in [offline(), captive()] {
        assert!(line.doubts(WEB, &redirect(), 30).is_some());
        line.answered(WEB, false, 30);
        assert!(line.doubts(WEB, &redirect(), 40).is_some());
    }
    let mut line = online();
    line.routes(CUT, 30);
    line.routes(BACK, 40);
    assert!(line.doubts(WEB, &redirect(), 50).is_some(), "without a way out nobody knows where the next one leads");
}

#[derive(Debug, Clone)]
enum Step {
    Answered { is_verified: bool, is_late: bool },
    Silent { is_portal: bool },
    Cut,
    Back,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<(bool, bool)>().prop_map(|(is_verified, is_late)| Step::Answered { is_verified, is_late }),
        any::<bool>().prop_map(|is_portal| Step::Silent { is_portal }),
        Just(Step::Cut),
        Just(Step::Back),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn after_a_silence_it_is_not_online_before_somebody_answers(steps in steps()) {
        let mut line = new();
        let (mut now_ms, mut is_silent) = (100, false);
        for step in steps {
            now_ms += 10;
            let before = line.state();
            match step {
                // A late one began to come before the silence.
                Step::Answered { is_verified, is_late } => {
                    line.answered(WEB, is_verified, if is_late { 50 } else { now_ms });
                    is_silent &= is_late;
                }
                Step::Silent { is_portal } => {
                    line.silent(WEB, &if is_portal { portal() } else { refused() }, now_ms, now_ms);
                    is_silent = true;
                }
                Step::Cut => {
                    line.routes(Routes { has_default: false, changes: now_ms }, now_ms);
                }
                Step::Back => {
                    line.routes(Routes { has_default: true, changes: now_ms }, now_ms);
                    // What was silent over the old way may be asked anew, and nobody knows yet.
                    is_silent &= line.state() != LineState::Unknown;
                }
            }
            prop_assert!(!is_silent || line.state() != LineState::Online);
            prop_assert_eq!(line.take_turn().is_some(), line.state() != before, "each change is told once");
        }
    }
}
