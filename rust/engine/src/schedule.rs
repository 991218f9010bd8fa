//! The loop's scheduler: mailboxes of the foreign processors of one loop, and who is next.
//!
//! It belongs to the loop's thread, so a hop between two foreign processors needs no lock and no
//! atomic exchange. It steps nobody itself: the host asks for the next [`Step`], runs it, and says
//! when it is done. Nothing here can run foreign code; frames that go no further are kept in
//! [`Scheduler::take_discarded`] for the host to drop outside.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use crate::epoch::Epoch;
use crate::frame::{Bits, Class, Direction, Frame, Kind};
use crate::gauge::Gauge;
use crate::graph::{Edge, Graph, Link, Outlet, Seat, handles};
use crate::host::Host;
use crate::inbox::{Failure, Inbox, Post};
use crate::interest::Interest;
use crate::lease::Leases;
use crate::mailbox::{Lane, Mailbox, Waiting};

/// What a lane has in hand.
#[derive(Clone, Copy, Debug)]
struct Hand {
    class: Class,
    epoch: Epoch,
    suspended: bool,
}

/// A neighbour, resolved as far as possible.
#[derive(Clone, Copy, Debug)]
enum Way {
    End,
    Slot(u32),
    Native(Link),
}

/// Something for the host to run.
pub struct Step<H: Host> {
    /// The lane it came from.
    pub lane: Lane,
    /// The frame to process.
    pub frame: Frame<H>,
    /// The data callback that hangs in this node is over and must be cancelled first.
    pub cancel_data: bool,
}

/// A hop that an observer wants to hear of.
pub struct Hop<H: Host> {
    /// Number of the graph.
    pub graph: u32,
    /// Node that pushed.
    pub source: u32,
    /// Where to.
    pub target: Link,
    /// The frame.
    pub frame: Frame<H>,
}

/// What has become of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// On its way.
    Accepted,
    /// On its way, but this slot has more than its bound: wait before pushing more.
    Full(u32),
}

/// What goes no further: single frames, and whole lanes that an interruption has emptied.
struct Discarded<H: Host> {
    frames: Vec<Frame<H>>,
    lanes: Vec<VecDeque<Waiting<H>>>,
}

struct Slot<H: Host> {
    seat: Option<H::Seat>,
    graph: Option<Arc<Graph<H>>>,
    node: u32,
    next: Way,
    previous: Way,
    needs_id: [bool; 2],
    mailbox: Mailbox<H>,
    hand: [Option<Hand>; 2],
    queued: bool,
    set_up: bool,
    started: bool,
    cancelled: bool,
    /// How many of the next interruptions pushed from here belong to the epoch begun here.
    announces: u8,
    epoch: Epoch,
    interest: Option<Arc<Interest>>,
    leases: Leases,
    bound: usize,
    /// The processor also runs inside its neighbours' awaits.
    direct: bool,
    /// How many data frames were handed over before the system frame in hand.
    handed_over: usize,
    gauge: Arc<Gauge>,
}

impl<H: Host> Slot<H> {
    fn lane_ready(&self, lane: Lane, now_ms: u32) -> bool {
        if self.hand[lane as usize].is_some() {
            return false;
        }
        let Some(class) = self.mailbox.head(lane) else { return false };
        if !self.started {
            // Nothing comes before the start frame, but a cancel need not wait for it.
            return class.kind == Kind::Start && self.set_up
                || lane == Lane::System && self.mailbox.has(lane, is_cancel);
        }
        // While the system lane is busy only data goes on that was handed over before.
        if lane == Lane::Data && self.handed_over == 0 && !self.system_is_idle() {
            return false;
        }
        // No pause holds up the control plane, also not a frame of it that waits behind others.
        !self.leases.holds(lane, class, now_ms)
            || lane == Lane::System && self.mailbox.has(lane, passes_pause)
    }

    /// The next frame of a lane that is ready.
    fn next_frame(&mut self, lane: Lane, now_ms: u32) -> Option<Frame<H>> {
        let class = self.mailbox.head(lane)?;
        let frame = if !(self.started || class.kind == Kind::Start && self.set_up) {
            self.mailbox.pop_first(lane, is_cancel)
        } else if self.started && self.leases.holds(lane, class, now_ms) {
            self.mailbox.pop_first(lane, passes_pause)
        } else {
            self.mailbox.pop(lane)
        };
        if lane == Lane::Data {
            self.handed_over = self.handed_over.saturating_sub(1);
        }
        frame
    }

