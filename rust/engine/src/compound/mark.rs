//! The engine's own frames between the ends of a compound. No processor sees them: they pass it in
//! order, and what they mean is between inline nodes.

use crate::frame::{Bits, Class, Direction, Frame, Kind, Payload};
use crate::host::Host;

const MARK: Class =
    Class { id: u16::MAX, kind: Kind::Sentinel, bits: Bits::CONTROL.with(Bits::UNINTERRUPTIBLE) };

/// Apart from every identity that a host or a native frame can have.
const SENTINEL: u64 = 1 << 63;

/// Follows a frame through every branch of a synchronised compound. Its identity says of which
/// compound (`head` is its first node) and which batch: compounds nest.
pub(super) fn sentinel<H: Host>(id: u64, direction: Direction) -> Frame<H> {
    mark(id, direction)
}

/// The identity of a batch's sentinels.
pub(super) fn sentinel_id(head: u32, batch: u32) -> u64 {
    SENTINEL | u64::from(head & 0x7fff_ffff) << 32 | u64::from(batch)
}

/// Tells an end of a compound, inside its own seat, that the doors are open again.
pub(super) fn doorbell<H: Host>(direction: Direction) -> Frame<H> {
    mark(0, direction)
}

pub(super) fn is_sentinel<H: Host>(frame: &Frame<H>) -> bool {
    frame.class.kind == Kind::Sentinel && frame.id != 0
}

pub(super) fn is_doorbell<H: Host>(frame: &Frame<H>) -> bool {
    frame.class.kind == Kind::Sentinel && frame.id == 0
}

fn mark<H: Host>(id: u64, direction: Direction) -> Frame<H> {
    Frame { class: MARK, epoch: Default::default(), id, direction, payload: Payload::Mark }
}
