//! Synchronised branches: a frame goes on when every branch is done with it.
//!
//! Each data or control frame is given to all branches with a sentinel behind it. The sentinel is
//! the engine's own: processors never see it, it passes them in order, so its arrival at the far
//! end says that the branch is done. Then all output of the batch is released, once for each
//! identity, and the next frame is let in. System frames go through at once, but none ahead of the
//! start frame, which waits for the last branch.
//!
//! Branches may run on several threads. What leaves is lined up under the lock and let out by the end
//! in its own seat, so that nothing overtakes on the last step; what waits outside is let in likewise.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use super::Place;
use super::held::{Held, Turn};
use super::interruptions::Interruptions;
use super::mark::{doorbell, is_doorbell, is_sentinel, sentinel, sentinel_id};
use super::seen::Seen;
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
    /// So much of its output is on its way out.
    Releasing(usize),
}

/// How far the start frame is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starting {
    /// Nothing is held for a start frame that may never come.
    Outside,
    /// It is still in so many branches.
    Inside(usize),
    /// It is out.
    Over,
}

/// A frame on its way out.
struct Leaving<H: Host> {
    frame: Frame<H>,
    of_batch: bool,
}

/// What the ports and ends of one compound share.
pub(crate) struct Batch<H: Host> {
    branches: usize,
    order: Order,
    /// Counts batches, so that each has sentinels of its own.
    number: u32,
    progress: Progress,
    outputs: Vec<(usize, Frame<H>)>,
    /// What goes out next, by direction.
    leaving: [VecDeque<Leaving<H>>; 2],
    /// Frames that wait for the batch.
    held: Held<H>,
    start: Starting,
    /// System frames from the branches that wait for the start frame.
    early: Vec<Frame<H>>,
    seen: Seen,
    interruptions: Interruptions,
    /// A cancel has left: nothing follows it.
    closed: bool,
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
            leaving: [VecDeque::new(), VecDeque::new()],
            held: Held::default(),
            start: Starting::Outside,
            early: Vec::new(),
            seen: Seen::default(),
            interruptions: Interruptions::default(),
            closed: false,
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
                self.interruptions.enter(frame.epoch);
                self.held.interrupt(frame.epoch)
            }
            Kind::Cancel => self.held.clear(),
            _ => Vec::new(),
        }
    }

    /// A frame comes out of a branch. Whoever is to let something out or in now is in the answer.
    fn come_out(&mut self, branch: usize, frame: Frame<H>) -> Result<Option<Direction>, Frame<H>> {
        let (kind, direction) = (frame.class.kind, frame.direction);
        if self.closed {
            return Err(frame);
        }
        if kind == Kind::Start {
            return match self.branch_started() {
                true => Ok(self.let_out_start(frame)),
                false => Err(frame),
            };
        }
        if frame.id != 0 && !self.seen.insert(frame.id) {
            return Err(frame);
        }
        if !frame.class.is_system() {
            self.outputs.push((branch, frame));
            return Ok(None);
        }
        match kind {
            Kind::Interruption => self.interruptions.leave(frame.epoch),
            Kind::Cancel => self.closed = true,
            _ => {}
        }
        // A cancel does not wait behind a start that is stuck in a branch.
        if matches!(self.start, Starting::Inside(_)) && kind != Kind::Cancel {
            self.early.push(frame);
            return Ok(None);
        }
        self.leaving[direction as usize].push_back(Leaving { frame, of_batch: false });
        Ok(Some(direction))
    }

    /// A branch lets the start frame out. True: it was the last.
    fn branch_started(&mut self) -> bool {
        let Starting::Inside(left @ 1..) = self.start else { return false };
        self.start = if left > 1 { Starting::Inside(left - 1) } else { Starting::Over };
        left == 1
    }

    /// The start frame goes out, and what waited for it.
    fn let_out_start(&mut self, start: Frame<H>) -> Option<Direction> {
        let direction = start.direction;
        self.leaving[direction as usize].push_back(Leaving { frame: start, of_batch: false });
        for frame in std::mem::take(&mut self.early) {
            self.leaving[frame.direction as usize].push_back(Leaving { frame, of_batch: false });
        }
        Some(direction)
    }

    /// One more branch is done. True: it was the last, and the output is lined up.
    fn branch_done(&mut self) -> bool {
        match self.progress {
            _ if self.closed => return false,
            Progress::Working(1) => self.release(),
            Progress::Working(left) => {
                self.progress = Progress::Working(left - 1);
                return false;
            }
            Progress::Idle | Progress::Releasing(_) => return false,
        }
        true
    }

    fn release(&mut self) {
        let mut outputs = std::mem::take(&mut self.outputs);
        if self.order == Order::Pipeline {
            outputs.sort_by_key(|(branch, _)| *branch);
        }
        // A quick branch lets an end out before a slow one its last words.
        outputs.sort_by_key(|(_, frame)| frame.class.kind.is_terminal());
        self.progress = if outputs.is_empty() { Progress::Idle } else { Progress::Releasing(outputs.len()) };
        for (_, frame) in outputs {
            self.leaving[frame.direction as usize].push_back(Leaving { frame, of_batch: true });
        }
    }

    /// A frame of the batch is out.
    fn released(&mut self) {
        self.progress = match self.progress {
            Progress::Releasing(left @ 2..) => Progress::Releasing(left - 1),
            _ => Progress::Idle,
        };
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

impl RendezvousEnd {
    fn other(self) -> Self {
        match self {
            Self::Head => Self::Tail,
            Self::Tail => Self::Head,
        }
    }

    /// Where frames of this direction leave.
    fn way_out(direction: Direction) -> Self {
        match direction {
            Direction::Downstream => Self::Tail,
            Direction::Upstream => Self::Head,
        }
    }
}

/// Have an end let out, in its own seat, what is lined up there, and in what waits.
fn ring<H: Host>(ends: &OnceLock<Place>, end: RendezvousEnd, emit: &mut Emit<'_, H>) {
    let Some(place) = ends.get() else { return };
    let (node, inward) = match end {
        RendezvousEnd::Head => (place.head, Direction::Downstream),
        RendezvousEnd::Tail => (place.tail, Direction::Upstream),
    };
    emit.deliver(Link::Node(node), doorbell(inward));
}

/// An end: hands frames to all branches, and lets released output out.
pub(crate) struct Rendezvous<H: Host> {
    end: RendezvousEnd,
    batch: Arc<Mutex<Batch<H>>>,
    ends: Arc<OnceLock<Place>>,
    branches: Arc<OnceLock<Vec<Link>>>,
}

impl<H: Host> Rendezvous<H> {
    /// An end. `branches`: the node of each branch that is next to it.
    #[must_use]
    pub(crate) fn new(
        end: RendezvousEnd,
        batch: Arc<Mutex<Batch<H>>>,
        ends: Arc<OnceLock<Place>>,
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

    /// Let out what is lined up here.
    fn let_out(&self, emit: &mut Emit<'_, H>) {
        loop {
            let (leaving, stale) = {
                let mut batch = lock(&self.batch);
                let outward = self.inward().reverse();
                let Some(leaving) = batch.leaving[outward as usize].pop_front() else { return };
                let stale = batch.interruptions.stale(&leaving.frame);
                (leaving, stale)
            };
            if stale {
                emit.discard(leaving.frame);
            } else {
                emit.forward(leaving.frame);
            }
            if leaving.of_batch {
                lock(&self.batch).released();
            }
        }
    }

    /// The batch is over: let in what waits here.
    fn let_in(&self, emit: &mut Emit<'_, H>) {
        loop {
            let turn = lock(&self.batch).next_held(self.inward());
            match turn {
                Turn::Enter((frame, number)) => self.work(frame, number, emit),
                Turn::Elsewhere => return ring(&self.ends, self.end.other(), emit),
                Turn::Over => return,
            }
        }
    }

    /// Give a frame to all branches, with the sentinels behind it.
    fn work(&self, frame: Frame<H>, number: u32, emit: &mut Emit<'_, H>) {
        let (Some(branches), Some(&Place { head, .. })) = (self.branches.get(), self.ends.get()) else {
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
            self.let_out(emit);
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
    ends: Arc<OnceLock<Place>>,
    /// The direction in which frames leave the branch here.
    outward: Direction,
}

impl<H: Host> Port<H> {
    /// A port of a branch, at the end where frames of this direction leave it.
    #[must_use]
    pub(crate) fn new(
        branch: usize,
        batch: Arc<Mutex<Batch<H>>>,
        ends: Arc<OnceLock<Place>>,
        outward: Direction,
    ) -> Self {
        Self { branch, batch, ends, outward }
    }

    /// A sentinel of this compound, of the batch under way.
    fn is_ours(&self, frame: &Frame<H>, batch: &Batch<H>) -> bool {
        is_sentinel(frame)
            && self.ends.get().is_some_and(|place| frame.id == sentinel_id(place.head, batch.number))
    }

    fn leave(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let mut batch = lock(&self.batch);
        if self.is_ours(&frame, &batch) {
            let done = batch.branch_done();
            drop(batch);
            emit.discard(frame);
            if done {
                ring(&self.ends, RendezvousEnd::Tail, emit);
                ring(&self.ends, RendezvousEnd::Head, emit);
            }
            return;
        }
        let started = frame.class.kind == Kind::Start;
        let answer = batch.come_out(self.branch, frame);
        let untold = batch.interruptions.take_untold();
        drop(batch);
        if let (Some(epoch), Some(place)) = (untold, self.ends.get()) {
            emit.tell(place.inside(), epoch);
        }
        match answer {
            Ok(Some(direction)) => {
                ring(&self.ends, RendezvousEnd::way_out(direction), emit);
                if started {
                    // What waited for it may go the other way.
                    ring(&self.ends, RendezvousEnd::way_out(direction.reverse()), emit);
                }
            }
            Ok(None) => {}
            Err(frame) => emit.discard(frame),
        }
    }
}

impl<H: Host> Inline<H> for Port<H> {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        // On the way in it is a wire.
        if frame.direction == self.outward {
            self.leave(frame, emit);
        } else {
            emit.forward(frame);
        }
    }
}
