//! A running pipeline as links between nodes. Compounds are flattened when it is built: nesting
//! costs nothing per frame, and of a compound only what has meaning at run time stays as an inline
//! node (fork, join, gate).

use std::ops::Range;
use std::sync::{Arc, OnceLock, Weak};

use crate::compound::{
    Barrier, Batch, Choice, Fork, Gate, Join, Order, Place, Port, Rendezvous, RendezvousEnd,
};
use crate::epoch::{Epoch, EpochCounter};
use crate::frame::{Class, Direction, Frame, Kind};
use crate::gauge::Gauge;
use crate::host::Host;
use crate::inbox::{Failure, Inbox, Post};
use crate::inline::{Inline, InlineSeat};
use crate::interest::Interest;
use crate::mailbox::Lane;
use crate::sync::{AtomicBool, Mutex, Ordering};

/// Where a frame can leave a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Upstream, past the first node.
    Source,
    /// Downstream, past the last node.
    Sink,
}

/// What a node's neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nobody: a frame pushed there is dropped.
    End,
    /// The graph's own end.
    Edge(Edge),
    /// A node.
    Node(u32),
}

/// A native processor with a task of its own: timers, sockets, heavy DSP.
pub trait Worker<H: Host>: Send + Sync {
    /// Take a frame. Never waits; called on whichever thread delivers. What it has no use for it
    /// pushes on, behind what came before: [`Kind::Sentinel`] too.
    fn post(&self, frame: Frame<H>);
    /// Learn where to push.
    fn attach(&self, pusher: Pusher<H>);
}

/// What sits in a node.
pub enum Seat<H: Host> {
    /// A foreign processor: the number of its slot in the loop's scheduler.
    Slot(u32),
    /// A synchronous native processor.
    Inline(InlineSeat<H>),
    /// A native processor with a task of its own.
    Worker(Box<dyn Worker<H>>),
}

/// A place in a graph.
pub struct Node<H: Host> {
    /// For people.
    pub name: Arc<str>,
    /// What sits here.
    pub seat: Seat<H>,
    /// Downstream neighbour.
    pub next: Link,
    /// Upstream neighbour.
    pub previous: Link,
    /// What it handles itself; `None`: everything.
    pub interest: Option<Arc<Interest>>,
    /// What can be seen of it from outside.
    pub gauge: Arc<Gauge>,
    /// Whether a frame on its way from here may meet a node that compares identities.
    pub needs_id: [bool; 2],
}

/// The shape of a pipeline before it is flattened.
pub enum Layout<H: Host> {
    /// A foreign processor.
    Slot {
        /// Number of its slot.
        slot: u32,
        /// For people.
        name: Arc<str>,
        /// What it handles; `None`: everything.
        interest: Option<Arc<Interest>>,
        /// What can be seen of it.
        gauge: Arc<Gauge>,
    },
    /// A native synchronous processor.
    Inline {
        /// For people.
        name: Arc<str>,
        /// The processor.
        processor: Box<dyn Inline<H>>,
    },
    /// A native processor with a task of its own.
    Worker {
        /// For people.
        name: Arc<str>,
        /// The processor.
        worker: Box<dyn Worker<H>>,
    },
    /// One after another.
    Sequence(Vec<Layout<H>>),
    /// Every frame to every branch; one copy goes on.
    Parallel {
        /// For people.
        name: Arc<str>,
        /// The branches.
        branches: Vec<Layout<H>>,
    },
    /// Every frame to every branch; goes on when all are done with it.
    Synchronised {
        /// For people.
        name: Arc<str>,
        /// The branches.
        branches: Vec<Layout<H>>,
        /// In which order outputs are released.
        order: Order,
    },
    /// Every frame to the chosen branch.
    Switch {
        /// For people.
        name: Arc<str>,
        /// The branches.
        branches: Vec<Layout<H>>,
        /// Which is chosen; may change at any moment.
        choice: Choice,
    },
}

/// Who hears of hops.
#[derive(Default)]
pub struct Tap {
    active: AtomicBool,
    everything: AtomicBool,
    /// The classes to hear of, unless it is everything.
    pub classes: Arc<Interest>,
}

