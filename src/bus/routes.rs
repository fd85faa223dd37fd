//! What is known of the way out of this machine. The network's watcher writes it, the dispatcher reads it.

use tokio::sync::watch;

/// Whether there is a way out, and whether it is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routes {
    /// Whether a default route leads out. True where nobody can tell: then only attempts say how the line is.
    pub has_default: bool,
    /// How often the default route came, went or became another one.
    pub changes: u64,
}

impl Default for Routes {
    fn default() -> Self {
        Self { has_default: true, changes: 0 }
    }
}

/// Where routes are told, and where they are heard of. Until something is told there is a way out.
pub fn routes() -> (watch::Sender<Routes>, watch::Receiver<Routes>) {
    watch::channel(Routes::default())
}
