//! Changes of what people call the gateway.

use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::changes::GATEWAY;

impl Registry {
    /// Gives the gateway another name, of 1 to [`Snapshot::GATEWAY_CHARS`] characters.
    ///
    /// # Errors
    /// When it cannot be used, or the disk refuses.
    pub fn name_gateway(&self, name: &str) -> Result<(), RegistryError> {
        let name = name.trim().to_owned();
        let is_sound = (1..=Snapshot::GATEWAY_CHARS).contains(&name.chars().count());
        if !is_sound || name.chars().any(char::is_control) {
            return Err(RegistryError::GatewayName);
        }
        self.change(|snapshot, rows| {
            rows.put(GATEWAY.to_owned(), &name);
            snapshot.gateway = Some(name.into());
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::chance::Chance;
    use crate::registry::Registry;
    use crate::store::Meta;

    #[test]
    fn a_name_is_known_after_a_restart() {
        let data = tempfile::tempdir().unwrap();
        for name in ["farhook", "Greenhouse ☘"] {
            let registry = Registry::load(Meta::open(data.path()).unwrap(), Chance::from_seed(1)).unwrap();
            assert_eq!(registry.snapshot().gateway_name(), name);
            registry.name_gateway(" Greenhouse ☘ ").unwrap();
            for nothing in ["", " ", "a\nb", &"x".repeat(65)] {
                assert!(registry.name_gateway(nothing).is_err(), "{nothing:?}");
            }
        }
    }
}
