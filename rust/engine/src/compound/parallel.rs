//! Parallel branches: a fork at one end, a join at the other, and the barrier between them.
//!
//! Every frame goes to every branch (of a switch: to the open one), and leaves once. A lifecycle
//! frame is synchronised: until it has left all branches nothing else is let in, and what branches
//! emit meanwhile follows a start and precedes an end.
//!
//! Frames may come from several threads. What waits at an end is let in by that end in its own
//! seat, so nobody who comes meanwhile overtakes it: whoever opens the doors rings there.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use super::Place;
use super::held::{Held, Turn};
use super::interruptions::Interruptions;
use super::mark::{doorbell, is_doorbell, is_sentinel};
use super::seen::Seen;
use super::switch::Choice;
use crate::frame::{Direction, Frame, Kind};
use crate::graph::{Emit, Link};
use crate::host::Host;
use crate::inline::Inline;
use crate::sync::{Mutex, lock};

/// A lifecycle frame on its way through the branches.
struct Crossing {
    kind: Kind,
    direction: Direction,
    id: u64,
    /// In how many branches it still is; 0: it is being handed on.
    left: usize,
}

/// What fork and join of one compound share.
pub(crate) struct Barrier<H: Host> {
    branches: usize,
    crossing: Option<Crossing>,
    /// Frames from outside that wait for the crossing.
    held: Held<H>,
    /// Frames from the branches that wait for the crossing.
    buffered: VecDeque<Frame<H>>,
    /// Sentinels of compounds around this one, and in how many branches they still are.
    sentinels: Vec<(u64, usize)>,
    seen: Seen,
    interruptions: Interruptions,
    /// A cancel has left: nothing follows it.
    closed: bool,
}

impl<H: Host> Barrier<H> {
    /// Of a compound with this many branches.
    #[must_use]
    pub(crate) fn new(branches: usize) -> Self {
        Self {
            branches,
            crossing: None,
            held: Held::default(),
            buffered: VecDeque::new(),
            sentinels: Vec::new(),
            seen: Seen::default(),
            interruptions: Interruptions::default(),
            closed: false,
        }
    }

    /// Whether a frame that comes from outside has to wait. A cancel does not wait behind an end
    /// that is stuck in a branch.
    fn must_wait(&self, frame: &Frame<H>) -> bool {
        match &self.crossing {
            Some(crossing) => frame.class.kind != Kind::Cancel || crossing.kind == Kind::Cancel,
            None => !self.held.is_empty(),
        }
    }

    /// A frame is about to enter the branches. Returns what it drops of those that wait.
    fn admit(&mut self, frame: &Frame<H>) -> Vec<Frame<H>> {
        let kind = frame.class.kind;
        if kind.is_lifecycle() && self.branches > 0 {
            let (direction, id) = (frame.direction, frame.id);
            let overtaken = self.crossing.replace(Crossing { kind, direction, id, left: self.branches });
            if let Some(overtaken) = overtaken {
                self.seen.insert(overtaken.id); // late copies of it go no further
            }
        }
        match kind {
            Kind::Interruption => {
                self.interruptions.enter(frame.epoch);
                self.held.interrupt(frame.epoch)
            }
            Kind::Cancel => self.held.clear(),
            _ => Vec::new(),
        }
    }

    /// The next frame that waits at an end and may enter, and what it drops.
    fn next_held(&mut self, inward: Direction) -> Turn<(Frame<H>, Vec<Frame<H>>)> {
        match self.held.turn() {
            Some(_) if self.crossing.is_some() => Turn::Over,
            Some(direction) if direction != inward => Turn::Elsewhere,
            _ => match self.held.pop() {
                Some(frame) => {
                    let dropped = self.admit(&frame);
                    Turn::Enter((frame, dropped))
                }
                None => Turn::Over,
            },
        }
    }

    /// What becomes of a frame that comes out of a branch.
    fn judge(&mut self, frame: Frame<H>) -> Verdict<H> {
        if self.closed || self.interruptions.drop(&frame) {
            return Verdict::Drop(frame);
        }
        if is_sentinel(&frame) {
            if !self.last_sentinel(frame.id) {
                return Verdict::Drop(frame);
            }
        } else if let Some(crossing) = &mut self.crossing
            && (crossing.kind, crossing.direction) == (frame.class.kind, frame.direction)
        {
            let last = crossing.left == 1;
            crossing.left = crossing.left.saturating_sub(1);
            return if last { Verdict::Crossed(frame) } else { Verdict::Drop(frame) };
        } else if frame.id != 0 && !self.seen.insert(frame.id) {
            return Verdict::Drop(frame);
        }
        if frame.class.kind == Kind::Interruption {
            self.interruptions.leave(frame.epoch);
        }
        if self.crossing.is_some() {
            self.buffered.push_back(frame);
            return Verdict::Kept;
        }
        Verdict::Pass(frame)
    }

