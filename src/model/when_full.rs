//! What happens to an event for which there is no room.

/// What happens to an event when a hook's queue is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// It is not acknowledged: its device keeps it and sends it again.
    #[default]
    Reject,
    /// It is taken, and the hook's oldest waiting delivery is dropped.
    DropOldest,
    /// It is acknowledged, and not kept for this hook.
    DropNewest,
}

impl WhenFull {
    /// All names, in the order of [`Self::ALL`].
    pub const NAMES: &[&str] = &["reject", "drop_oldest", "drop_newest"];

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reject, Self::DropOldest, Self::DropNewest];

    /// All names, for messages.
    pub const KNOWN: &str = "reject, drop_oldest, drop_newest";

    /// The policy that is called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|known| *known == name).map(|at| Self::ALL[at])
    }
}
