//! The frame handle that the engine routes: class facts, direction, epoch, identity and a payload
//! which the engine never looks into.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::epoch::Epoch;
use crate::host::Host;

/// Which way a frame travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// From input to output.
    Downstream = 0,
    /// From output back to input.
    Upstream = 1,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::Downstream => Self::Upstream,
            Self::Upstream => Self::Downstream,
        }
    }
}

/// What a frame means to the engine itself. Everything else is [`Kind::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// No meaning to the engine.
    Other = 0,
    /// Starts each node.
    Start = 1,
    /// Orderly end, behind all data.
    End = 2,
    /// Like `End`, but processors keep their resources.
    Stop = 3,
    /// Immediate end.
    Cancel = 4,
    /// The user spoke over the bot: drop what was generated.
    Interruption = 5,
    /// Something failed; travels upstream.
    Error = 6,
    /// Probe for life.
    Heartbeat = 7,
    /// Asks the task to end.
    EndTask = 8,
    /// Asks the task to stop.
    StopTask = 9,
    /// Asks the task to cancel.
    CancelTask = 10,
    /// Asks the task to interrupt.
    InterruptionTask = 11,
    /// Pauses one processor, in order.
    Pause = 12,
    /// Pauses one processor at once.
    PauseUrgent = 13,
    /// Resumes one processor.
    Resume = 14,
    /// Resumes one processor at once.
    ResumeUrgent = 15,
    /// Measurements.
    Metrics = 16,
    /// Probe that everything queued before it was processed.
    Flush = 17,
    /// Marks the end of a batch inside a synchronised compound; never leaves it.
    Sentinel = 18,
}

impl Kind {
    /// The kind with this number; unknown numbers mean nothing to the engine.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Start,
            2 => Self::End,
            3 => Self::Stop,
            4 => Self::Cancel,
            5 => Self::Interruption,
            6 => Self::Error,
            7 => Self::Heartbeat,
            8 => Self::EndTask,
            9 => Self::StopTask,
            10 => Self::CancelTask,
            11 => Self::InterruptionTask,
            12 => Self::Pause,
            13 => Self::PauseUrgent,
            14 => Self::Resume,
            15 => Self::ResumeUrgent,
            16 => Self::Metrics,
            17 => Self::Flush,
            _ => Self::Other,
        }
    }

    /// Start, End, Stop and Cancel: they reach every node and are synchronised by compounds.
    #[must_use]
    pub const fn is_lifecycle(self) -> bool {
        matches!(self, Self::Start | Self::End | Self::Stop | Self::Cancel)
    }

    /// End, Stop and Cancel: nothing follows them.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::End | Self::Stop | Self::Cancel)
    }

    /// Kinds that change a node's own state, so a declaration of interest never hides them.
    #[must_use]
    pub const fn always_handled(self) -> bool {
        self.is_lifecycle()
            || matches!(
                self,
                Self::Interruption | Self::Pause | Self::PauseUrgent | Self::Resume | Self::ResumeUrgent
            )
    }

    /// Kinds that a paused lane still lets through, so that no pause can hold up the control plane.
    #[must_use]
    pub const fn passes_pause(self) -> bool {
        matches!(self, Self::Cancel | Self::Pause | Self::PauseUrgent | Self::Resume | Self::ResumeUrgent)
    }
}

/// Facts of a frame class, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Bits(pub u8);

