//! A choice that belongs to the owner, and that hooks go by.

/// The body of a hook that says nothing of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DefaultBody {
    /// A JSON object, as in the guide.
    #[default]
    Json,
    /// A web form, as Particle's cloud does today.
    Form,
}
