//! Buttons, remotes and dimmers of `MiBeacon`.

use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;

/// Remotes say in one byte which button it was. The names in the order of these numbers.
/// Source of all tables here: xiaomi-ble 1.21, read 2026-11.
const REMOTE: [&str; 6] = ["on", "off", "brightness", "plus", "M", "min"];
const FAN_REMOTE: [&str; 6] = ["fan", "light", "wind_speed", "color_temperature", "wind_mode", "brightness"];
const VENTILATOR_REMOTE: [&str; 6] =
    ["swing", "power", "timer_60_minutes", "increase_wind_speed", "timer_30_minutes", "decrease_wind_speed"];
const BATHROOM_REMOTE: [&str; 9] =
    ["stop", "air_exchange", "fan", "increase_speed", "decrease_speed", "dry", "light", "swing", "heat"];
/// Several buttons of a switch can be pressed at once.
const TWO_BUTTONS: [&[&str]; 3] = [&["left"], &["right"], &["left", "right"]];
const THREE_BUTTONS: [&[&str]; 7] = [
    &["left"],
    &["middle"],
    &["right"],
    &["left", "middle"],
    &["middle", "right"],
    &["left", "right"],
    &["left", "middle", "right"],
];
const FOUR_BUTTONS: [&str; 4] = ["left", "mid_left", "mid_right", "right"];

/// Whether an object with this id says all without any bytes.
pub(super) fn may_be_empty(id: u16) -> bool {
    matches!(id, 0x4a0c..=0x4a0e | 0x4e0c..=0x4e0e | 0x560c..=0x560e)
}

/// The object that Xiaomi has written down: which button, a value, how it was pressed.
pub(super) fn press(data: Bytes<'_>, model: &str, draft: &mut Draft) -> Option<()> {
    let [button, value, kind] = data.array(0)?;
    let at = usize::from(button);
    let how = how(button, kind);
    match model {
        "RTCGQ02LM" | "YLAI003" | "JTYJGD03MI" | "SJWS01LM" => pressed(Part::Whole, how?, draft),
        "XMMF01JQD" => match button {
            0 => draft.text(P::Cube, "rotate_right"),
            1 => draft.text(P::Cube, "rotate_left"),
            _ => {}
        },
        "YLYK01YL" => {
            if button <= 1 {
                draft.flag(P::Powered, button == 0);
            }
            pressed(Part::Named(REMOTE.get(at)?), how?, draft);
        }
        "YLYK01YL-FANCL" => pressed(Part::Named(FAN_REMOTE.get(at)?), how?, draft),
        "YLYK01YL-VENFAN" => pressed(Part::Named(VENTILATOR_REMOTE.get(at)?), how?, draft),
        "YLYB01YL-BHFRC" => pressed(Part::Named(BATHROOM_REMOTE.get(at)?), how?, draft),
        "YLKG07YL/YLKG08YL" => dimmer(button, value, kind, draft),
        "K9B-1BTN" if button == 0 => pressed(Part::Whole, how_of_a_switch(kind)?, draft),
        "K9B-2BTN" => pressed_at_once(TWO_BUTTONS.get(at)?, how_of_a_switch(kind)?, draft),
        "K9B-3BTN" => pressed_at_once(THREE_BUTTONS.get(at)?, how_of_a_switch(kind)?, draft),
        _ => return None,
    }
    Some(())
}

/// Objects that only some products have: the id says how a button was pressed, the bytes which one.
pub(super) fn of_a_product(id: u16, data: Bytes<'_>, model: &str, draft: &mut Draft) -> Option<()> {
    let how = match id & 0xff {
        0x0c => "press",
        0x0d => "double_press",
        0x0e => "long_press",
        _ => return None,
    };
    match (id >> 8, model) {
        (0x4a, "XMWS01XS") => match data.u8(0)? {
            0 => pressed(Part::Named("left"), how, draft),
            1 => pressed(Part::Named("right"), how, draft),
            _ => return None,
        },
        (0x4a, _) | (0x4e, "XMWXKG01LM") | (0x56, "KS2BB" | "AFWXKG220000") => pressed(Part::Whole, how, draft),
        (0x4e, "XMWXKG01YL") => {
            let at = usize::from(data.u8(0)?.checked_sub(1)?);
            pressed_at_once(TWO_BUTTONS.get(at)?, how, draft);
        }
        (0x4e, "K9BB-1BTN") if id == 0x4e0c => match data.u8(0)? {
            1 => pressed(Part::Whole, "press", draft),
            8 => pressed(Part::Whole, "long_press", draft),
            15 => pressed(Part::Whole, "double_press", draft),
            _ => return None,
        },
        (0x56, "KS1" | "KS1BP") => {
            let button = data.u8(0)?.checked_sub(1).and_then(|at| FOUR_BUTTONS.get(usize::from(at)));
            match button {
                Some(button) => pressed(Part::Named(button), how, draft),
                None if id == 0x560c => pressed(Part::Whole, how, draft),
                None => return None,
            }
        }
        _ => return None,
    }
    Some(())
}

fn pressed(part: Part, how: &'static str, draft: &mut Draft) {
    draft.text((P::Button, part), how);
}

fn pressed_at_once(parts: &[&'static str], how: &'static str, draft: &mut Draft) {
    for part in parts {
        pressed(Part::Named(part), how, draft);
    }
}

/// How a button was pressed. None is a way that is not known.
fn how(button: u8, kind: u8) -> Option<&'static str> {
    Some(match (kind, button) {
        (0 | 5, _) | (3, 0) => "press",
        (1, _) => "double_press",
        (2 | 6, _) | (3, 1) => "long_press",
        _ => return None,
    })
}

/// Switches have two of the numbers the other way round.
fn how_of_a_switch(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "press",
        1 => "long_press",
        2 => "double_press",
        _ => return None,
    })
}

/// A dimmer is pressed, turned, or turned while it is pressed. Numbers above 127 are steps to the left.
fn dimmer(button: u8, value: u8, kind: u8, draft: &mut Draft) {
    let steps = |code: u8| if code <= 127 { code } else { code.wrapping_neg() };
    let (how, number) = match (kind, button) {
        (3, 0) => ("press", Some((P::DimmerPresses, value))),
        (3, 1) => ("long_press", Some((P::DimmerDuration, value))),
        (4, 0) if value <= 127 => ("rotate_right", Some((P::DimmerSteps, value))),
        (4, 0) => ("rotate_left", Some((P::DimmerSteps, steps(value)))),
        (4, 1..=127) => ("rotate_right_pressed", Some((P::DimmerSteps, button))),
        (4, _) => ("rotate_left_pressed", Some((P::DimmerSteps, steps(button)))),
        (0 | 5, _) => ("press", None),
        (1, _) => ("double_press", None),
        (2 | 6, _) => ("long_press", None),
        _ => return,
    };
    draft.text(P::Dimmer, how);
    if let Some((property, number)) = number {
        draft.whole(property, number);
    }
}