    /// A slot that no interruption reaches for a while (an inactive branch of a switch) learns of the
    /// new epoch from the data made in it: what it makes itself would be stale otherwise.
    #[inline]
    fn catch_up(&mut self, lane: Lane, epoch: Epoch) {
        if lane == Lane::Data {
            self.epoch = self.epoch.max(epoch);
        }
    }

    #[inline]
    fn system_is_idle(&self) -> bool {
        self.hand[Lane::System as usize].is_none() && self.mailbox.depth(Lane::System) == 0
    }

    /// The system lane is about to be busy: the data that is here by now may go on meanwhile.
    fn hand_over(&mut self) {
        if self.system_is_idle() {
            self.handed_over = if self.started { self.mailbox.depth(Lane::Data) } else { 0 };
        }
    }

    /// Take out what the slot's epoch has made stale.
    fn purge(&mut self, discarded: &mut Discarded<H>) {
        if self.mailbox.depth(Lane::Data) == 0 {
            return;
        }
        if let Some(lane) = self.mailbox.purge_whole(self.epoch) {
            discarded.lanes.push(lane);
            self.handed_over = 0;
            return;
        }
        let handed_over = self.handed_over;
        let mut gone = 0;
        let count = |place| gone += usize::from(place < handed_over);
        self.mailbox.purge(self.epoch, &mut discarded.frames, count);
        self.handed_over -= gone;
    }

    fn runnable(&self, now_ms: u32) -> bool {
        self.lane_ready(Lane::System, now_ms) || self.lane_ready(Lane::Data, now_ms)
    }

    /// Whether a frame may pass by without joining the lane.
    fn passable(&self, lane: Lane, now_ms: u32) -> bool {
        self.started
            && !self.cancelled
            && self.hand[lane as usize].is_none()
            && self.system_is_idle()
            && self.mailbox.depth(lane) == 0
            && !self.leases.is_held(lane, now_ms)
    }

    /// Whether other threads may pass by. Nobody passes a processor that handles everything.
    fn is_busy(&self, lane: Lane, now_ms: u32) -> bool {
        self.interest.is_none() || !self.passable(lane, now_ms)
    }

    #[inline]
    fn show(&self, lane: Lane, now_ms: u32) {
        let (depth, oldest_ms) = (self.mailbox.depth(lane), self.mailbox.oldest_ms(lane));
        self.gauge.set_lane(lane, self.is_busy(lane, now_ms), depth, oldest_ms);
        // No lane can be passed while the system lane is busy.
        if lane == Lane::System {
            self.gauge.set_busy(Lane::Data, self.is_busy(Lane::Data, now_ms));
        }
    }
}

/// Mailboxes and ready list of one loop.
pub struct Scheduler<H: Host> {
    slots: Vec<Slot<H>>,
    free_slots: Vec<u32>,
    graphs: HashMap<u32, Arc<Graph<H>>>,
    next_graph: u32,
    ready: VecDeque<u32>,
    inbox: Arc<Inbox<H>>,
    discarded: Discarded<H>,
    left: VecDeque<(u32, Edge, Frame<H>)>,
    hops: Vec<Hop<H>>,
    failures: Vec<Failure>,
    current: Option<(u32, Lane)>,
    now_ms: u32,
    steps: u64,
    hop_count: u64,
}

impl<H: Host> Scheduler<H> {
    /// Of a loop with this inbox.
    #[must_use]
    pub fn new(inbox: Arc<Inbox<H>>) -> Self {
        Self {
            slots: Vec::new(),
            free_slots: Vec::new(),
            graphs: HashMap::new(),
            next_graph: 0,
            ready: VecDeque::new(),
            inbox,
            discarded: Discarded { frames: Vec::new(), lanes: Vec::new() },
            left: VecDeque::new(),
            hops: Vec::new(),
            failures: Vec::new(),
            current: None,
            now_ms: 0,
            steps: 0,
            hop_count: 0,
        }
    }

    // ---- slots and graphs