impl Tap {
    /// Listen to every class, or to those named only.
    pub fn set_everything(&self, everything: bool) {
        self.everything.store(everything, Ordering::Release);
    }
    /// Stop listening altogether, or go on.
    pub fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Release);
    }
    /// Whether anybody wants to hear of frames of this class.
    #[inline]
    #[must_use]
    pub fn wants(&self, class: Class) -> bool {
        self.is_active()
            && class.kind != Kind::Sentinel
            && (self.everything.load(Ordering::Relaxed) || self.classes.names(class))
    }
    /// Whether anybody listens at all.
    #[inline]
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }
}

/// A built pipeline. Its links never change.
pub struct Graph<H: Host> {
    /// Number in its scheduler.
    pub number: u32,
    /// Its nodes.
    pub nodes: Box<[Node<H>]>,
    /// Where downstream frames enter.
    pub entry: Link,
    /// Where upstream frames enter.
    pub exit: Link,
    /// Whether a frame that enters, downstream or upstream, may meet a node that compares identities.
    pub entry_needs_id: [bool; 2],
    /// Its interruptions.
    pub epochs: EpochCounter,
    /// Who hears of hops.
    pub tap: Tap,
    /// Whether anybody wants ordinary frames that leave past the sink, or past the source.
    wanted_outside: [AtomicBool; 2],
    inbox: Arc<Inbox<H>>,
}

/// Takes what a native stretch hands over: the loop's scheduler on its own thread, or the inbox
/// from any other.
pub trait Outlet<H: Host> {
    /// A frame for a foreign node.
    fn arrive(&mut self, graph: &Graph<H>, node: u32, slot: u32, frame: Frame<H>);
    /// A frame left the graph.
    fn left(&mut self, graph: &Graph<H>, edge: Edge, frame: Frame<H>);
    /// A hop that is listened to.
    fn hop(&mut self, graph: &Graph<H>, source: u32, target: Link, frame: Frame<H>);
    /// Foreign nodes are to know of an epoch that no interruption brings them.
    fn tell(&mut self, graph: &Graph<H>, nodes: Range<u32>, epoch: Epoch);
    /// A frame that goes no further.
    fn discard(&mut self, frame: Frame<H>);
    /// A native processor panicked, and the frame it had in hand is lost.
    fn failed(&mut self, graph: &Graph<H>, node: u32, message: String);
}

/// How an inline processor hands frames on.
pub struct Emit<'a, H: Host> {
    /// The graph it is in.
    pub graph: &'a Graph<H>,
    /// Its node.
    pub node: u32,
    outlet: &'a mut dyn Outlet<H>,
}

impl<'a, H: Host> Emit<'a, H> {
    /// For a node of a graph.
    pub fn new(graph: &'a Graph<H>, node: u32, outlet: &'a mut dyn Outlet<H>) -> Self {
        Self { graph, node, outlet }
    }
    /// On in the frame's direction.
    #[inline]
    pub fn forward(&mut self, frame: Frame<H>) {
        self.graph.push_from(self.node, frame, self.outlet);
    }
    /// On as if another node had pushed it.
    pub(crate) fn forward_from(&mut self, node: u32, frame: Frame<H>) {
        self.graph.push_from(node, frame, self.outlet);
    }
    /// Into a branch.
    pub fn branch(&mut self, to: Link, mut frame: Frame<H>) {
        if self.graph.tap.wants(frame.class) {
            let copy = frame.share();
            self.outlet.hop(self.graph, self.node, to, copy);
        }
        self.graph.deliver(to, frame, self.outlet);
    }
    /// To a node that has let it in once already.
    pub fn deliver(&mut self, to: Link, frame: Frame<H>) {
        self.graph.deliver(to, frame, self.outlet);
    }
    /// What these nodes make from now on belongs to an epoch of which no interruption tells them.
    pub(crate) fn tell(&mut self, nodes: Range<u32>, epoch: Epoch) {
        self.outlet.tell(self.graph, nodes, epoch);
    }
    /// No further.
    pub fn discard(&mut self, frame: Frame<H>) {
        self.outlet.discard(frame);
    }
    /// The processor panicked.
    #[cold]
    pub(crate) fn failed(&mut self, message: String) {
        self.outlet.failed(self.graph, self.node, message);
    }
}

