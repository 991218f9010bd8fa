//! All that the engine knows of the language which its foreign processors are written in.

/// A host runs foreign processors on a loop of its own.
///
/// The engine moves the host's objects about and never looks into them. It drops one only where
/// no foreign code can run in consequence: an [`Object`](Host::Object) whose destructor may call
/// back must hand itself to a graveyard instead.
pub trait Host: Sized + Send + Sync + 'static {
    /// A frame as the host's language holds it.
    type Object: Send + Sync + 'static;
    /// What a frame born in Rust carries.
    type Native: Send + Sync + 'static;
    /// Where a foreign processor sits: whatever the host needs to step it. Stays on the loop's thread.
    type Seat;
}

/// Wakes the loop from another thread. Must neither block nor run foreign code.
pub trait Bell: Send + Sync {
    /// Make the loop drain its inbox soon.
    fn ring(&self);
    /// See to it that [`Inbox::ring_if_due`](crate::Inbox::ring_if_due) is called within a
    /// millisecond or so, because the loop was woken a moment ago. False: ring at once, it was not.
    fn ring_later(&self) -> bool {
        false
    }
}
