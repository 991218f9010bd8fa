//! Synchronised branches: a frame goes on when every branch is done with it.
//!
//! Each data or control frame is given to all branches with a sentinel behind it. The sentinel is
//! the engine's own: processors never see it, it passes them in order, so its arrival at the far
//! end says that the branch is done. Then all output of the batch is released, once for each
//! identity, and the next frame is let in. System frames go through at once.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use super::seen::Seen;
use crate::frame::{Bits, Class, Direction, Frame, Kind, Payload};
use crate::graph::{Emit, Link};
use crate::host::Host;
use crate::inline::Inline;
use crate::sync::{Mutex, lock};

/// In which order the outputs of a batch are released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they came.
    Arrival,
    /// Branch by branch, as the pipeline defines them.
    Pipeline,
}

/// What the ports and ends of one compound share.
pub(crate) struct Batch<H: Host> {
    branches: usize,
    order: Order,
    /// How many branches still work on the batch; 0: none is under way.
    working: usize,
    /// The identity of this batch's sentinel: those of compounds around this one are plain frames here.
    mark: u64,
    outputs: Vec<(usize, Frame<H>)>,
    /// Frames that wait for the batch.
    held: VecDeque<Frame<H>>,
    /// Of the start frame: how many branches have let it out.
    started: usize,
    seen: Seen,
}

impl<H: Host> Batch<H> {
    /// Of a compound with this many branches.
    #[must_use]
    pub(crate) fn new(branches: usize, order: Order) -> Self {
        Self {
            branches,
            order,
            working: 0,
            mark: 0,
            outputs: Vec::new(),
            held: VecDeque::new(),
            started: 0,
            seen: Seen::default(),
        }
    }
}

/// Which end of the compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RendezvousEnd {
    /// Where downstream frames enter.
    Head,
    /// Where upstream frames enter.
    Tail,
}

/// An end: hands frames to all branches, and lets released output out.
pub(crate) struct Rendezvous<H: Host> {
    end: RendezvousEnd,
    batch: Arc<Mutex<Batch<H>>>,
    branches: Arc<OnceLock<Vec<Link>>>,
}

impl<H: Host> Rendezvous<H> {
    /// An end. `branches`: the node of each branch that is next to it.
    #[must_use]
    pub(crate) fn new(
        end: RendezvousEnd,
        batch: Arc<Mutex<Batch<H>>>,
        branches: Arc<OnceLock<Vec<Link>>>,
    ) -> Self {
        Self { end, batch, branches }
    }

    fn inward(&self) -> Direction {
        match self.end {
            RendezvousEnd::Head => Direction::Downstream,
            RendezvousEnd::Tail => Direction::Upstream,
        }
    }
}

impl<H: Host> Inline<H> for Rendezvous<H> {
    fn process(&mut self, mut frame: Frame<H>, emit: &mut Emit<'_, H>) {
        if frame.direction != self.inward() {
            return emit.forward(frame);
        }
        let Some(branches) = self.branches.get() else { return emit.discard(frame) };
        let system = frame.class.is_system();
        let mark = next_mark();
        if !system {
            let mut batch = lock(&self.batch);
            if batch.working > 0 {
                return batch.held.push_back(frame);
            }
            (batch.working, batch.mark) = (branches.len(), mark);
        }
        let direction = frame.direction;
        let Some((&last, first)) = branches.split_last() else { return emit.forward(frame) };
        for &branch in first {
            let copy = frame.share();
            emit.branch(branch, copy);
        }
        emit.branch(last, frame);
        if !system {
            for &branch in branches {
                emit.deliver(branch, sentinel(mark, direction));
            }
        }
    }
}

fn sentinel<H: Host>(mark: u64, direction: Direction) -> Frame<H> {
    Frame {
        class: Class { id: u16::MAX, kind: Kind::Sentinel, bits: Bits::CONTROL.with(Bits::UNINTERRUPTIBLE) },
        epoch: Default::default(),
        id: mark,
        direction,
        payload: Payload::Mark,
    }
}

/// An identity that no frame of a host has: those count from 0.
fn next_mark() -> u64 {
    static MARKS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1 << 63);
    MARKS.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Where frames leave a branch, on either side.
pub(crate) struct Port<H: Host> {
    branch: usize,
    batch: Arc<Mutex<Batch<H>>>,
    ends: Arc<OnceLock<(u32, u32)>>,
}

impl<H: Host> Port<H> {
    /// A port of a branch.
    #[must_use]
    pub(crate) fn new(branch: usize, batch: Arc<Mutex<Batch<H>>>, ends: Arc<OnceLock<(u32, u32)>>) -> Self {
        Self { branch, batch, ends }
    }
}

impl<H: Host> Inline<H> for Port<H> {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let Some(&(head, tail)) = self.ends.get() else { return emit.discard(frame) };
        // A port stands at each side of the branch: on the way in it is a wire.
        let goes_out = match emit.graph.neighbour(emit.node, frame.direction) {
            Link::Node(next) => next == head || next == tail,
            Link::Edge(_) | Link::End => false,
        };
        if !goes_out {
            return emit.forward(frame);
        }
        let way_out = |frame: &Frame<H>| match frame.direction {
            Direction::Downstream => tail,
            Direction::Upstream => head,
        };
        if frame.class.kind == Kind::Sentinel && frame.id == lock(&self.batch).mark {
            emit.discard(frame);
            let released = finish(&self.batch);
            for frame in released.outputs {
                emit.forward_from(way_out(&frame), frame);
            }
            for frame in released.held {
                let way_in = match frame.direction {
                    Direction::Downstream => head,
                    Direction::Upstream => tail,
                };
                emit.deliver(Link::Node(way_in), frame);
            }
            return;
        }
        if frame.class.is_system() {
            let passes = {
                let mut batch = lock(&self.batch);
                if frame.class.kind == Kind::Start {
                    batch.started += 1;
                    batch.started == batch.branches
                } else {
                    frame.id == 0 || batch.seen.insert(frame.id)
                }
            };
            return if passes { emit.forward_from(way_out(&frame), frame) } else { emit.discard(frame) };
        }
        let known = {
            let mut batch = lock(&self.batch);
            if frame.id != 0 && !batch.seen.insert(frame.id) {
                Some(frame)
            } else {
                batch.outputs.push((self.branch, frame));
                None
            }
        };
        if let Some(frame) = known {
            emit.discard(frame);
        }
    }
}

struct Released<H: Host> {
    outputs: Vec<Frame<H>>,
    held: VecDeque<Frame<H>>,
}

/// One more branch is done; the last one releases the batch and lets in what waits.
fn finish<H: Host>(batch: &Mutex<Batch<H>>) -> Released<H> {
    let mut batch = lock(batch);
    batch.working = batch.working.saturating_sub(1);
    if batch.working > 0 {
        return Released { outputs: Vec::new(), held: VecDeque::new() };
    }
    let mut outputs = std::mem::take(&mut batch.outputs);
    if batch.order == Order::Pipeline {
        outputs.sort_by_key(|(branch, _)| *branch);
    }
    let held = std::mem::take(&mut batch.held);
    Released { outputs: outputs.into_iter().map(|(_, frame)| frame).collect(), held }
}