impl<H: Host> Graph<H> {
    /// Flatten a layout.
    pub fn build(number: u32, layout: Layout<H>, inbox: Arc<Inbox<H>>) -> Arc<Self> {
        let mut builder = Builder { nodes: Vec::new(), synchronised: 0 };
        let (entry, exit) = match builder.lay(layout) {
            Some(segment) => {
                builder.nodes[segment.head as usize].previous = Link::Edge(Edge::Source);
                builder.nodes[segment.tail as usize].next = Link::Edge(Edge::Sink);
                (Link::Node(segment.head), Link::Node(segment.tail))
            }
            None => (Link::Edge(Edge::Sink), Link::Edge(Edge::Source)),
        };
        let mut nodes = builder.nodes.into_boxed_slice();
        let entry_needs_id = mark_identity(&mut nodes, entry, exit);
        let graph = Arc::new(Self {
            number,
            nodes,
            entry,
            exit,
            entry_needs_id,
            epochs: EpochCounter::default(),
            tap: Tap::default(),
            wanted_outside: [AtomicBool::new(true), AtomicBool::new(true)],
            inbox,
        });
        for (index, node) in graph.nodes.iter().enumerate() {
            match &node.seat {
                Seat::Worker(worker) => worker.attach(Pusher::at(&graph, index as u32)),
                Seat::Inline(seat) => seat.attach(Pusher::at(&graph, index as u32)),
                Seat::Slot(_) => {}
            }
        }
        graph
    }

    /// Say whether anybody wants ordinary frames that leave there: if not, those that a worker pushed
    /// end without waking the loop. Twice fifty frames of audio a second leave most pipelines.
    pub fn set_wanted_outside(&self, edge: Edge, wanted: bool) {
        self.wanted_outside[edge as usize].store(wanted, Ordering::Release);
    }

    /// The node of a foreign processor, by its slot.
    #[must_use]
    pub fn node_of_slot(&self, slot: u32) -> Option<u32> {
        let found = self.nodes.iter().position(|node| matches!(node.seat, Seat::Slot(own) if own == slot));
        found.map(|index| index as u32)
    }

    /// A node's neighbour in a direction.
    #[inline]
    #[must_use]
    pub fn neighbour(&self, node: u32, direction: Direction) -> Link {
        let node = &self.nodes[node as usize];
        match direction {
            Direction::Downstream => node.next,
            Direction::Upstream => node.previous,
        }
    }

    /// Push from a node to its neighbour in the frame's direction.
    #[inline]
    pub fn push_from(&self, node: u32, mut frame: Frame<H>, outlet: &mut dyn Outlet<H>) {
        let target = self.neighbour(node, frame.direction);
        if self.tap.wants(frame.class) {
            let copy = frame.share();
            outlet.hop(self, node, target, copy);
        }
        self.deliver(target, frame, outlet);
    }

    /// Send a frame to a foreign node through the inbox.
    pub(crate) fn post(&self, node: u32, slot: u32, frame: Frame<H>) {
        self.nodes[node as usize].gauge.posted(Lane::of(frame.class));
        self.inbox.post(Post::Frame { graph: self.number, slot, frame });
    }

    /// The same, for a frame that may wait a moment for company.
    fn post_patiently(&self, node: u32, slot: u32, frame: Frame<H>) {
        self.nodes[node as usize].gauge.posted(Lane::of(frame.class));
        self.inbox.post_patiently(Post::Frame { graph: self.number, slot, frame });
    }

    /// Hand a frame to a neighbour.
    #[inline]
    pub fn deliver(&self, to: Link, frame: Frame<H>, outlet: &mut dyn Outlet<H>) {
        match to {
            Link::Node(index) => {
                let node = &self.nodes[index as usize];
                match &node.seat {
                    Seat::Inline(seat) => seat.run(frame, &mut Emit { graph: self, node: index, outlet }),
                    Seat::Slot(slot) => outlet.arrive(self, index, *slot, frame),
                    Seat::Worker(worker) => worker.post(frame),
                }
            }
            Link::Edge(edge) => outlet.left(self, edge, frame),
            Link::End => outlet.discard(frame),
        }
    }
}

/// Whether a processor with this interest handles frames of a class itself.
#[inline]
pub(crate) fn handles(interest: Option<&Interest>, class: Class) -> bool {
    class.kind != Kind::Sentinel && interest.is_none_or(|interest| interest.covers(class))
}

