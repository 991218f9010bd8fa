//! Synchronised branches: a frame goes on when every branch is done with it.
//!
//! Each data or control frame is given to all branches with a sentinel behind it. The sentinel is
//! the engine's own: processors never see it, it passes them in order, so its arrival at the far
//! end says that the branch is done. Then all output of the batch is released, once for each
//! identity, and the next frame is let in. System frames go through at once, but none ahead of the
//! start frame, which waits for the last branch.

use std::sync::{Arc, OnceLock};

use super::held::{Held, Turn};
use super::mark::{doorbell, is_doorbell, is_sentinel, sentinel, sentinel_id};
use super::seen::Seen;
use crate::epoch::Epoch;
use crate::frame::{Direction, Frame, Kind};
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

/// How far the batch under way is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// There is none.
    Idle,
    /// So many branches still work on it.
    Working(usize),
    /// Its output is on its way out.
    Releasing,
}

/// How far the start frame is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starting {
    /// Nothing is held for a start frame that may never come.
    Outside,
    /// It is still in so many branches; 0: on its way out.
    Inside(usize),
    /// It is out.
    Over,
}

/// What the ports and ends of one compound share.
pub(crate) struct Batch<H: Host> {
    branches: usize,
    order: Order,
    /// Counts batches, so that each has sentinels of its own.
    number: u32,
    progress: Progress,
    outputs: Vec<(usize, Frame<H>)>,
    /// Frames that wait for the batch.
    held: Held<H>,
    start: Starting,
    /// System frames from the branches that wait for the start frame.
    early: Vec<Frame<H>>,
    epoch: Epoch,
    seen: Seen,
}

impl<H: Host> Batch<H> {
    /// Of a compound with this many branches.
    #[must_use]
    pub(crate) fn new(branches: usize, order: Order) -> Self {
        Self {
            branches,
            order,
            number: 0,
            progress: Progress::Idle,
            outputs: Vec::new(),
            held: Held::default(),
            start: Starting::Outside,
            early: Vec::new(),
            epoch: Epoch::default(),
            seen: Seen::default(),
        }
    }

    /// Begin a batch. Returns its number.
    fn begin(&mut self) -> u32 {
        self.number = self.number.wrapping_add(1);
        self.progress = Progress::Working(self.branches);
        self.number
    }

    /// The next frame that waits at an end, and the number of the batch that it begins.
    fn next_held(&mut self, inward: Direction) -> Turn<(Frame<H>, u32)> {
        match self.held.turn() {
            Some(_) if self.progress != Progress::Idle => Turn::Over,
            Some(direction) if direction != inward => Turn::Elsewhere,
            _ => match self.held.pop() {
                Some(frame) => Turn::Enter((frame, self.begin())),
                None => Turn::Over,
            },
        }
    }

    /// A system frame goes in. Returns what it drops of those that wait.
    fn note(&mut self, frame: &Frame<H>) -> Vec<Frame<H>> {
        match frame.class.kind {
            Kind::Start => {
                self.start = Starting::Inside(self.branches);
                Vec::new()
            }
            Kind::Interruption => {
                self.epoch = self.epoch.max(frame.epoch);
                self.held.interrupt(frame.epoch)
            }
            Kind::Cancel => self.held.clear(),
            _ => Vec::new(),
        }
    }

    /// A branch lets the start frame out. True: it was the last.
    fn branch_started(&mut self) -> bool {
        let Starting::Inside(left @ 1..) = self.start else { return false };
        self.start = Starting::Inside(left - 1);
        left == 1
    }

    /// What waits for the start frame. `None`: nothing more will.
    fn take_early(&mut self) -> Option<Vec<Frame<H>>> {
        if self.early.is_empty() {
            self.start = Starting::Over;
            return None;
        }
        Some(std::mem::take(&mut self.early))
    }

