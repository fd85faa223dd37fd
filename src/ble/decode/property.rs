//! Everything that a decoded value can be about: its name, its unit, its decimals.
//!
//! Names and units are those of `BTHome` where it has the property, also for the other formats; spaces and the dot of
//! `pm2.5` become underscores, for templates read a dot as a path. Where `BTHome` gives one name two units, the one that
//! is not an SI unit or is a fraction of the other has its unit in the name. Its binary `battery` is `battery_low` here,
//! so that `battery` is always a percentage; `gas`, `moisture` and `power` are numbers or truths, as there.
//! Source: <https://bthome.io/format/>, read 2026-11. What `BTHome` does not have follows below what it has.

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something measured, or said about the device: the latest one counts.
    Measurement,
    /// Something that is or is not: a change of it is an event.
    State,
    /// Something that happened.
    Event,
}

macro_rules! properties {
    ($($kind:ident $variant:ident $name:literal $unit:literal $decimals:literal;)*) => {
        /// What a value is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Property {
            $(#[doc = concat!("`", $name, "`, in ", $unit, " with ", $decimals, " decimals")] $variant,)*
        }

        impl Property {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            const fn row(self) -> (Kind, &'static str, &'static str, u8) {
                match self {
                    $(Self::$variant => (Kind::$kind, $name, $unit, $decimals),)*
                }
            }
        }
    };
}