    /// A sentinel leaves with the last branch.
    fn last_sentinel(&mut self, id: u64) -> bool {
        let at = self.sentinels.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            self.sentinels.push((id, self.branches));
            self.sentinels.len() - 1
        });
        self.sentinels[at].1 -= 1;
        let last = self.sentinels[at].1 == 0;
        if last {
            self.sentinels.swap_remove(at);
        }
        last
    }

    /// What is buffered. `None`: nothing, so the crossing is over, and the doors are open.
    fn drain(&mut self, kind: Kind) -> Option<VecDeque<Frame<H>>> {
        match &self.crossing {
            Some(crossing) if crossing.kind == kind => {}
            _ => return None, // a cancel has overtaken it
        }
        if !self.buffered.is_empty() {
            return Some(std::mem::take(&mut self.buffered));
        }
        if let Some(crossing) = self.crossing.take() {
            self.seen.insert(crossing.id);
        }
        self.closed = kind == Kind::Cancel;
        None
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
    ends: Arc<OnceLock<Place>>,
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
        ends: Arc<OnceLock<Place>>,
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
        ends: Arc<OnceLock<Place>>,
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
        if is_doorbell(&frame) {
            self.let_in(emit);
        } else if frame.direction == self.inward {
            self.enter(frame, emit);
        } else {
            self.leave(frame, emit);
        }
    }

    fn enter(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let dropped = {
            let mut barrier = lock(&self.barrier);
            if barrier.must_wait(&frame) {
                return barrier.held.push(frame);
            }
            barrier.admit(&frame)
        };
        discard_all(dropped, emit);
        self.fan_out(frame, emit);
    }

    /// The doors are open: let in what waits here, until the next one to close them.
    fn let_in(&self, emit: &mut Emit<'_, H>) {
        loop {
            let turn = lock(&self.barrier).next_held(self.inward);
            match turn {
                Turn::Enter((frame, dropped)) => {
                    discard_all(dropped, emit);
                    self.fan_out(frame, emit);
                }
                Turn::Elsewhere => return self.ring(self.inward.reverse(), emit),
                Turn::Over => return,
            }
        }
    }

    /// Ring at the end where frames of this direction wait.
    fn ring(&self, inward: Direction, emit: &mut Emit<'_, H>) {
        let Some(place) = self.ends.get() else { return };
        let end = if inward == Direction::Downstream { place.head } else { place.tail };
        emit.deliver(Link::Node(end), doorbell(inward));
    }

    fn fan_out(&self, mut frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let Some(branches) = self.branches.get() else { return emit.discard(frame) };
        if let Some(choice) = &self.choice
            && !frame.class.kind.is_lifecycle()
            && !is_sentinel(&frame)
        {
            choice.enters(frame.id);
            return match branches.get(choice.get()) {
                Some(&branch) => emit.branch(branch, frame),
                None => emit.discard(frame),
            };
        }
        let Some((&last, first)) = branches.split_last() else { return emit.discard(frame) };
        frame.identify();
        for &branch in first {
            let copy = frame.share();
            emit.branch(branch, copy);
        }
        emit.branch(last, frame);
    }

    fn leave(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let (verdict, untold) = {
            let mut barrier = lock(&self.barrier);
            (barrier.judge(frame), barrier.interruptions.take_untold())
        };
        if let (Some(epoch), Some(place)) = (untold, self.ends.get()) {
            emit.tell(place.inside(), epoch);
        }
        match verdict {
            Verdict::Pass(frame) => emit.forward(frame),
            Verdict::Drop(frame) => emit.discard(frame),
            Verdict::Kept => {}
            Verdict::Crossed(frame) => self.cross(frame, emit),
        }
    }

    /// The lifecycle frame goes on, with what waited for it in the right order, and the doors open.
    fn cross(&self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        let Some(&place) = self.ends.get() else { return emit.discard(frame) };
        let kind = frame.class.kind;
        let mut buffered = std::mem::take(&mut lock(&self.barrier).buffered);
        if kind == Kind::Start {
            buffered.push_front(frame);
        } else {
            buffered.push_back(frame);
        }
        loop {
            for frame in buffered {
                let way_out = if frame.direction == Direction::Downstream { place.tail } else { place.head };
                emit.forward_from(way_out, frame);
            }
            // Branches on other threads may have emitted more meanwhile.
            let Some(more) = lock(&self.barrier).drain(kind) else { break };
            buffered = more;
        }
        self.ring(Direction::Downstream, emit);
    }
}

fn discard_all<H: Host>(frames: Vec<Frame<H>>, emit: &mut Emit<'_, H>) {
    for frame in frames {
        emit.discard(frame);
    }
}