/// The outlet of any thread but the loop's.
struct WorkerOutlet {
    /// Whether frames for foreign nodes may wait a moment for company.
    patient: bool,
}

impl<H: Host> Outlet<H> for WorkerOutlet {
    fn arrive(&mut self, graph: &Graph<H>, node: u32, slot: u32, frame: Frame<H>) {
        let place = &graph.nodes[node as usize];
        let lane = Lane::of(frame.class);
        // Past a processor that does not want it, if nothing that it must stay behind is there.
        if !handles(place.interest.as_deref(), frame.class) && place.gauge.is_idle(lane) {
            graph.push_from(node, frame, self);
        } else if self.patient {
            graph.post_patiently(node, slot, frame);
        } else {
            graph.post(node, slot, frame);
        }
    }
    fn left(&mut self, graph: &Graph<H>, edge: Edge, frame: Frame<H>) {
        let ordinary = matches!(frame.class.kind, Kind::Other | Kind::Metrics);
        if ordinary && !graph.wanted_outside[edge as usize].load(Ordering::Acquire) {
            return;
        }
        graph.inbox.post(Post::Left { graph: graph.number, edge, frame });
    }
    fn hop(&mut self, graph: &Graph<H>, source: u32, target: Link, frame: Frame<H>) {
        graph.inbox.post(Post::Hop { graph: graph.number, source, target, frame });
    }
    fn tell(&mut self, graph: &Graph<H>, nodes: Range<u32>, epoch: Epoch) {
        graph.inbox.post(Post::Epoch { graph: graph.number, nodes, epoch });
    }
    fn discard(&mut self, _frame: Frame<H>) {}
    fn failed(&mut self, graph: &Graph<H>, node: u32, message: String) {
        graph.inbox.post(Post::Failed(Failure { graph: graph.number, node, message }));
    }
}

/// How a worker pushes, from any thread. Outlives its graph harmlessly.
pub struct Pusher<H: Host> {
    graph: Weak<Graph<H>>,
    node: u32,
}

impl<H: Host> Clone for Pusher<H> {
    fn clone(&self) -> Self {
        Self { graph: Weak::clone(&self.graph), node: self.node }
    }
}

impl<H: Host> Pusher<H> {
    /// Push in the frame's direction. False: the graph is gone.
    pub fn push(&self, frame: Frame<H>) -> bool {
        let Some(graph) = self.graph.upgrade() else { return false };
        graph.push_from(self.node, frame, &mut WorkerOutlet { patient: false });
        true
    }
    /// Push a frame of which there are many, such as audio: a foreign processor that handles it may
    /// get it up to a millisecond later, if its loop was woken a moment ago. False: the graph is gone.
    pub fn push_patiently(&self, frame: Frame<H>) -> bool {
        let Some(graph) = self.graph.upgrade() else { return false };
        graph.push_from(self.node, frame, &mut WorkerOutlet { patient: true });
        true
    }
    /// Begin a new epoch of the task.
    #[must_use]
    pub fn begin_epoch(&self) -> crate::epoch::Epoch {
        self.graph.upgrade().map_or_else(Default::default, |graph| graph.epochs.begin())
    }
    /// The task's epoch now.
    #[must_use]
    pub fn epoch(&self) -> crate::epoch::Epoch {
        self.graph.upgrade().map_or_else(Default::default, |graph| graph.epochs.current())
    }
    /// How something that has no seat of its own pushes as a node: what plays for a foreign
    /// processor, what receives for it.
    #[must_use]
    pub fn at(graph: &Arc<Graph<H>>, node: u32) -> Self {
        Self { graph: Arc::downgrade(graph), node }
    }
    /// Deliver into this node's own mailbox instead of its neighbour's.
    pub fn deliver(&self, frame: Frame<H>) -> bool {
        let Some(graph) = self.graph.upgrade() else { return false };
        graph.deliver(Link::Node(self.node), frame, &mut WorkerOutlet { patient: false });
        true
    }
}

struct Segment {
    head: u32,
    tail: u32,
}

struct Builder<H: Host> {
    nodes: Vec<Node<H>>,
    /// How many synchronised compounds are around what is being laid out.
    synchronised: u32,
}