    /// Give a foreign processor a slot.
    pub fn seat(
        &mut self,
        seat: H::Seat,
        interest: Option<Arc<Interest>>,
        bound: usize,
    ) -> (u32, Arc<Gauge>) {
        let gauge = Arc::new(Gauge::default());
        let slot = Slot {
            seat: Some(seat),
            graph: None,
            node: 0,
            next: Way::End,
            previous: Way::End,
            needs_id: [false; 2],
            mailbox: Mailbox::default(),
            hand: [None, None],
            queued: false,
            set_up: true,
            started: false,
            cancelled: false,
            announces: 0,
            epoch: Epoch::default(),
            interest,
            leases: Leases::default(),
            bound,
            direct: false,
            handed_over: 0,
            gauge: Arc::clone(&gauge),
        };
        let index = match self.free_slots.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        };
        (index, gauge)
    }

    /// Take a processor out of its slot; its frames are discarded.
    pub fn unseat(&mut self, slot: u32) -> Option<H::Seat> {
        let place = &mut self.slots[slot as usize];
        place.mailbox.clear(&mut self.discarded.frames);
        place.graph = None;
        place.started = false;
        place.cancelled = true;
        (place.next, place.previous) = (Way::End, Way::End);
        let seat = place.seat.take();
        if seat.is_some() {
            self.ready.retain(|&ready| ready != slot);
            place.queued = false;
            self.free_slots.push(slot);
        }
        seat
    }

    /// A slot whose processor also runs inside its neighbours' awaits: it starts and is cancelled by
    /// what it passes on, since the frame may have come the other way.
    pub fn set_direct(&mut self, slot: u32) {
        self.slots[slot as usize].direct = true;
    }

    /// Let a slot handle every class: what it pushes itself must not be overtaken by what goes past.
    pub fn handle_everything(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        place.interest = None;
        place.show(Lane::System, self.now_ms);
    }

    /// Open a slot that has no start frame to wait for.
    pub fn open(&mut self, slot: u32) {
        self.slots[slot as usize].started = true;
    }

    /// The graph that a slot is in.
    #[must_use]
    pub fn graph_of(&self, slot: u32) -> Option<u32> {
        self.slots[slot as usize].graph.as_ref().map(|graph| graph.number)
    }

    /// Number for a graph that is about to be built. None is used twice: posts of other threads may
    /// outlive their graph.
    pub fn reserve_graph(&mut self) -> u32 {
        self.next_graph += 1;
        self.next_graph
    }

    /// Take a built graph in: its slots learn their neighbours.
    pub fn adopt(&mut self, graph: &Arc<Graph<H>>) {
        for (index, node) in graph.nodes.iter().enumerate() {
            if let Seat::Slot(slot) = node.seat {
                let (next, previous) = (self.resolve(graph, node.next), self.resolve(graph, node.previous));
                let place = &mut self.slots[slot as usize];
                place.graph = Some(Arc::clone(graph));
                place.node = index as u32;
                (place.next, place.previous) = (next, previous);
                place.needs_id = node.needs_id;
                // A processor that comes from an earlier run begins anew.
                (place.started, place.cancelled, place.epoch) = (false, false, Epoch::default());
                place.show(Lane::System, self.now_ms);
            }
        }
        self.graphs.insert(graph.number, Arc::clone(graph));
    }

    /// Let a graph go.
    pub fn release_graph(&mut self, number: u32) {
        if self.graphs.remove(&number).is_some() {
            self.left.retain(|(graph, ..)| *graph != number);
        }
    }

    fn resolve(&self, graph: &Graph<H>, link: Link) -> Way {
        match link {
            Link::End => Way::End,
            Link::Node(index) => match graph.nodes[index as usize].seat {
                Seat::Slot(slot) => Way::Slot(slot),
                _ => Way::Native(link),
            },
            Link::Edge(_) => Way::Native(link),
        }
    }

    /// The host's seat in a slot.
    #[inline]
    #[must_use]
    pub fn seat_of(&self, slot: u32) -> Option<&H::Seat> {
        self.slots[slot as usize].seat.as_ref()
    }

    /// All seats, for a garbage collector.
    pub fn seats(&self) -> impl Iterator<Item = &H::Seat> {
        self.slots.iter().filter_map(|slot| slot.seat.as_ref())
    }

    /// All frames that wait for a foreign processor, for a garbage collector.
    pub fn waiting_frames(&self) -> impl Iterator<Item = &Frame<H>> {
        self.slots.iter().flat_map(|slot| slot.mailbox.frames())
    }

    /// A graph by its number.
    #[must_use]
    pub fn graph(&self, number: u32) -> Option<&Arc<Graph<H>>> {
        self.graphs.get(&number)
    }

    /// Whether a frame pushed from here needs its identity first.
    #[inline]
    #[must_use]
    pub fn needs_id(&self, slot: u32, direction: Direction) -> bool {
        self.slots[slot as usize].needs_id[direction as usize]
    }

    // ---- time and counters

    /// Tell the time, in ms of any steady clock.
    pub fn set_now(&mut self, now_ms: u32) {
        self.now_ms = now_ms;
    }

    /// The time it was told last.
    #[must_use]
    pub fn now_ms(&self) -> u32 {
        self.now_ms
    }

    /// Steps run and hops routed so far.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.steps, self.hop_count)
    }

    /// Whether there is anything to run.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    // ---- pushing

    /// Push from a slot to its neighbour in the frame's direction.
    #[inline(always)]
    pub fn push(&mut self, from: u32, mut frame: Frame<H>) -> Pushed {
        let in_data_step = self.current == Some((from, Lane::Data));
        let slot = &mut self.slots[from as usize];
        if slot.direct {
            return self.push_direct(from, frame);
        }
        frame.epoch = stamp(slot, frame.class, in_data_step);
        self.send(from, frame)
    }

    /// On from a slot, with the epoch that it was given.
    #[inline(always)]
    fn send(&mut self, from: u32, mut frame: Frame<H>) -> Pushed {
        let slot = &self.slots[from as usize];
        if let Some(graph) = &slot.graph
            && graph.tap.is_active()
        {
            listen(graph, slot.node, &mut frame, &mut self.hops);
        }
        self.hop_count += 1;
        match if frame.direction == Direction::Downstream { slot.next } else { slot.previous } {
            Way::Slot(to) => self.deliver(to, frame),
            way => self.deliver_native(from, way, frame),
        }
    }

    /// What a processor in direct mode makes inside the step of another belongs to the frame of that
    /// step. Its own slot sees none of this, so it learns the epoch here.
    #[cold]
    fn push_direct(&mut self, from: u32, mut frame: Frame<H>) -> Pushed {
        let around = self.step_around(from);
        let (running, in_data_step) = match around {
            Some((running, lane)) => (running, lane == Lane::Data),
            None => (from, self.current == Some((from, Lane::Data))),
        };
        let announces = frame.class.kind == Kind::Interruption && self.slots[from as usize].announces > 0;
        let stamped_by = if announces { from } else { running };
        frame.epoch = stamp(&mut self.slots[stamped_by as usize], frame.class, in_data_step);
        let own = &mut self.slots[from as usize];
        if around.is_some() && own.epoch.is_before(frame.epoch) {
            own.epoch = frame.epoch;
            if frame.class.kind == Kind::Interruption {
                own.purge(&mut self.discarded);
            }
        }
        self.live_through(from, frame.class.kind, around.is_some());
        self.send(from, frame)
    }

    /// Whether a frame may go straight into a processor in direct mode, inside the step of whoever
    /// pushes it. If not, it takes the mailbox: nothing comes before the start, and nothing overtakes
    /// what waits there.
    #[must_use]
    pub fn takes_directly(&self, slot: u32, class: Class) -> bool {
        let place = &self.slots[slot as usize];
        let lane = Lane::of(class);
        let free = place.hand[lane as usize].is_none() && place.mailbox.depth(lane) == 0;
        place.started && free || matches!(class.kind, Kind::Start | Kind::Cancel)
    }

    /// A frame goes straight into the next processor, which is in direct mode: nothing is pushed from
    /// this slot, so what a push would have meant for it and the next one is done here.
    #[cold]
    pub fn pass_directly(&mut self, from: u32, class: Class, direction: Direction) {
        let inside = self.step_around(from).is_some();
        self.live_through(from, class.kind, inside);
        if class.kind != Kind::Interruption {
            return;
        }
        let own = &mut self.slots[from as usize];
        let way = if direction == Direction::Downstream { own.next } else { own.previous };
        if own.announces > 0
            && let Way::Slot(next) = way
        {
            // The one who pushes it at last announces the epoch that has begun here.
            own.announces -= 1;
            let epoch = own.epoch;
            let next = &mut self.slots[next as usize];
            next.announces += 1;
            next.epoch = next.epoch.max(epoch);
        } else if inside && let Some(graph) = &own.graph {
            own.epoch = own.epoch.max(graph.epochs.current());
            own.purge(&mut self.discarded);
        }
    }

    /// A frame goes through a processor in direct mode, inside the step of another or not: its slot
    /// starts with the start frame, and takes nothing after a cancel frame.
    fn live_through(&mut self, slot: u32, kind: Kind, inside: bool) {
        match kind {
            Kind::Start => {
                self.slots[slot as usize].started = true;
                self.poke(slot);
            }
            Kind::Cancel if inside => self.close_slot(slot),
            _ => {}
        }
    }

    /// Let nothing more into a slot.
    pub fn close_slot(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        place.mailbox.clear(&mut self.discarded.frames);
        place.cancelled = true;
        place.show(Lane::System, self.now_ms);
        place.show(Lane::Data, self.now_ms);
    }

    /// The step of another slot that a processor in direct mode runs inside of.
    fn step_around(&self, slot: u32) -> Option<(u32, Lane)> {
        let direct = self.slots[slot as usize].direct;
        self.current.filter(|&(running, _)| direct && running != slot)
    }

    #[cold]
    fn deliver_native(&mut self, from: u32, way: Way, frame: Frame<H>) -> Pushed {
        match (way, self.slots[from as usize].graph.clone()) {
            (Way::Native(link), Some(graph)) => {
                graph.deliver(link, frame, self);
                Pushed::Accepted
            }
            _ => {
                self.discarded.frames.push(frame);
                Pushed::Accepted
            }
        }
    }

    /// Let a frame into a graph at its source, or upstream at its sink.
    pub fn enter(&mut self, graph: &Arc<Graph<H>>, mut frame: Frame<H>) -> Pushed {
        frame.epoch = match frame.class.kind {
            Kind::Interruption => graph.epochs.begin(),
            _ => graph.epochs.current(),
        };
        self.hop_count += 1;
        let link = match frame.direction {
            Direction::Downstream => graph.entry,
            Direction::Upstream => graph.exit,
        };
        if let Link::Node(index) = link
            && let Seat::Slot(slot) = graph.nodes[index as usize].seat
        {
            return self.deliver(slot, frame);
        }
        graph.deliver(link, frame, self);
        Pushed::Accepted
    }

    /// Queue a frame that comes from outside into a slot's own mailbox.
    pub fn queue(&mut self, slot: u32, mut frame: Frame<H>) -> Pushed {
        let place = &self.slots[slot as usize];
        frame.epoch = match (&place.graph, frame.class.kind) {
            (Some(graph), Kind::Interruption) => graph.epochs.begin(),
            (Some(graph), _) => graph.epochs.current(),
            (None, _) => place.epoch,
        };
        self.deliver(slot, frame)
    }

    /// Put a frame into a slot's own mailbox.
    pub fn deliver(&mut self, mut to: u32, mut frame: Frame<H>) -> Pushed {
        loop {
            let slot = &mut self.slots[to as usize];
            let lane = Lane::of(frame.class);
            if slot.cancelled || frame.is_stale(slot.epoch) {
                self.discarded.frames.push(frame);
                return Pushed::Accepted;
            }
            if handles(slot.interest.as_deref(), frame.class) || !slot.passable(lane, self.now_ms) {
                break;
            }
            // Past it: as if it had pushed the frame on at once.
            if let Some(graph) = &slot.graph
                && graph.tap.is_active()
            {
                listen(graph, slot.node, &mut frame, &mut self.hops);
            }
            self.hop_count += 1;
            slot.catch_up(lane, frame.epoch);
            match if frame.direction == Direction::Downstream { slot.next } else { slot.previous } {
                Way::Slot(next) => to = next,
                way => return self.deliver_native(to, way, frame),
            }
        }
        let slot = &mut self.slots[to as usize];
        let lane = Lane::of(frame.class);
        if lane == Lane::System {
            slot.hand_over();
        }
        slot.mailbox.push(lane, frame, self.now_ms);
        slot.show(lane, self.now_ms);
        if !slot.queued && slot.lane_ready(lane, self.now_ms) {
            slot.queued = true;
            self.ready.push_back(to);
        }
        if lane == Lane::Data && slot.mailbox.depth(lane) > slot.bound {
            return Pushed::Full(to);
        }
        Pushed::Accepted
    }

    /// How many data frames wait in a slot, and its bound.
    #[must_use]
    pub fn fill(&self, slot: u32) -> (usize, usize) {
        let slot = &self.slots[slot as usize];
        (slot.mailbox.depth(Lane::Data), slot.bound)
    }

    // ---- running

    /// The next slot with something to run.
    #[inline]
    pub fn next_ready(&mut self) -> Option<u32> {
        self.ready.pop_front()
    }

    /// The next step of a slot; `None`: it has nothing that may run now.
    #[inline]
    pub fn take(&mut self, index: u32) -> Option<Step<H>> {
        loop {
            let now_ms = self.now_ms;
            let slot = &mut self.slots[index as usize];
            let lane = if slot.lane_ready(Lane::System, now_ms) {
                Lane::System
            } else if slot.lane_ready(Lane::Data, now_ms) {
                Lane::Data
            } else {
                return None;
            };
            let frame = slot.next_frame(lane, now_ms)?;
            if frame.is_stale(slot.epoch) {
                slot.show(lane, now_ms);
                self.discarded.frames.push(frame);
                continue;
            }
            slot.catch_up(lane, frame.epoch);
            // What has waited through an interruption by right is answered in the epoch of the answer.
            let epoch = match frame.class.bits.has(Bits::PROTECTED) {
                true => frame.epoch.max(slot.epoch),
                false => frame.epoch,
            };
            slot.hand[lane as usize] = Some(Hand { class: frame.class, epoch, suspended: false });
            if !handles(slot.interest.as_deref(), frame.class) {
                // It waited its turn behind a frame in hand; now it goes past.
                let mut frame = frame;
                if let Some(graph) = &slot.graph
                    && graph.tap.is_active()
                {
                    listen(graph, slot.node, &mut frame, &mut self.hops);
                }
                self.hop_count += 1;
                let way = if frame.direction == Direction::Downstream { slot.next } else { slot.previous };
                match way {
                    Way::Slot(next) => {
                        self.deliver(next, frame);
                    }
                    way => {
                        self.deliver_native(index, way, frame);
                    }
                }
                let slot = &mut self.slots[index as usize];
                slot.hand[lane as usize] = None;
                slot.show(lane, now_ms);
                continue;
            }
            let mut step = Step { lane, cancel_data: false, frame };
            match step.frame.class.kind {
                Kind::Start => slot.started = true,
                Kind::Interruption => self.interrupt(index, &mut step),
                Kind::Cancel => self.cancel(index, &mut step),
                _ => {}
            }
            let slot = &self.slots[index as usize];
            slot.gauge.take(lane, step.frame.class.id, now_ms);
            slot.show(lane, now_ms);
            self.current = Some((index, lane));
            self.steps += 1;
            return Some(step);
        }
    }

    #[cold]
    fn interrupt(&mut self, index: u32, step: &mut Step<H>) {
        let slot = &mut self.slots[index as usize];
        slot.epoch = slot.epoch.max(step.frame.epoch);
        slot.purge(&mut self.discarded);
        let in_hand = slot.hand[Lane::Data as usize];
        step.cancel_data = in_hand.is_some_and(|hand| {
            hand.suspended && hand.class.is_interruptible() && hand.epoch.is_before(slot.epoch)
        });
        if in_hand.is_none_or(|hand| hand.class.is_interruptible()) {
            slot.leases.release(Lane::Data);
        }
        slot.show(Lane::Data, self.now_ms);
    }

    #[cold]
    fn cancel(&mut self, index: u32, step: &mut Step<H>) {
        let slot = &mut self.slots[index as usize];
        slot.started = true;
        slot.mailbox.clear_data(&mut self.discarded.frames);
        slot.leases = Leases::default();
        step.cancel_data = slot.hand[Lane::Data as usize].is_some_and(|hand| hand.suspended);
        slot.show(Lane::Data, self.now_ms);
    }

    /// The step in a lane is over.
    #[inline]
    pub fn done(&mut self, index: u32, lane: Lane) {
        let slot = &mut self.slots[index as usize];
        let hand = slot.hand[lane as usize].take();
        if hand.is_some_and(|hand| hand.class.kind == Kind::Cancel) {
            // From here on nothing more is processed or let in.
            slot.mailbox.clear(&mut self.discarded.frames);
            slot.cancelled = true;
        }
        slot.gauge.done(lane);
        slot.show(lane, self.now_ms);
        if self.current == Some((index, lane)) {
            self.current = None;
        }
    }

    /// The step waits for something.
    pub fn suspended(&mut self, index: u32, lane: Lane) {
        if let Some(hand) = &mut self.slots[index as usize].hand[lane as usize] {
            hand.suspended = true;
        }
        if self.current == Some((index, lane)) {
            self.current = None;
        }
    }

    /// A step that waited goes on.
    pub fn resumed(&mut self, index: u32, lane: Lane) {
        if let Some(hand) = &mut self.slots[index as usize].hand[lane as usize] {
            hand.suspended = false;
            self.current = Some((index, lane));
        }
    }

    /// A visit to a slot is over: back into the ready list if it has more.
    #[inline]
    pub fn settle(&mut self, index: u32) {
        let now_ms = self.now_ms;
        let slot = &mut self.slots[index as usize];
        if slot.runnable(now_ms) {
            slot.queued = true;
            self.ready.push_back(index);
        } else {
            slot.queued = false;
        }
    }

    /// Look at a slot again, after something other than a push has changed.
    pub fn poke(&mut self, index: u32) {
        let now_ms = self.now_ms;
        let slot = &mut self.slots[index as usize];
        slot.show(Lane::System, now_ms);
        slot.show(Lane::Data, now_ms);
        if !slot.queued && slot.runnable(now_ms) {
            slot.queued = true;
            self.ready.push_back(index);
        }
    }

    /// The class in hand in the step that runs now, if it runs in this slot.
    #[must_use]
    pub fn current_class(&self, slot: u32) -> Option<Class> {
        let (index, lane) = self.current?;
        let hand = self.slots[index as usize].hand[lane as usize];
        hand.filter(|_| index == slot).map(|hand| hand.class)
    }

    /// The slot and lane that run now.
    #[must_use]
    pub fn current(&self) -> Option<(u32, Lane)> {
        self.current
    }

    // ---- commands

    /// Hold the start frame until the processor is set up, or let it go.
    pub fn set_up(&mut self, slot: u32, done: bool) {
        self.slots[slot as usize].set_up = done;
        self.poke(slot);
    }

    /// Hold a lane until a moment.
    pub fn hold(&mut self, slot: u32, lane: Lane, until_ms: u32) {
        self.slots[slot as usize].leases.hold(lane, until_ms);
        self.poke(slot);
    }

    /// Let a lane go on.
    pub fn release(&mut self, slot: u32, lane: Lane) {
        self.slots[slot as usize].leases.release(lane);
        self.poke(slot);
    }

    /// Begin an interruption here: own data is dropped, a pause lifted, and what the step in hand
    /// makes from now on belongs to the new epoch. The next two interruption frames pushed from
    /// here announce it.
    pub fn begin_interruption(&mut self, index: u32) -> Epoch {
        let running = match self.step_around(index) {
            Some((around, Lane::Data)) => Some(around),
            _ => (self.current == Some((index, Lane::Data))).then_some(index),
        };
        let slot = &mut self.slots[index as usize];
        let epoch = slot.graph.as_ref().map_or(Epoch(slot.epoch.0 + 1), |graph| graph.epochs.begin());
        slot.epoch = epoch;
        slot.announces = 2;
        slot.purge(&mut self.discarded);
        slot.leases.release(Lane::Data);
        if let Some(running) = running
            && let Some(hand) = &mut self.slots[running as usize].hand[Lane::Data as usize]
        {
            hand.epoch = epoch;
        }
        self.poke(index);
        epoch
    }

    /// Stop a node at once, whatever it does: for a task that is being cancelled. Tells which
    /// lanes have a suspended callback.
    pub fn halt(&mut self, index: u32) -> [bool; 2] {
        let slot = &mut self.slots[index as usize];
        slot.mailbox.clear_data(&mut self.discarded.frames);
        slot.leases = Leases::default();
        let hangs = slot.hand.map(|hand| hand.is_some_and(|hand| hand.suspended));
        self.poke(index);
        hangs
    }

    /// A number that changes when a terminal frame comes to a slot or leaves it, or has less ahead of
    /// it there.
    #[must_use]
    pub fn nearness_of_end(&self, slot: u32) -> u64 {
        let place = &self.slots[slot as usize];
        let terminal = |class: Class| class.kind.is_terminal();
        let in_hand = place.hand[Lane::Data as usize];
        let ahead = match place.mailbox.position(Lane::Data, terminal) {
            Some(position) => position as u64 + u64::from(in_hand.is_some()),
            None if in_hand.is_some_and(|hand| terminal(hand.class)) => 0,
            None => return 0,
        };
        (u64::from(slot) + 1) << 32 | (ahead + 1)
    }

    /// Whether a data frame of a wanted class waits in a slot.
    pub fn has_waiting(&self, slot: u32, wanted: impl FnMut(Class) -> bool) -> bool {
        self.slots[slot as usize].mailbox.has(Lane::Data, wanted)
    }

    // ---- what the host fetches

    /// Frames that go no further, to be dropped where foreign code may run.
    #[must_use]
    pub fn take_discarded(&mut self) -> Vec<Frame<H>> {
        let mut frames = std::mem::take(&mut self.discarded.frames);
        for lane in self.discarded.lanes.drain(..) {
            frames.extend(lane.into_iter().map(|waiting| waiting.frame));
        }
        frames
    }

    /// Whether there is anything for the host besides steps and frames to drop.
    #[inline]
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.left.is_empty() || !self.hops.is_empty() || !self.failures.is_empty()
    }

    /// The next frame that left a graph.
    pub fn take_left(&mut self) -> Option<(u32, Edge, Frame<H>)> {
        self.left.pop_front()
    }

    /// Hops that are listened to.
    #[must_use]
    pub fn take_hops(&mut self) -> Vec<Hop<H>> {
        std::mem::take(&mut self.hops)
    }

    /// Panics of native processors.
    #[must_use]
    pub fn take_failures(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.failures)
    }

    /// Take in what other threads have posted. True: the loop may sleep.
    pub fn drain_inbox(&mut self) -> bool {
        let inbox = Arc::clone(&self.inbox);
        loop {
            while let Some(post) = inbox.take() {
                self.land(post);
            }
            if inbox.arm() {
                return self.ready.is_empty();
            }
        }
    }

    fn learn(&mut self, graph: &Graph<H>, nodes: Range<u32>, epoch: Epoch) {
        for node in &graph.nodes[nodes.start as usize..nodes.end as usize] {
            if let Seat::Slot(slot) = node.seat {
                let slot = &mut self.slots[slot as usize];
                slot.epoch = slot.epoch.max(epoch);
            }
        }
    }

    fn land(&mut self, post: Post<H>) {
        match post {
            Post::Frame { graph, slot, frame } => {
                if self.graph_of(slot) != Some(graph) {
                    return self.discarded.frames.push(frame); // that task is over
                }
                let lane = Lane::of(frame.class);
                let gauge = Arc::clone(&self.slots[slot as usize].gauge);
                self.deliver(slot, frame);
                gauge.landed(lane);
            }
            Post::Left { graph, edge, frame } => {
                if self.graph(graph).is_some() {
                    self.left.push_back((graph, edge, frame));
                } else {
                    self.discarded.frames.push(frame);
                }
            }
            Post::Hop { graph, source, target, frame } => {
                self.hops.push(Hop { graph, source, target, frame })
            }
            Post::Epoch { graph, nodes, epoch } => {
                if let Some(graph) = self.graphs.get(&graph).cloned() {
                    self.learn(&graph, nodes, epoch);
                }
            }
            Post::Failed(failure) => self.failures.push(failure),
        }
    }
}

