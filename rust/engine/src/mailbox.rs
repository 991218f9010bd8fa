//! A node's mailbox: a system lane that is taken first, and a data lane in strict order.

use std::collections::VecDeque;

use crate::epoch::Epoch;
use crate::frame::{Class, Frame, Kind};
use crate::host::Host;

/// Which of a node's two lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// System frames.
    System,
    /// Data and control frames.
    Data,
}

impl Lane {
    /// The lane that frames of a class take.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        if class.is_system() { Self::System } else { Self::Data }
    }
}

/// A frame that waits, and since when.
pub struct Waiting<H: Host> {
    /// The frame.
    pub frame: Frame<H>,
    /// When it came, in milliseconds of the caller's clock.
    pub since_ms: u32,
}

/// Two lanes. Not shared: it belongs to the thread of the loop that its processor runs on.
pub struct Mailbox<H: Host> {
    system: VecDeque<Waiting<H>>,
    data: VecDeque<Waiting<H>>,
}

impl<H: Host> Default for Mailbox<H> {
    fn default() -> Self {
        Self { system: VecDeque::new(), data: VecDeque::new() }
    }
}

impl<H: Host> Mailbox<H> {
    /// Append to a lane. A start frame goes ahead of everything.
    pub fn push(&mut self, lane: Lane, frame: Frame<H>, since_ms: u32) {
        let waiting = Waiting { frame, since_ms };
        let lane = self.lane_mut(lane);
        if waiting.frame.class.kind == Kind::Start {
            lane.push_front(waiting);
        } else {
            lane.push_back(waiting);
        }
    }

    /// Take the first frame of a lane.
    pub fn pop(&mut self, lane: Lane) -> Option<Frame<H>> {
        self.lane_mut(lane).pop_front().map(|waiting| waiting.frame)
    }

    /// Take the first frame of a wanted class out of a lane, from wherever it is.
    pub fn pop_first(&mut self, lane: Lane, wanted: impl Fn(Class) -> bool) -> Option<Frame<H>> {
        let lane = self.lane_mut(lane);
        let at = lane.iter().position(|waiting| wanted(waiting.frame.class))?;
        lane.remove(at).map(|waiting| waiting.frame)
    }

    /// How many frames of a lane are ahead of the first of a wanted class.
    pub fn position(&self, lane: Lane, wanted: impl Fn(Class) -> bool) -> Option<usize> {
        self.lane(lane).iter().position(|waiting| wanted(waiting.frame.class))
    }

    /// Whether a frame of a wanted class waits in a lane.
    pub fn has(&self, lane: Lane, mut wanted: impl FnMut(Class) -> bool) -> bool {
        self.lane(lane).iter().any(|waiting| wanted(waiting.frame.class))
    }

    /// The class at the head of a lane.
    #[must_use]
    pub fn head(&self, lane: Lane) -> Option<Class> {
        self.lane(lane).front().map(|waiting| waiting.frame.class)
    }

    /// How many wait in a lane.
    #[must_use]
    pub fn depth(&self, lane: Lane) -> usize {
        self.lane(lane).len()
    }

    /// When the frame at the head of a lane came.
    #[must_use]
    pub fn oldest_ms(&self, lane: Lane) -> Option<u32> {
        self.lane(lane).front().map(|waiting| waiting.since_ms)
    }

    /// Take out the whole data lane, if an interruption that begins `epoch` drops all of it: hundreds
    /// of frames leave without one of them being moved.
    pub fn purge_whole(&mut self, epoch: Epoch) -> Option<VecDeque<Waiting<H>>> {
        let whole = self.data.iter().all(|waiting| waiting.frame.is_dropped_by(epoch));
        whole.then(|| std::mem::take(&mut self.data))
    }

    /// Take out what an interruption that begins `epoch` drops, keeping the rest in order; tells the
    /// place in the lane of each.
    pub fn purge(&mut self, epoch: Epoch, dropped: &mut Vec<Frame<H>>, mut drops: impl FnMut(usize)) {
        let waiting = std::mem::take(&mut self.data);
        dropped.reserve(waiting.len());
        for (place, waiting) in waiting.into_iter().enumerate() {
            if waiting.frame.is_dropped_by(epoch) {
                drops(place);
                dropped.push(waiting.frame);
            } else {
                self.data.push_back(waiting);
            }
        }
    }

    /// Take out everything.
    pub fn clear(&mut self, dropped: &mut Vec<Frame<H>>) {
        dropped.extend(self.system.drain(..).map(|waiting| waiting.frame));
        dropped.extend(self.data.drain(..).map(|waiting| waiting.frame));
    }

    /// Take out the data lane.
    pub fn clear_data(&mut self, dropped: &mut Vec<Frame<H>>) {
        dropped.extend(self.data.drain(..).map(|waiting| waiting.frame));
    }

    /// All frames that wait.
    pub fn frames(&self) -> impl Iterator<Item = &Frame<H>> {
        self.system.iter().chain(&self.data).map(|waiting| &waiting.frame)
    }

    fn lane(&self, lane: Lane) -> &VecDeque<Waiting<H>> {
        match lane {
            Lane::System => &self.system,
            Lane::Data => &self.data,
        }
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut VecDeque<Waiting<H>> {
        match lane {
            Lane::System => &mut self.system,
            Lane::Data => &mut self.data,
        }
    }
}
