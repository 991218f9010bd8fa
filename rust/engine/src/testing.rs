//! A mock host: foreign processors are plain closures, time is a number, the schedule is the test's.

use std::sync::Arc;

use crate::frame::{Bits, Class, Direction, Frame, Kind, Payload};
use crate::graph::{Edge, Graph, Layout};
use crate::host::{Bell, Host};
use crate::inbox::Inbox;
use crate::interest::Interest;
use crate::mailbox::Lane;
use crate::schedule::{Scheduler, Step};

/// A host whose objects are numbers.
pub struct MockHost;

impl Host for MockHost {
    type Object = u64;
    type Native = u64;
    type Seat = String;
}

/// Rings nowhere.
pub struct SilentBell;

impl Bell for SilentBell {
    fn ring(&self) {}
}

/// A plain data frame.
#[must_use]
pub fn frame(id: u64) -> Frame<MockHost> {
    frame_of(id, Kind::Other, Bits::default())
}

/// A frame of a kind.
#[must_use]
pub fn frame_of(id: u64, kind: Kind, bits: Bits) -> Frame<MockHost> {
    Frame {
        class: Class { id: kind as u16, kind, bits },
        epoch: Default::default(),
        id,
        direction: Direction::Downstream,
        payload: Payload::Foreign(id),
    }
}

/// A start frame.
#[must_use]
pub fn start() -> Frame<MockHost> {
    frame_of(1_000_000, Kind::Start, Bits::SYSTEM)
}

/// An end frame.
#[must_use]
pub fn end() -> Frame<MockHost> {
    frame_of(1_000_001, Kind::End, Bits::CONTROL.with(Bits::UNINTERRUPTIBLE))
}

/// An interruption frame.
#[must_use]
pub fn interruption() -> Frame<MockHost> {
    frame_of(1_000_002, Kind::Interruption, Bits::SYSTEM)
}

/// A scheduler with a graph, and what came out of it.
pub struct Bench {
    /// The scheduler.
    pub scheduler: Scheduler<MockHost>,
    /// The graph.
    pub graph: Option<Arc<Graph<MockHost>>>,
    /// Frames that left, with the edge.
    pub out: Vec<(Edge, Frame<MockHost>)>,
    /// (slot, frame id) of each step, in order.
    pub log: Vec<(u32, u64)>,
}

impl Default for Bench {
    fn default() -> Self {
        let inbox = Arc::new(Inbox::new(Arc::new(SilentBell)));
        Self { scheduler: Scheduler::new(inbox), graph: None, out: Vec::new(), log: Vec::new() }
    }
}

impl Bench {
    /// A foreign processor.
    pub fn slot(&mut self, name: &str, interest: Option<Arc<Interest>>) -> Layout<MockHost> {
        let (slot, gauge) = self.scheduler.seat(name.to_owned(), interest.clone(), usize::MAX);
        Layout::Slot { slot, name: name.into(), interest, gauge }
    }

    /// Build the graph.
    pub fn build(&mut self, layout: Layout<MockHost>) {
        let number = self.scheduler.reserve_graph();
        let inbox = Arc::new(Inbox::new(Arc::new(SilentBell)));
        let graph = Graph::build(number, layout, inbox);
        self.scheduler.adopt(&graph);
        self.graph = Some(graph);
    }

    /// Let a frame in.
    pub fn enter(&mut self, frame: Frame<MockHost>) {
        let graph = self.graph.clone().expect("built first");
        self.scheduler.enter(&graph, frame);
    }

    /// Run until nothing is ready; every processor passes everything on.
    pub fn run(&mut self) {
        while self.step() {}
    }

    /// Visit the next ready slot once. False: nothing is ready.
    pub fn step(&mut self) -> bool {
        self.collect();
        let Some(slot) = self.scheduler.next_ready() else { return false };
        if let Some(step) = self.scheduler.take(slot) {
            self.pass_on(slot, step);
        }
        self.scheduler.settle(slot);
        self.collect();
        true
    }

    /// What an identity processor does.
    pub fn pass_on(&mut self, slot: u32, step: Step<MockHost>) {
        let lane: Lane = step.lane;
        self.log.push((slot, step.frame.id));
        self.scheduler.push(slot, step.frame);
        self.scheduler.done(slot, lane);
    }

    fn collect(&mut self) {
        while let Some((_, edge, frame)) = self.scheduler.take_left() {
            self.out.push((edge, frame));
        }
        drop(self.scheduler.take_discarded());
    }

    /// Identities of what left at the sink.
    #[must_use]
    pub fn sunk(&self) -> Vec<u64> {
        self.out.iter().filter(|(edge, _)| *edge == Edge::Sink).map(|(_, frame)| frame.id).collect()
    }
}