impl<H: Host> Builder<H> {
    fn node(
        &mut self,
        name: Arc<str>,
        seat: Seat<H>,
        interest: Option<Arc<Interest>>,
        gauge: Arc<Gauge>,
    ) -> u32 {
        let index = self.nodes.len() as u32;
        let (next, previous) = (Link::End, Link::End);
        self.nodes.push(Node { name, seat, next, previous, interest, gauge, needs_id: [false; 2] });
        index
    }

    fn inline(&mut self, name: &str, processor: Box<dyn Inline<H>>) -> u32 {
        let seat = Seat::Inline(InlineSeat::new(processor));
        self.node(name.into(), seat, None, Arc::new(Gauge::default()))
    }

    fn link(&mut self, from: u32, to: u32) {
        self.nodes[from as usize].next = Link::Node(to);
        self.nodes[to as usize].previous = Link::Node(from);
    }

    /// Lay a layout out; `None` if it has no node.
    fn lay(&mut self, layout: Layout<H>) -> Option<Segment> {
        let single = |index| Some(Segment { head: index, tail: index });
        match layout {
            Layout::Slot { slot, name, interest, gauge } => {
                single(self.node(name, Seat::Slot(slot), interest, gauge))
            }
            Layout::Inline { name, processor } => {
                let processor =
                    if self.synchronised > 0 { Box::new(PastSentinels(processor)) } else { processor };
                single(self.inline(&name, processor))
            }
            Layout::Worker { name, worker } => {
                single(self.node(name, Seat::Worker(worker), None, Arc::new(Gauge::default())))
            }
            Layout::Sequence(items) => {
                let mut whole: Option<Segment> = None;
                for item in items {
                    let Some(part) = self.lay(item) else { continue };
                    whole = Some(match whole {
                        Some(before) => {
                            self.link(before.tail, part.head);
                            Segment { head: before.head, tail: part.tail }
                        }
                        None => part,
                    });
                }
                whole
            }
            Layout::Parallel { branches, .. }
            | Layout::Switch { branches, .. }
            | Layout::Synchronised { branches, .. }
                if branches.is_empty() =>
            {
                None
            }
            Layout::Parallel { name, branches } => Some(self.lay_parallel(&name, branches, None)),
            Layout::Switch { name, branches, choice } => {
                Some(self.lay_parallel(&name, branches, Some(choice)))
            }
            Layout::Synchronised { name, branches, order } => {
                self.synchronised += 1;
                let segment = self.lay_synchronised(&name, branches, order);
                self.synchronised -= 1;
                Some(segment)
            }
        }
    }

    fn lay_parallel(&mut self, name: &str, branches: Vec<Layout<H>>, choice: Option<Choice>) -> Segment {
        let shared = Arc::new(Mutex::new(Barrier::new(branches.len())));
        let ends: Arc<OnceLock<Place>> = Arc::default();
        let heads: Arc<OnceLock<Vec<Link>>> = Arc::default();
        let tails: Arc<OnceLock<Vec<Link>>> = Arc::default();
        let fork = Fork::new(Arc::clone(&shared), Arc::clone(&ends), Arc::clone(&heads), choice.clone());
        let join = Join::new(shared, Arc::clone(&ends), Arc::clone(&tails), choice.clone());
        let head = self.inline(&format!("{name}::fork"), Box::new(fork));
        let tail = self.inline(&format!("{name}::join"), Box::new(join));
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for (index, branch) in branches.into_iter().enumerate() {
            // Of a switch, each branch stands between two gates; a bare branch is a gate too.
            let gates = choice.as_ref().map(|choice| {
                let mut gate = |outward| {
                    let gate = Gate::new(choice.clone(), index, outward);
                    self.inline(&format!("{name}::gate{index}"), Box::new(gate))
                };
                (gate(Direction::Upstream), gate(Direction::Downstream))
            });
            let inner = self.lay(branch);
            let (from, to) = match (gates, inner) {
                (Some((before, after)), Some(inner)) => {
                    self.link(before, inner.head);
                    self.link(inner.tail, after);
                    (before, after)
                }
                (Some((before, after)), None) => {
                    self.link(before, after);
                    (before, after)
                }
                (None, Some(inner)) => (inner.head, inner.tail),
                (None, None) => {
                    let wire = self.inline(&format!("{name}::wire{index}"), Box::new(Wire));
                    (wire, wire)
                }
            };
            self.nodes[from as usize].previous = Link::Node(head);
            self.nodes[to as usize].next = Link::Node(tail);
            first.push(Link::Node(from));
            last.push(Link::Node(to));
        }
        settle(&ends, Place { head, tail, past: self.nodes.len() as u32 });
        settle(&heads, first);
        settle(&tails, last);
        Segment { head, tail }
    }