properties! {
    // BTHome: sensors.
    Measurement Acceleration "acceleration" "m/s²" 3;
    Measurement Battery "battery" "%" 0;
    Measurement Channel "channel" "" 0;
    Measurement Co2 "co2" "ppm" 0;
    Measurement Conductivity "conductivity" "µS/cm" 0;
    Measurement Count "count" "" 0;
    Measurement Current "current" "A" 3;
    Measurement Dewpoint "dewpoint" "°C" 2;
    Measurement Direction "direction" "°" 2;
    Measurement Distance "distance" "m" 1;
    Measurement DistanceMm "distance_mm" "mm" 0;
    Measurement Duration "duration" "s" 3;
    Measurement Energy "energy" "kWh" 3;
    Measurement Gas "gas" "m³" 3;
    Measurement Gyroscope "gyroscope" "°/s" 3;
    Measurement Humidity "humidity" "%" 2;
    Measurement Illuminance "illuminance" "lx" 2;
    Measurement LightLevel "light_level" "" 0;
    Measurement Mass "mass" "kg" 2;
    Measurement MassLb "mass_lb" "lb" 2;
    Measurement Moisture "moisture" "%" 2;
    Measurement Pm25 "pm2_5" "µg/m³" 0;
    Measurement Pm10 "pm10" "µg/m³" 0;
    Measurement Power "power" "W" 2;
    Measurement Precipitation "precipitation" "mm" 1;
    Measurement Pressure "pressure" "hPa" 2;
    Measurement Raw "raw" "" 0;
    Measurement Rotation "rotation" "°" 1;
    Measurement RotationalSpeed "rotational_speed" "rpm" 0;
    Measurement SettingsRevision "settings_revision" "" 0;
    Measurement Speed "speed" "m/s" 2;
    Measurement Temperature "temperature" "°C" 2;
    Measurement Text "text" "" 0;
    Measurement Timestamp "timestamp" "s" 0;
    Measurement Tvoc "tvoc" "µg/m³" 0;
    Measurement UvIndex "uv_index" "" 1;
    Measurement Voltage "voltage" "V" 3;
    Measurement Volume "volume" "L" 3;
    Measurement VolumeFlowRate "volume_flow_rate" "m³/h" 3;
    Measurement VolumeMl "volume_ml" "mL" 0;
    Measurement VolumeStorage "volume_storage" "L" 3;
    Measurement Water "water" "L" 3;
    // BTHome: binary sensors.
    State BatteryCharging "battery_charging" "" 0;
    State BatteryLow "battery_low" "" 0;
    State CarbonMonoxide "carbon_monoxide" "" 0;
    State Cold "cold" "" 0;
    State Connectivity "connectivity" "" 0;
    State Door "door" "" 0;
    State GarageDoor "garage_door" "" 0;
    State GasFound "gas" "" 0;
    State GenericBoolean "generic_boolean" "" 0;
    State Heat "heat" "" 0;
    State Light "light" "" 0;
    State Lock "lock" "" 0;
    State Wet "moisture" "" 0;
    State Motion "motion" "" 0;
    State Moving "moving" "" 0;
    State Occupancy "occupancy" "" 0;
    State Opening "opening" "" 0;
    State Plug "plug" "" 0;
    State Powered "power" "" 0;
    State Presence "presence" "" 0;
    State Problem "problem" "" 0;
    State Running "running" "" 0;
    State Safety "safety" "" 0;
    State Smoke "smoke" "" 0;
    State Sound "sound" "" 0;
    State Tamper "tamper" "" 0;
    State Vibration "vibration" "" 0;
    State Window "window" "" 0;
    // BTHome: events.
    Event Button "button" "" 0;
    Event Command "command" "" 0;
    Event CommandArgs "command_args" "" 0;
    Event Dimmer "dimmer" "" 0;
    Event DimmerSteps "dimmer_steps" "" 0;
    // What other formats have beside that.
    Measurement Accelerometer "accelerometer" "" 0;
    Measurement AdvertCount "advert_count" "" 0;
    Measurement AirQuality "air_quality" "" 0;
    Measurement AqiLevel "aqi_level" "" 0;
    Measurement Brightness "brightness" "%" 0;
    Measurement ButtonCount "button_count" "" 0;
    Measurement ChargingState "charging_state" "" 0;
    Measurement ColorTemperature "color_temperature" "K" 0;
    Measurement Consumable "consumable" "%" 0;
    Measurement Counter "counter" "" 0;
    Measurement DurationCleared "duration_cleared" "min" 0;
    Measurement DurationDetected "duration_detected" "min" 0;
    Measurement ErrorCode "error_code" "" 0;
    Measurement FanSpeed "fan_speed" "%" 0;
    Measurement FilterHours "filter_hours" "h" 0;
    Measurement Formaldehyde "formaldehyde" "mg/m³" 2;
    Measurement HeartRate "heart_rate" "bpm" 0;
    Measurement Iaqs "iaqs" "" 0;
    Measurement Impedance "impedance" "Ω" 1;
    Measurement Instance "instance" "" 0;
    Measurement KeyId "key_id" "" 0;
    Measurement LockMethod "lock_method" "" 0;
    Measurement LockStatus "lock_status" "" 0;
    Measurement LowTemperatureAlarm "low_temperature_alarm" "°C" 2;
    Measurement Major "major" "" 0;
    Measurement MassNonStabilized "mass_non_stabilized" "kg" 2;
    Measurement Minor "minor" "" 0;
    Measurement Mode "mode" "" 0;
    Measurement MovementCounter "movement_counter" "" 0;
    Measurement Namespace "namespace" "" 0;
    Measurement NoxIndex "nox_index" "" 0;
    Measurement Pm1 "pm1" "µg/m³" 1;
    Measurement Pm4 "pm4" "µg/m³" 1;
    Measurement Position "position" "%" 0;
    Measurement PressureAbsentDuration "pressure_not_present_duration" "s" 0;
    Measurement PressurePresentDuration "pressure_present_duration" "s" 0;
    Measurement ProfileId "profile_id" "" 0;
    Measurement ReadingQuality "reading_quality" "%" 0;
    Measurement Score "score" "" 0;
    Measurement TankLevel "tank_level" "mm" 0;
    Measurement TargetHumidity "target_humidity" "%" 0;
    Measurement TargetTemperature "target_temperature" "°C" 1;
    Measurement TemperatureAlarm "temperature_alarm" "°C" 2;
    Measurement Tilt "tilt" "%" 0;
    Measurement TxPower "tx_power" "dBm" 0;
    Measurement Uptime "uptime" "s" 1;
    Measurement Url "url" "" 0;
    Measurement Uuid "uuid" "" 0;
    Measurement VocIndex "voc_index" "" 0;
    Measurement WaterLevel "water_level" "" 0;
    Measurement WorkStatus "work_status" "" 0;
    State Antilock "antilock" "" 0;
    State Armed "armed" "" 0;
    State Asleep "asleep" "" 0;
    State AutoLockPaused "auto_lock_paused" "" 0;
    State BottomSubmersion "bottom_submersion" "" 0;
    State ButtonPressed "button_pressed" "" 0;
    State Calibrated "calibrated" "" 0;
    State Childlock "childlock" "" 0;
    State ContactTimeout "contact_timeout" "" 0;
    State DeviceForciblyRemoved "device_forcibly_removed" "" 0;
    State DoorLeftOpen "door_left_open" "" 0;
    State DoorStuck "door_stuck" "" 0;
    State DoubleLockMode "double_lock_mode" "" 0;
    State DuressAlarm "duress_alarm" "" 0;
    State Fingerprint "fingerprint" "" 0;
    State HumidityAlarm "humidity_alarm" "" 0;
    State KnockOnTheDoor "knock_on_the_door" "" 0;
    State LockoutAlarm "lockout_alarm" "" 0;
    State NightLatch "night_latch" "" 0;
    State Oscillating "oscillating" "" 0;
    State PryTheDoor "pry_the_door" "" 0;
    State Stabilized "stabilized" "" 0;
    State TankRemoved "tank_removed" "" 0;
    State TemperatureOutOfBounds "temperature_out_of_bounds" "" 0;
    State Tested "tested" "" 0;
    State Toothbrush "toothbrush" "" 0;
    State TopSplash "top_splash" "" 0;
    State UnclosedAlarm "unclosed_alarm" "" 0;
    State UnlockedAlarm "unlocked_alarm" "" 0;
    State Wearing "wearing" "" 0;
    Event Cube "cube" "" 0;
    Event DimmerDuration "dimmer_duration" "s" 0;
    Event DimmerPresses "dimmer_presses" "" 0;
    Event Doorbell "doorbell" "" 0;
    Event FingerprintResult "fingerprint_result" "" 0;
    Event LockAction "lock_action" "" 0;
    Event LockError "lock_error" "" 0;
}

impl Property {
    /// What becomes of its values.
    pub const fn kind(self) -> Kind {
        self.row().0
    }

    /// Its name in a reading.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The unit of its numbers; empty if they have none.
    pub const fn unit(self) -> &'static str {
        self.row().2
    }

    /// How many decimals `BTHome` gives it. A format that measures finer keeps what it has.
    pub const fn decimals(self) -> u8 {
        self.row().3
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_are_words_for_templates() {
        for property in Property::ALL {
            let name = property.name();
            assert!(
                !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
            );
        }
    }

    #[test]
    fn only_what_bthome_calls_the_same_shares_a_name_and_never_its_kind() {
        let mut by_name: BTreeMap<&str, Vec<Kind>> = BTreeMap::new();
        for property in Property::ALL {
            by_name.entry(property.name()).or_default().push(property.kind());
        }
        let shared: Vec<_> = by_name.into_iter().filter(|(_, kinds)| kinds.len() > 1).collect();
        let both = vec![Kind::Measurement, Kind::State];
        assert_eq!(shared, [("gas", both.clone()), ("moisture", both.clone()), ("power", both)]);
    }
}
