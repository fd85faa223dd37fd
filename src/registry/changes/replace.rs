//! All of the registry at once: as rows, and replaced by others.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::changes::reading;
use crate::store::MetaChanges;

impl Registry {
    /// Everything that is registered, as it is stored, at one moment. It holds secrets.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn rows(&self) -> Result<BTreeMap<String, Value>, RegistryError> {
        let _nobody_changes = self.changing.lock().expect("changes do not panic");
        Ok(self.meta.rows()?)
    }

    /// Replaces everything that is registered, the owner among it, by the rows that `make` makes of what is there now,
    /// and gives back what `make` says beside them. Everybody sees it in one step.
    ///
    /// # Errors
    /// When `make` refuses, a row cannot be used, the rows do not fit together, or the disk refuses. Nothing changed.
    pub fn replace<T, E: From<RegistryError>>(
        &self,
        make: impl FnOnce(&Snapshot) -> Result<(BTreeMap<String, Value>, T), E>,
    ) -> Result<T, E> {
        let _one_at_a_time = self.changing.lock().expect("changes do not panic");
        let (rows, said) = make(&self.snapshot())?;
        let mut wrong = None;
        let next = reading::read(&rows, |key, reason| {
            wrong.get_or_insert(RegistryError::Row { key: key.to_owned(), reason });
        });
        if let Some(wrong) = wrong {
            return Err(wrong.into());
        }
        if let Some((key, reason)) = reading::misfit(&next) {
            return Err(RegistryError::Row { key, reason: reason.to_owned() }.into());
        }
        let before = self.meta.rows().map_err(RegistryError::from)?;
        let mut changes = MetaChanges::default();
        for key in before.into_keys().filter(|key| !rows.contains_key(key)) {
            changes.remove(key);
        }
        for (key, row) in rows {
            changes.put(key, &row);
        }
        self.meta.apply(&changes).map_err(RegistryError::from)?;
        self.snapshot.send_replace(Arc::new(next));
        Ok(said)
    }
}