impl Bits {
    /// Processed ahead of data, never blocked by it.
    pub const SYSTEM: Self = Self(1);
    /// Control frame: ordered with data.
    pub const CONTROL: Self = Self(1 << 1);
    /// Survives an interruption.
    pub const UNINTERRUPTIBLE: Self = Self(1 << 2);
    /// Generated media or text: worthless once its epoch is over.
    pub const DROPPABLE: Self = Self(1 << 3);
    /// An error report.
    pub const ERROR: Self = Self(1 << 4);
    /// A frame of the class may differ from it in being interruptible: the host looks at each.
    pub const OWN_WORDS: Self = Self(1 << 5);
    /// The host keeps more with the object than the frame (a completion callback).
    pub const WRAPPED: Self = Self(1 << 6);
    /// The user's own words and updates of the context: an interruption drops none that waits.
    pub const PROTECTED: Self = Self(1 << 7);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set less `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// A frame's class as the engine knows it: computed once for each class, copied with each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    /// Number of the class in the host's table.
    pub id: u16,
    /// Meaning to the engine.
    pub kind: Kind,
    /// Facts.
    pub bits: Bits,
}

impl Class {
    /// Whether frames of the class take the system lane.
    #[must_use]
    pub const fn is_system(self) -> bool {
        self.bits.has(Bits::SYSTEM)
    }

    /// Whether an interruption cancels the processing of frames of the class.
    #[must_use]
    pub const fn is_interruptible(self) -> bool {
        !self.is_system() && !self.bits.has(Bits::UNINTERRUPTIBLE)
    }

    /// Whether an interruption drops frames of the class that wait in a lane.
    #[must_use]
    pub const fn is_dropped_in_lane(self) -> bool {
        self.is_interruptible() && !self.bits.has(Bits::PROTECTED)
    }
}

/// A frame born in Rust. Its host object is made the first time that the host looks, and kept.
pub struct NativeFrame<H: Host> {
    /// What it carries.
    pub body: H::Native,
    /// The host's object for it, once there is one.
    pub object: OnceLock<H::Object>,
    identity: AtomicU64,
}

/// Native frames count their identities apart from the host's.
const NATIVE_IDENTITY: u64 = 1 << 62;
static NEXT_IDENTITY: AtomicU64 = AtomicU64::new(NATIVE_IDENTITY);

/// An identity for a frame about to be made, for whoever must name it beforehand: a broadcast's two
/// frames name each other.
#[must_use]
pub fn new_identity() -> u64 {
    NEXT_IDENTITY.fetch_add(1, Ordering::Relaxed)
}

impl<H: Host> NativeFrame<H> {
    /// A frame without an object.
    #[must_use]
    pub const fn new(body: H::Native) -> Self {
        Self { body, object: OnceLock::new(), identity: AtomicU64::new(0) }
    }

    /// A frame that has its identity already, from [`new_identity`].
    #[must_use]
    pub const fn identified(body: H::Native, identity: u64) -> Self {
        Self { body, object: OnceLock::new(), identity: AtomicU64::new(identity) }
    }

    /// Its identity, which may be that of the object about to be made for it: whoever needs one
    /// first, a fork or the host, says what it is.
    pub fn identity_or(&self, object_id: u64) -> u64 {
        let known = self.identity.compare_exchange(0, object_id, Ordering::AcqRel, Ordering::Acquire);
        known.map_or_else(|known| known, |_zero| object_id)
    }

    fn identity(&self) -> u64 {
        match self.identity.load(Ordering::Acquire) {
            0 => self.identity_or(new_identity()),
            known => known,
        }
    }
}

/// What a frame carries.
pub enum Payload<H: Host> {
    /// An object of the host, moved along.
    Foreign(H::Object),
    /// An object of the host that several branches hold.
    Shared(Arc<H::Object>),
    /// Born in Rust.
    Native(Arc<NativeFrame<H>>),
    /// Nothing: the engine's own marks.
    Mark,
}

/// A frame on its way.
pub struct Frame<H: Host> {
    /// Class facts.
    pub class: Class,
    /// The epoch it was made in.
    pub epoch: Epoch,
    /// Identity across branches; 0 until somebody needs it.
    pub id: u64,
    /// Which way it travels.
    pub direction: Direction,
    /// What it carries.
    pub payload: Payload<H>,
}

impl<H: Host> Frame<H> {
    /// A second handle to the same frame, for fan-out and observers. Never touches the host.
    #[must_use]
    pub fn share(&mut self) -> Self {
        let payload = match std::mem::replace(&mut self.payload, Payload::Mark) {
            Payload::Foreign(object) => Payload::Shared(Arc::new(object)),
            other => other,
        };
        let copy = match &payload {
            Payload::Shared(object) => Payload::Shared(Arc::clone(object)),
            Payload::Native(native) => Payload::Native(Arc::clone(native)),
            Payload::Foreign(_) | Payload::Mark => Payload::Mark,
        };
        self.payload = payload;
        Self { class: self.class, epoch: self.epoch, id: self.id, direction: self.direction, payload: copy }
    }

    /// Before it goes more ways than one: a native frame gets its identity, a host's has it.
    pub fn identify(&mut self) {
        if self.id == 0
            && let Payload::Native(native) = &self.payload
        {
            self.id = native.identity();
        }
    }

    /// Whether a node at `epoch` has no more use for this frame.
    #[must_use]
    pub fn is_stale(&self, epoch: Epoch) -> bool {
        self.class.bits.has(Bits::DROPPABLE) && self.epoch.is_before(epoch)
    }

    /// Whether an interruption that begins `epoch` drops this frame where it waits.
    #[must_use]
    pub fn is_dropped_by(&self, epoch: Epoch) -> bool {
        self.class.is_dropped_in_lane() && self.epoch.is_before(epoch)
    }
}
