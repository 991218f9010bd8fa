//! Parallel branches: a fork at one end, a join at the other, and the barrier between them.
//!
//! Every frame goes to every branch (of a switch: to the open one), and leaves once. A lifecycle
//! frame is synchronised: until it has left all branches nothing else is let in, and what branches
//! emit meanwhile follows a start and precedes an end.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use super::seen::Seen;
use super::switch::Choice;
use crate::frame::{Direction, Frame, Kind};
use crate::graph::{Emit, Link};
use crate::host::Host;
use crate::inline::Inline;
use crate::sync::{Mutex, lock};

/// What fork and join of one compound share.
pub(crate) struct Barrier<H: Host> {
    branches: usize,
    /// Of the lifecycle frame under way: its kind, its direction, and in how many branches it still is.
    crossing: Option<(Kind, Direction, usize)>,
    /// Frames from outside that wait for the crossing.
    held: VecDeque<Frame<H>>,
    /// Frames from the branches that wait for the crossing.
    buffered: VecDeque<Frame<H>>,
    seen: Seen,
    /// Sentinels of a synchronised compound around this one, and in how many branches each still is:
    /// it says that all before it is done, so the last copy goes on, not the first.
    marks: HashMap<u64, usize>,
}

impl<H: Host> Barrier<H> {
    /// Of a compound with this many branches.
    #[must_use]
    pub(crate) fn new(branches: usize) -> Self {
        Self {
            branches,
            crossing: None,
            held: VecDeque::new(),
            buffered: VecDeque::new(),
            seen: Seen::default(),
            marks: HashMap::new(),
        }
    }
}

/// What becomes of a frame that comes out of a branch.
enum Verdict<H: Host> {
    Pass(Frame<H>),
    Drop(Frame<H>),
    Kept,
    /// The lifecycle frame has left every branch.
    Crossed(Frame<H>),
}

/// One end of the compound; the other is its mirror image.
struct End<H: Host> {
    barrier: Arc<Mutex<Barrier<H>>>,
    ends: Arc<OnceLock<(u32, u32)>>,
    branches: Arc<OnceLock<Vec<Link>>>,
    choice: Option<Choice>,
    /// The direction in which frames enter here from outside.
    inward: Direction,
}

/// Where downstream frames enter.
pub(crate) struct Fork<H: Host>(End<H>);
/// Where downstream frames leave.
pub(crate) struct Join<H: Host>(End<H>);

impl<H: Host> Fork<H> {
    /// The upstream end. `branches`: the first node of each.
    #[must_use]
    pub(crate) fn new(
        barrier: Arc<Mutex<Barrier<H>>>,
        ends: Arc<OnceLock<(u32, u32)>>,
        branches: Arc<OnceLock<Vec<Link>>>,
        choice: Option<Choice>,
    ) -> Self {
        Self(End { barrier, ends, branches, choice, inward: Direction::Downstream })
    }
}

impl<H: Host> Join<H> {
    /// The downstream end. `branches`: the last node of each.
    #[must_use]
    pub(crate) fn new(
        barrier: Arc<Mutex<Barrier<H>>>,
        ends: Arc<OnceLock<(u32, u32)>>,
        branches: Arc<OnceLock<Vec<Link>>>,
        choice: Option<Choice>,
    ) -> Self {
        Self(End { barrier, ends, branches, choice, inward: Direction::Upstream })
    }
}

impl<H: Host> Inline<H> for Fork<H> {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        self.0.process(frame, emit);
    }
}

impl<H: Host> Inline<H> for Join<H> {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        self.0.process(frame, emit);
    }
}

