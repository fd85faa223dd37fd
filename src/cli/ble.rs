//! `farhook ble`: what is heard of sensors.

use clap::Subcommand;

use crate::cli::adverts::Decode;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::radio;
use crate::cli::sensor;
use crate::cli::sensor::Adopt;
use crate::cli::sensor::Set;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the devices whose adverts were heard in the last hour, the strongest first
    Scan,
    Adopt(Adopt),
    Set(Set),
    /// Forget a sensor: its readings are no events any more
    Forget {
        /// Its name or id
        device: String,
    },
    /// List the sensors that are adopted
    List,
    Decode(Decode),
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        match self {
            Self::Scan => radio::scan(gateway, out).await,
            Self::Adopt(adopt) => adopt.run(gateway, out).await,
            Self::Set(set) => set.run(gateway, out).await,
            Self::Forget { device } => sensor::forget(device, gateway, out).await,
            Self::List => sensor::list(gateway, out).await,
            Self::Decode(decode) => decode.run(out),
        }
    }
}