    fn lay_synchronised(&mut self, name: &str, branches: Vec<Layout<H>>, order: Order) -> Segment {
        let batch = Arc::new(Mutex::new(Batch::new(branches.len(), order)));
        let ends: Arc<OnceLock<Place>> = Arc::default();
        let heads: Arc<OnceLock<Vec<Link>>> = Arc::default();
        let tails: Arc<OnceLock<Vec<Link>>> = Arc::default();
        let end = |edge, links: &Arc<OnceLock<Vec<Link>>>| {
            Box::new(Rendezvous::new(edge, Arc::clone(&batch), Arc::clone(&ends), Arc::clone(links)))
        };
        let head = self.inline(&format!("{name}::fork"), end(RendezvousEnd::Head, &heads));
        let tail = self.inline(&format!("{name}::join"), end(RendezvousEnd::Tail, &tails));
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for (index, branch) in branches.into_iter().enumerate() {
            let mut port = |outward| {
                let port = Port::new(index, Arc::clone(&batch), Arc::clone(&ends), outward);
                self.inline(&format!("{name}::port{index}"), Box::new(port))
            };
            let (before, after) = (port(Direction::Upstream), port(Direction::Downstream));
            match self.lay(branch) {
                Some(inner) => {
                    self.link(before, inner.head);
                    self.link(inner.tail, after);
                }
                None => self.link(before, after),
            }
            self.nodes[before as usize].previous = Link::Node(head);
            self.nodes[after as usize].next = Link::Node(tail);
            first.push(Link::Node(before));
            last.push(Link::Node(after));
        }
        settle(&ends, Place { head, tail, past: self.nodes.len() as u32 });
        settle(&heads, first);
        settle(&tails, last);
        Segment { head, tail }
    }
}

fn settle<T>(cell: &OnceLock<T>, value: T) {
    let fresh = cell.set(value).is_ok();
    debug_assert!(fresh, "each compound is laid out once");
}

/// An empty branch.
struct Wire;
impl<H: Host> Inline<H> for Wire {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        emit.forward(frame);
    }
}

/// A native processor inside a synchronised compound: it sees no sentinel, which passes it in its
/// own seat and so in order.
struct PastSentinels<H: Host>(Box<dyn Inline<H>>);
impl<H: Host> Inline<H> for PastSentinels<H> {
    fn process(&mut self, frame: Frame<H>, emit: &mut Emit<'_, H>) {
        if frame.class.kind == Kind::Sentinel {
            emit.forward(frame);
        } else {
            self.0.process(frame, emit);
        }
    }

    fn attach(&mut self, pusher: Pusher<H>) {
        self.0.attach(pusher);
    }
}

/// Foreign frames that may meet an inline node next are given their identity first: only the
/// host's thread can ask the host for it, while a fork or a join may run on any. Returns the same
/// for frames that enter the graph.
fn mark_identity<H: Host>(nodes: &mut [Node<H>], entry: Link, exit: Link) -> [bool; 2] {
    let meets = |nodes: &[Node<H>], mut link: Link, direction: Direction| {
        // Past processors that may be bypassed, up to the next native one.
        while let Link::Node(index) = link {
            let node = &nodes[index as usize];
            if !matches!(node.seat, Seat::Slot(_)) {
                return true;
            }
            if node.interest.is_none() {
                return false;
            }
            link = match direction {
                Direction::Downstream => node.next,
                Direction::Upstream => node.previous,
            };
        }
        false
    };
    for index in 0..nodes.len() {
        let needs = [
            meets(nodes, nodes[index].next, Direction::Downstream),
            meets(nodes, nodes[index].previous, Direction::Upstream),
        ];
        nodes[index].needs_id = needs;
    }
    [meets(nodes, entry, Direction::Downstream), meets(nodes, exit, Direction::Upstream)]
}