impl<H: Host> End<H> {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        if frame.direction == self.inward {
            self.enter(frame, emit);
        } else {
            self.leave(frame, emit);
        }
    }

    fn enter(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let lifecycle = frame.class.kind.is_lifecycle();
        {
            let mut barrier = lock(&self.barrier);
            if barrier.crossing.is_some() {
                // A cancel does not wait behind an end that is stuck in a branch.
                if frame.class.kind == Kind::Cancel {
                    barrier.crossing = None;
                } else {
                    barrier.held.push_back(frame);
                    return;
                }
            }
            if lifecycle && barrier.branches > 0 {
                barrier.crossing = Some((frame.class.kind, frame.direction, barrier.branches));
            }
        }
        self.fan_out(frame, lifecycle, emit);
    }

    fn fan_out(&self, mut frame: Frame<H>, lifecycle: bool, emit: &mut Emit<'_, H>) {
        let Some(branches) = self.branches.get() else { return emit.discard(frame) };
        if frame.class.kind == Kind::Sentinel {
            let copies = if self.choice.is_some() { 1 } else { branches.len() };
            lock(&self.barrier).marks.insert(frame.id, copies);
        }
        if let Some(choice) = &self.choice
            && !lifecycle
        {
            return match branches.get(choice.get()) {
                Some(&branch) => emit.branch(branch, frame),
                None => emit.discard(frame),
            };
        }
        let Some((&last, first)) = branches.split_last() else { return emit.discard(frame) };
        for &branch in first {
            let copy = frame.share();
            emit.branch(branch, copy);
        }
        emit.branch(last, frame);
    }

    fn leave(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        match self.judge(frame) {
            Verdict::Pass(frame) => emit.forward(frame),
            Verdict::Drop(frame) => emit.discard(frame),
            Verdict::Kept => {}
            Verdict::Crossed(frame) => self.cross(frame, emit),
        }
    }

    fn judge(&self, frame: Frame<H>) -> Verdict<H> {
        let mut barrier = lock(&self.barrier);
        if frame.class.kind == Kind::Sentinel {
            match barrier.marks.get_mut(&frame.id) {
                Some(copies) if *copies > 1 => {
                    *copies -= 1;
                    return Verdict::Drop(frame);
                }
                _ => barrier.marks.remove(&frame.id),
            };
        }
        if let Some((kind, direction, left)) = barrier.crossing {
            if frame.class.kind == kind && frame.direction == direction {
                if left > 1 {
                    barrier.crossing = Some((kind, direction, left - 1));
                    return Verdict::Drop(frame);
                }
                return Verdict::Crossed(frame);
            }
            // A Cancel that overtook a stuck crossing leaves its own copies to be counted.
            if frame.id != 0 && !barrier.seen.insert(frame.id) {
                return Verdict::Drop(frame);
            }
            barrier.buffered.push_back(frame);
            return Verdict::Kept;
        }
        if frame.id != 0 && !barrier.seen.insert(frame.id) {
            Verdict::Drop(frame)
        } else {
            Verdict::Pass(frame)
        }
    }

    /// The lifecycle frame goes on, with what waited for it in the right order, and the doors open.
    fn cross(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let Some(&(fork, join)) = self.ends.get() else { return emit.discard(frame) };
        let way_out = |frame: &Frame<H>| match frame.direction {
            Direction::Downstream => join,
            Direction::Upstream => fork,
        };
        let buffered = std::mem::take(&mut lock(&self.barrier).buffered);
        let start = frame.class.kind == Kind::Start;
        let mut lifecycle = Some(frame);
        if start && let Some(frame) = lifecycle.take() {
            emit.forward(frame);
        }
        for frame in buffered {
            emit.forward_from(way_out(&frame), frame);
        }
        if let Some(frame) = lifecycle.take() {
            emit.forward(frame);
        }
        let held = {
            let mut barrier = lock(&self.barrier);
            barrier.crossing = None;
            std::mem::take(&mut barrier.held)
        };
        for frame in held {
            let way_in = match frame.direction {
                Direction::Downstream => fork,
                Direction::Upstream => join,
            };
            emit.deliver(Link::Node(way_in), frame);
        }
    }
}
