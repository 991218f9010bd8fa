//! A mock host: foreign processors are plain closures, time is a number, the schedule is the test's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::frame::{Bits, Class, Direction, Frame, Kind, NativeFrame, Payload};
use crate::graph::{Edge, Emit, Graph, Layout, Pusher, Worker};
use crate::host::{Bell, Host};
use crate::inbox::{Failure, Inbox};
use crate::inline::Inline;
use crate::interest::Interest;
use crate::mailbox::Lane;
use crate::schedule::{Hop, Scheduler, Step};

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

/// A frame of a class with this number.
#[must_use]
pub fn frame_in(class: u16, id: u64, bits: Bits) -> Frame<MockHost> {
    let mut frame = frame_of(id, Kind::Other, bits);
    frame.class.id = class;
    frame
}

/// A frame born in Rust.
#[must_use]
pub fn native(body: u64) -> Frame<MockHost> {
    let mut frame = frame(0);
    frame.payload = Payload::Native(Arc::new(NativeFrame::new(body)));
    frame
}

/// The same frame on its way back.
#[must_use]
pub fn upstream(mut frame: Frame<MockHost>) -> Frame<MockHost> {
    frame.direction = Direction::Upstream;
    frame
}

/// An interest in classes with these numbers.
#[must_use]
pub fn interest(classes: &[u16]) -> Option<Arc<Interest>> {
    let interest = Interest::default();
    classes.iter().for_each(|&class| interest.add(class));
    Some(Arc::new(interest))
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

/// A stop frame.
#[must_use]
pub fn stop() -> Frame<MockHost> {
    frame_of(1_000_003, Kind::Stop, Bits::CONTROL.with(Bits::UNINTERRUPTIBLE))
}

/// A cancel frame.
#[must_use]
pub fn cancel() -> Frame<MockHost> {
    frame_of(1_000_004, Kind::Cancel, Bits::SYSTEM)
}

/// A system frame without further meaning.
#[must_use]
pub fn system(id: u64) -> Frame<MockHost> {
    frame_of(id, Kind::Other, Bits::SYSTEM)
}

/// An interruption frame.
#[must_use]
pub fn interruption() -> Frame<MockHost> {
    frame_of(1_000_002, Kind::Interruption, Bits::SYSTEM)
}

/// A native processor that passes everything on.
pub struct Wire;

impl Inline<MockHost> for Wire {
    fn process(&mut self, frame: Frame<MockHost>, emit: &mut Emit<'_, MockHost>) {
        emit.forward(frame);
    }
}

/// A native processor from a closure.
pub struct Calls<F>(pub F);

impl<F> Inline<MockHost> for Calls<F>
where
    F: FnMut(Frame<MockHost>, &mut Emit<'_, MockHost>) + Send,
{
    fn process(&mut self, frame: Frame<MockHost>, emit: &mut Emit<'_, MockHost>) {
        (self.0)(frame, emit);
    }
}

/// Lays a closure out as a native processor.
pub fn inline(
    process: impl FnMut(Frame<MockHost>, &mut Emit<'_, MockHost>) + Send + 'static,
) -> Layout<MockHost> {
    Layout::Inline { name: "inline".into(), processor: Box::new(Calls(process)) }
}

/// A native worker that passes everything on, when it is told to and on the thread that tells it.
#[derive(Clone, Default)]
pub struct Passer(Arc<PasserState>);

#[derive(Default)]
struct PasserState {
    passing: Mutex<()>,
    queue: Mutex<VecDeque<Frame<MockHost>>>,
    pusher: Mutex<Option<Pusher<MockHost>>>,
}

impl Passer {
    /// Lay it out.
    #[must_use]
    pub fn layout(&self) -> Layout<MockHost> {
        Layout::Worker { name: "worker".into(), worker: Box::new(self.clone()) }
    }

    /// Pass the oldest frame on. False: there is none.
    pub fn pass_one(&self) -> bool {
        // Two threads must not swap what they took.
        let _passing = self.0.passing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(frame) = next else { return false };
        self.pusher().push(frame)
    }

    /// How it pushes.
    #[must_use]
    pub fn pusher(&self) -> Pusher<MockHost> {
        let pusher = self.0.pusher.lock().unwrap_or_else(PoisonError::into_inner);
        pusher.clone().expect("the graph was built")
    }
}

impl Worker<MockHost> for Passer {
    fn post(&self, frame: Frame<MockHost>) {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(frame);
    }
    fn attach(&self, pusher: Pusher<MockHost>) {
        *self.0.pusher.lock().unwrap_or_else(PoisonError::into_inner) = Some(pusher);
    }
}

/// A scheduler with a graph, and what came out of it.
pub struct Bench {
    /// The scheduler.
    pub scheduler: Scheduler<MockHost>,
    /// Its inbox.
    pub inbox: Arc<Inbox<MockHost>>,
    /// The graph.
    pub graph: Option<Arc<Graph<MockHost>>>,
    /// Frames that left, with the edge.
    pub out: Vec<(Edge, Frame<MockHost>)>,
    /// (slot, frame id) of each step, in order.
    pub log: Vec<(u32, u64)>,
    /// Frames that went no further.
    pub discarded: Vec<Frame<MockHost>>,
    /// Hops that were listened to.
    pub hops: Vec<Hop<MockHost>>,
    /// Panics of native processors.
    pub failures: Vec<Failure>,
    /// Steps that wait for something: of which slot, in which lane, with which frame.
    pub suspended: Vec<(u32, Lane, Frame<MockHost>)>,
}

impl Default for Bench {
    fn default() -> Self {
        let inbox = Arc::new(Inbox::new(Arc::new(SilentBell)));
        Self {
            scheduler: Scheduler::new(Arc::clone(&inbox)),
            inbox,
            graph: None,
            out: Vec::new(),
            log: Vec::new(),
            discarded: Vec::new(),
            hops: Vec::new(),
            failures: Vec::new(),
            suspended: Vec::new(),
        }
    }
}

impl Bench {
    /// A foreign processor.
    pub fn slot(&mut self, name: &str, interest: Option<Arc<Interest>>) -> Layout<MockHost> {
        self.bounded_slot(name, interest, usize::MAX)
    }

    /// A foreign processor with a bound.
    pub fn bounded_slot(
        &mut self,
        name: &str,
        interest: Option<Arc<Interest>>,
        bound: usize,
    ) -> Layout<MockHost> {
        let (slot, gauge) = self.scheduler.seat(name.to_owned(), interest.clone(), bound);
        Layout::Slot { slot, name: name.into(), interest, gauge }
    }

    /// Build the graph.
    pub fn build(&mut self, layout: Layout<MockHost>) {
        let number = self.scheduler.reserve_graph();
        let graph = Graph::build(number, layout, Arc::clone(&self.inbox));
        self.scheduler.adopt(&graph);
        self.graph = Some(graph);
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> Arc<Graph<MockHost>> {
        Arc::clone(self.graph.as_ref().expect("built first"))
    }

    /// Let a frame in.
    pub fn enter(&mut self, frame: Frame<MockHost>) {
        let graph = self.graph();
        self.scheduler.enter(&graph, frame);
        self.collect();
    }

    /// Run until nothing is ready; every processor passes everything on.
    pub fn run(&mut self) {
        while self.step() || !self.scheduler.drain_inbox() {}
        self.collect();
    }

    /// Let all steps that wait go on, and run, until nothing moves.
    pub fn finish(&mut self) {
        self.run();
        while !self.suspended.is_empty() {
            self.resume(0);
            self.run();
        }
    }

    /// Visit the next ready slot once. False: nothing is ready.
    pub fn step(&mut self) -> bool {
        self.visit(|bench, slot, step| bench.pass_on(slot, step))
    }

    /// Visit the next ready slot once; its step waits for something. False: nothing is ready.
    pub fn step_and_suspend(&mut self) -> bool {
        self.visit(|bench, slot, step| bench.suspend(slot, step))
    }

    /// Visit the next ready slot once. False: nothing is ready.
    pub fn visit(&mut self, process: impl FnOnce(&mut Self, u32, Step<MockHost>)) -> bool {
        let Some(slot) = self.scheduler.next_ready() else { return false };
        if let Some(step) = self.scheduler.take(slot) {
            if step.cancel_data {
                self.cancel_suspended(slot);
            }
            self.log.push((slot, step.frame.id));
            process(self, slot, step);
        }
        self.scheduler.settle(slot);
        self.collect();
        true
    }

    /// What an identity processor does.
    pub fn pass_on(&mut self, slot: u32, step: Step<MockHost>) {
        self.scheduler.push(slot, step.frame);
        self.scheduler.done(slot, step.lane);
    }

    /// What a processor does that waits for something first.
    pub fn suspend(&mut self, slot: u32, step: Step<MockHost>) {
        self.scheduler.suspended(slot, step.lane);
        self.suspended.push((slot, step.lane, step.frame));
    }

    /// Let a step that waits go on, to its end.
    pub fn resume(&mut self, index: usize) {
        let (slot, lane, frame) = self.suspended.remove(index);
        self.scheduler.resumed(slot, lane);
        self.scheduler.push(slot, frame);
        self.scheduler.done(slot, lane);
        self.scheduler.poke(slot);
        self.collect();
    }

    fn cancel_suspended(&mut self, slot: u32) {
        let found = self.suspended.iter().position(|(at, lane, _)| (*at, *lane) == (slot, Lane::Data));
        let (_, lane, frame) = self.suspended.remove(found.expect("a data step of the slot waits"));
        self.discarded.push(frame);
        self.scheduler.done(slot, lane);
    }

    fn collect(&mut self) {
        while let Some((_, edge, frame)) = self.scheduler.take_left() {
            self.out.push((edge, frame));
        }
        self.discarded.append(&mut self.scheduler.take_discarded());
        self.hops.append(&mut self.scheduler.take_hops());
        self.failures.append(&mut self.scheduler.take_failures());
    }

    /// Identities of what left at the sink.
    #[must_use]
    pub fn sunk(&self) -> Vec<u64> {
        self.left_at(Edge::Sink)
    }

    /// Identities of what left at an edge.
    #[must_use]
    pub fn left_at(&self, at: Edge) -> Vec<u64> {
        self.out.iter().filter(|(edge, _)| *edge == at).map(|(_, frame)| frame.id).collect()
    }

    /// What a slot has processed.
    #[must_use]
    pub fn processed_by(&self, slot: u32) -> Vec<u64> {
        self.log.iter().filter(|(at, _)| *at == slot).map(|(_, id)| *id).collect()
    }

    /// What went no further.
    #[must_use]
    pub fn dropped(&self) -> Vec<u64> {
        let frames = self.discarded.iter().filter(|frame| frame.class.kind != Kind::Sentinel);
        frames.map(|frame| frame.id).collect()
    }
}
