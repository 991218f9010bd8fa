//! How a connection ended.

/// Who or what ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// The peer sent a close frame.
    Peer,
    /// This side closed or aborted it.
    Us,
    /// The network failed, or the peer broke the protocol or a limit.
    Error,
    /// The peer did not answer, did not read, or said nothing for too long.
    TimedOut,
}

/// The end of a connection. There is one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The code of the close frame that was received or sent, if there was one.
    pub code: Option<u16>,
    /// Why, for people.
    pub reason: String,
    /// Who or what ended it.
    pub kind: ClosedBy,
    /// Whether both sides said goodbye: nothing that was sent before is lost.
    pub clean: bool,
}

/// Why a connection is about to end, and what is said to the peer.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) closed: Closed,
    /// Whether the peer is sent a close frame with the code and the reason.
    pub(super) farewell: bool,
}

impl Ending {
    /// The peer broke the protocol or a limit: it is told so.
    pub(super) fn violation(code: u16, reason: impl Into<String>) -> Self {
        let closed = Closed { code: Some(code), reason: reason.into(), kind: ClosedBy::Error, clean: false };
        Self { closed, farewell: true }
    }

    /// The connection is lost: there is nobody to tell.
    pub(super) fn lost(reason: impl Into<String>) -> Self {
        let closed = Closed { code: None, reason: reason.into(), kind: ClosedBy::Error, clean: false };
        Self { closed, farewell: false }
    }

    /// The peer let a time pass.
    pub(super) fn timed_out(reason: impl Into<String>) -> Self {
        let closed = Closed { code: None, reason: reason.into(), kind: ClosedBy::TimedOut, clean: false };
        Self { closed, farewell: false }
    }
}
