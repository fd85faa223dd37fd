//! What an error that comes over D-Bus means for the radio.

use crate::ble::radio::Fault;

/// An error of one request.
#[derive(Debug)]
pub(super) struct CallError {
    /// Its name on the bus.
    pub(super) name: String,
    /// What it means.
    pub(super) fault: Fault,
}

impl CallError {
    /// The bus is gone.
    pub(super) fn lost() -> Self {
        Self { name: String::new(), fault: Fault::NoBus("the connection is lost".to_owned()) }
    }
}

impl From<dbus::Error> for CallError {
    fn from(error: dbus::Error) -> Self {
        let name = error.name().unwrap_or_default().to_owned();
        let fault = fault(&name, error.message().unwrap_or_default());
        Self { name, fault }
    }
}

/// Names: D-Bus Specification, "Standard error names" of the reference implementation (`dbus-protocol.h`); BlueZ,
/// `src/error.h` and `property_set_mode_complete` in `src/adapter.c`, read 2026-11.
fn fault(name: &str, message: &str) -> Fault {
    match name {
        "org.bluez.Error.Blocked" => Fault::Blocked,
        "org.bluez.Error.NotReady" => Fault::Off,
        "org.freedesktop.DBus.Error.UnknownObject"
        | "org.freedesktop.DBus.Error.UnknownMethod"
        | "org.freedesktop.DBus.Error.UnknownInterface" => Fault::Gone,
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => Fault::NoService,
        "org.freedesktop.DBus.Error.AccessDenied" => Fault::NotAllowed(message.to_owned()),
        "org.freedesktop.DBus.Error.Disconnected" => Fault::NoBus(message.to_owned()),
        _ => Fault::Refused(format!("{message} ({name})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_one_meaning() {
        for (name, meaning) in [
            ("org.bluez.Error.Blocked", Fault::Blocked),
            ("org.bluez.Error.NotReady", Fault::Off),
            ("org.freedesktop.DBus.Error.UnknownObject", Fault::Gone),
            ("org.freedesktop.DBus.Error.NameHasNoOwner", Fault::NoService),
            ("org.freedesktop.DBus.Error.AccessDenied", Fault::NotAllowed("why".to_owned())),
            ("org.freedesktop.DBus.Error.Disconnected", Fault::NoBus("why".to_owned())),
            ("org.bluez.Error.Failed", Fault::Refused("why (org.bluez.Error.Failed)".to_owned())),
        ] {
            assert_eq!(CallError::from(dbus::Error::new_custom(name, "why")).fault, meaning, "{name}");
        }
    }
}