fn is_cancel(class: Class) -> bool {
    class.kind == Kind::Cancel
}

/// Whether a frame of the class goes ahead of those that a pause holds.
fn passes_pause(class: Class) -> bool {
    class.is_system() && class.kind.passes_pause()
}

/// The epoch that a frame pushed from a slot belongs to.
#[inline]
fn stamp<H: Host>(slot: &mut Slot<H>, class: Class, in_data_step: bool) -> Epoch {
    if class.kind == Kind::Interruption {
        return announce(slot);
    }
    match slot.hand[Lane::Data as usize] {
        // What a callback makes belongs to the epoch of the frame that it processes.
        Some(hand) if in_data_step && hand.class.is_interruptible() => hand.epoch,
        _ => slot.epoch,
    }
}

#[cold]
fn announce<H: Host>(slot: &mut Slot<H>) -> Epoch {
    if let Some(hand) = slot.hand[Lane::System as usize]
        && hand.class.kind == Kind::Interruption
    {
        return hand.epoch; // passes on the one it was told of
    }
    if slot.announces > 0 {
        slot.announces -= 1;
        return slot.epoch;
    }
    slot.graph.as_ref().map_or(slot.epoch, |graph| graph.epochs.begin())
}

#[inline]
fn listen<H: Host>(graph: &Arc<Graph<H>>, source: u32, frame: &mut Frame<H>, hops: &mut Vec<Hop<H>>) {
    if graph.tap.wants(frame.class) {
        let target = graph.neighbour(source, frame.direction);
        hops.push(Hop { graph: graph.number, source, target, frame: frame.share() });
    }
}