    /// One more branch is done. The last one is given the output, in the order of its release.
    fn branch_done(&mut self) -> Option<Vec<Frame<H>>> {
        match self.progress {
            Progress::Working(1) => self.progress = Progress::Releasing,
            Progress::Working(left) => {
                self.progress = Progress::Working(left - 1);
                return None;
            }
            Progress::Idle | Progress::Releasing => return None,
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        if self.order == Order::Pipeline {
            outputs.sort_by_key(|(branch, _)| *branch);
        }
        // A quick branch lets an end out before a slow one its last words.
        outputs.sort_by_key(|(_, frame)| frame.class.kind.is_terminal());
        Some(outputs.into_iter().map(|(_, frame)| frame).collect())
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
    ends: Arc<OnceLock<(u32, u32)>>,
    branches: Arc<OnceLock<Vec<Link>>>,
}

impl<H: Host> Rendezvous<H> {
    /// An end. `branches`: the node of each branch that is next to it.
    #[must_use]
    pub(crate) fn new(
        end: RendezvousEnd,
        batch: Arc<Mutex<Batch<H>>>,
        ends: Arc<OnceLock<(u32, u32)>>,
        branches: Arc<OnceLock<Vec<Link>>>,
    ) -> Self {
        Self { end, batch, ends, branches }
    }

    fn inward(&self) -> Direction {
        match self.end {
            RendezvousEnd::Head => Direction::Downstream,
            RendezvousEnd::Tail => Direction::Upstream,
        }
    }

    fn enter(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        if frame.class.is_system() {
            let dropped = lock(&self.batch).note(&frame);
            for frame in dropped {
                emit.discard(frame);
            }
            return self.fan_out(frame, emit);
        }
        let number = {
            let mut batch = lock(&self.batch);
            if batch.progress != Progress::Idle || !batch.held.is_empty() {
                return batch.held.push(frame);
            }
            batch.begin()
        };
        self.work(frame, number, emit);
    }

    /// The batch is over: let in what waits here.
    fn let_in(&self, emit: &mut Emit<'_, H>) {
        loop {
            let turn = lock(&self.batch).next_held(self.inward());
            match turn {
                Turn::Enter((frame, number)) => self.work(frame, number, emit),
                Turn::Elsewhere => {
                    let Some(&(head, tail)) = self.ends.get() else { return };
                    let other = if self.end == RendezvousEnd::Head { tail } else { head };
                    return emit.deliver(Link::Node(other), doorbell(self.inward().reverse()));
                }
                Turn::Over => return,
            }
        }
    }

    /// Give a frame to all branches, with the sentinels behind it.
    fn work(&self, frame: Frame<H>, number: u32, emit: &mut Emit<'_, H>) {
        let (Some(branches), Some(&(head, _))) = (self.branches.get(), self.ends.get()) else {
            return emit.discard(frame);
        };
        let direction = frame.direction;
        self.fan_out(frame, emit);
        for &branch in branches {
            emit.deliver(branch, sentinel(sentinel_id(head, number), direction));
        }
    }

    fn fan_out(&self, mut frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let branches = self.branches.get().and_then(|branches| branches.split_last());
        let Some((&last, first)) = branches else { return emit.discard(frame) };
        frame.identify();
        for &branch in first {
            let copy = frame.share();
            emit.branch(branch, copy);
        }
        emit.branch(last, frame);
    }
}

impl<H: Host> Inline<H> for Rendezvous<H> {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        if is_doorbell(&frame) {
            self.let_in(emit);
        } else if frame.direction == self.inward() {
            self.enter(frame, emit);
        } else {
            emit.forward(frame);
        }
    }
}

/// Where frames leave a branch, on either side.
pub(crate) struct Port<H: Host> {
    branch: usize,
    batch: Arc<Mutex<Batch<H>>>,
    ends: Arc<OnceLock<(u32, u32)>>,
    /// The direction in which frames leave the branch here.
    outward: Direction,
}

impl<H: Host> Port<H> {
    /// A port of a branch, at the end where frames of this direction leave it.
    #[must_use]
    pub(crate) fn new(
        branch: usize,
        batch: Arc<Mutex<Batch<H>>>,
        ends: Arc<OnceLock<(u32, u32)>>,
        outward: Direction,
    ) -> Self {
        Self { branch, batch, ends, outward }
    }

    /// Past the compound's end, as if that had pushed the frame.
    fn let_out(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let Some(&(head, tail)) = self.ends.get() else { return emit.discard(frame) };
        let way_out = if frame.direction == Direction::Downstream { tail } else { head };
        emit.forward_from(way_out, frame);
    }

    /// A sentinel of this compound, of the batch under way.
    fn is_ours(&self, frame: &Frame<H>, batch: &Batch<H>) -> bool {
        is_sentinel(frame)
            && self.ends.get().is_some_and(|&(head, _)| frame.id == sentinel_id(head, batch.number))
    }

    fn let_start_out(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        self.let_out(frame, emit);
        loop {
            // Branches on other threads may have emitted more meanwhile.
            let Some(early) = lock(&self.batch).take_early() else { return };
            for frame in early {
                self.let_out(frame, emit);
            }
        }
    }

    fn release(&self, outputs: Vec<Frame<H>>, emit: &mut Emit<'_, H>) {
        let Some(&(head, _)) = self.ends.get() else { return };
        for frame in outputs {
            if frame.is_stale(lock(&self.batch).epoch) {
                emit.discard(frame);
            } else {
                self.let_out(frame, emit);
            }
        }
        lock(&self.batch).progress = Progress::Idle;
        emit.deliver(Link::Node(head), doorbell(Direction::Downstream));
    }
}

/// What becomes of a frame at the end of a branch.
enum Verdict<H: Host> {
    Pass(Frame<H>),
    Drop(Frame<H>),
    Kept,
    Started(Frame<H>),
    Release(Vec<Frame<H>>),
}

impl<H: Host> Port<H> {
    fn judge(&self, frame: Frame<H>) -> Verdict<H> {
        let mut batch = lock(&self.batch);
        if self.is_ours(&frame, &batch) {
            return match batch.branch_done() {
                Some(outputs) => Verdict::Release(outputs),
                None => Verdict::Drop(frame),
            };
        }
        if frame.class.kind == Kind::Start {
            return if batch.branch_started() { Verdict::Started(frame) } else { Verdict::Drop(frame) };
        }
        if frame.id != 0 && !batch.seen.insert(frame.id) {
            return Verdict::Drop(frame);
        }
        if frame.class.is_system() {
            // A cancel does not wait behind a start that is stuck in a branch.
            if matches!(batch.start, Starting::Inside(_)) && frame.class.kind != Kind::Cancel {
                batch.early.push(frame);
                return Verdict::Kept;
            }
            return Verdict::Pass(frame);
        }
        batch.outputs.push((self.branch, frame));
        Verdict::Kept
    }
}

impl<H: Host> Inline<H> for Port<H> {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        // On the way in it is a wire.
        if frame.direction != self.outward {
            return emit.forward(frame);
        }
        match self.judge(frame) {
            Verdict::Pass(frame) => self.let_out(frame, emit),
            Verdict::Drop(frame) => emit.discard(frame),
            Verdict::Kept => {}
            Verdict::Started(frame) => self.let_start_out(frame, emit),
            Verdict::Release(outputs) => self.release(outputs, emit),
        }
    }
}
