//! What a device says to the gateway itself: the result of a request, and what it offers. Neither is an event. Pure.

use std::sync::Arc;

use crate::bus::Publication;
use crate::bus::Refusal;
use crate::intake::payload;
use crate::model::Description;
use crate::model::call::ForGateway;
use crate::model::spec;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The result of a request.
    Result {
        /// Which one.
        request: String,
        /// The value.
        value: String,
    },
    /// What the device offers.
    Description(Arc<Description>),
}

impl Said {
    /// Reads what a device published. `None` if its name is not one of those that are for the gateway.
    ///
    /// # Errors
    /// It cannot be understood, or is too large.
    pub(super) fn read(publication: &Publication) -> Result<Option<Self>, Refusal> {
        let Some(what) = ForGateway::read(&publication.name) else { return Ok(None) };
        let bytes = publication.data.len();
        if bytes > spec::EVENT_DATA_BYTES {
            return Err(Refusal::DataTooLarge { bytes });
        }
        Ok(Some(match what {
            ForGateway::Result { request } => {
                Self::Result { request: request.to_owned(), value: payload::to_text(&publication.data) }
            }
            ForGateway::Description => Self::Description(Arc::new(Description::read(&publication.data)?)),
        }))
    }
}