/// What a native stretch hands over on the loop's thread. If another thread has run part of the
/// stretch before, what it handed over is in the inbox: as long as anything is, the way of all is
/// through it, behind.
impl<H: Host> Outlet<H> for Scheduler<H> {
    fn arrive(&mut self, graph: &Graph<H>, node: u32, slot: u32, frame: Frame<H>) {
        if self.inbox.is_empty() {
            self.deliver(slot, frame);
        } else {
            graph.post(node, slot, frame);
        }
    }
    fn left(&mut self, graph: &Graph<H>, edge: Edge, frame: Frame<H>) {
        if self.inbox.is_empty() {
            self.left.push_back((graph.number, edge, frame));
        } else {
            self.inbox.post(Post::Left { graph: graph.number, edge, frame });
        }
    }
    fn hop(&mut self, graph: &Graph<H>, source: u32, target: Link, frame: Frame<H>) {
        let graph = graph.number;
        if self.inbox.is_empty() {
            self.hops.push(Hop { graph, source, target, frame });
        } else {
            self.inbox.post(Post::Hop { graph, source, target, frame });
        }
    }
    fn tell(&mut self, graph: &Graph<H>, nodes: Range<u32>, epoch: Epoch) {
        self.learn(graph, nodes, epoch);
    }
    fn discard(&mut self, frame: Frame<H>) {
        self.discarded.frames.push(frame);
    }
    fn failed(&mut self, graph: &Graph<H>, node: u32, message: String) {
        self.failures.push(Failure { graph: graph.number, node, message });
    }
}
