//! Random pipelines, random frames, random schedules: what holds in all of them.
//!
//! Pipelines nest sequences, parallels, synchronised compounds and switches of foreign processors
//! (some with a declared interest), native ones and workers. Steps suspend and resume in any order,
//! workers pass frames on when they like.

use std::collections::HashSet;
use std::thread;

use pipecat_engine::testing::{
    Bench, MockHost, Passer, Wire, cancel, end, frame_in, interest, interruption, start, stop, upstream,
};
use pipecat_engine::{Bits, Choice, Direction, Edge, Frame, Kind, Lane, Layout, Order};
use proptest::prelude::*;

const CLASSES: [u16; 3] = [100, 101, 102];

/// Part of a pipeline.
#[derive(Clone, Debug)]
enum Part {
    Slot(Option<Vec<u16>>),
    Wire,
    Worker,
    Sequence(Vec<Part>),
    Parallel(Vec<Part>),
    Synchronised(Vec<Part>, bool),
    Switch(Vec<Part>, usize),
}

fn part() -> impl Strategy<Value = Part> {
    let interest = proptest::option::of(proptest::sample::subsequence(CLASSES.to_vec(), 0..=2));
    let leaf =
        prop_oneof![4 => interest.prop_map(Part::Slot), 1 => Just(Part::Wire), 1 => Just(Part::Worker)];
    leaf.prop_recursive(3, 14, 3, |inner| {
        let parts = proptest::collection::vec(inner, 1..=3);
        prop_oneof![
            2 => parts.clone().prop_map(Part::Sequence),
            1 => parts.clone().prop_map(Part::Parallel),
            1 => (parts.clone(), any::<bool>()).prop_map(|(parts, order)| Part::Synchronised(parts, order)),
            1 => (parts, 0..3usize).prop_map(|(parts, open)| {
                let open = open % parts.len();
                Part::Switch(parts, open)
            }),
        ]
    })
}

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    Enter { class: u16, bits: Bits, up: bool },
    Interrupt,
    Step,
    Suspend,
    Resume(usize),
    Pass(usize),
    Drain,
    Hold(usize, bool),
    Later,
    Switch(usize, usize),
}

fn event(interrupts: bool, switches: bool) -> impl Strategy<Value = Event> {
    let bits = prop_oneof![
        3 => Just(Bits(0)),
        1 => Just(Bits::SYSTEM),
        1 => Just(Bits::UNINTERRUPTIBLE),
        1 => Just(Bits::PROTECTED),
        1 => Just(Bits::DROPPABLE),
    ];
    let enter = (proptest::sample::select(CLASSES.to_vec()), bits, proptest::bool::weighted(0.25))
        .prop_map(|(class, bits, up)| Event::Enter { class, bits, up });
    prop_oneof![
        8 => enter,
        u32::from(interrupts) => Just(Event::Interrupt),
        4 => Just(Event::Step),
        3 => Just(Event::Suspend),
        2 => (0..8usize).prop_map(Event::Resume),
        3 => (0..8usize).prop_map(Event::Pass),
        2 => Just(Event::Drain),
        1 => (0..8usize, any::<bool>()).prop_map(|(slot, system)| Event::Hold(slot, system)),
        1 => Just(Event::Later),
        u32::from(switches) => (0..4usize, 0..3usize).prop_map(|(switch, open)| Event::Switch(switch, open)),
    ]
}

/// A pipeline in operation.
#[derive(Default)]
struct World {
    bench: Bench,
    workers: Vec<Passer>,
    switches: Vec<(Choice, usize)>,
    slots: usize,
    now_ms: u32,
    next_id: u64,
    entered: Vec<Entered>,
}

#[derive(Clone, Copy, Debug)]
struct Entered {
    id: u64,
    bits: Bits,
    direction: Direction,
    epoch: u32,
}

impl World {
    fn lay(&mut self, part: &Part) -> Layout<MockHost> {
        let parts = |world: &mut Self, parts: &[Part]| parts.iter().map(|part| world.lay(part)).collect();
        match part {
            Part::Slot(classes) => {
                self.slots += 1;
                let interest = classes.as_deref().and_then(interest);
                self.bench.slot("slot", interest)
            }
            Part::Wire => Layout::Inline { name: "wire".into(), processor: Box::new(Wire) },
            Part::Worker => {
                self.workers.push(Passer::default());
                self.workers[self.workers.len() - 1].layout()
            }
            Part::Sequence(inner) => Layout::Sequence(parts(self, inner)),
            Part::Parallel(inner) => {
                Layout::Parallel { name: "parallel".into(), branches: parts(self, inner) }
            }
            Part::Synchronised(inner, arrival) => Layout::Synchronised {
                name: "synchronised".into(),
                branches: parts(self, inner),
                order: if *arrival { Order::Arrival } else { Order::Pipeline },
            },
            Part::Switch(inner, open) => {
                let choice = Choice::new(*open);
                self.switches.push((choice.clone(), inner.len()));
                Layout::Switch { name: "switch".into(), branches: parts(self, inner), choice }
            }
        }
    }

    fn started(part: &Part) -> Self {
        let mut world = Self::default();
        let layout = world.lay(part);
        world.bench.build(layout);
        world.bench.enter(start());
        world
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Enter { class, bits, up } => self.enter(class, bits, up),
            Event::Interrupt => self.bench.enter(interruption_number(self.epoch() + 1)),
            Event::Step => _ = self.bench.step(),
            Event::Suspend => _ = self.bench.step_and_suspend(),
            Event::Resume(which) if !self.bench.suspended.is_empty() => {
                self.bench.resume(which % self.bench.suspended.len());
            }
            Event::Pass(which) if !self.workers.is_empty() => {
                self.workers[which % self.workers.len()].pass_one();
            }
            Event::Drain => _ = self.bench.scheduler.drain_inbox(),
            Event::Hold(slot, system) if self.slots > 0 => {
                let lane = if system { Lane::System } else { Lane::Data };
                self.bench.scheduler.hold((slot % self.slots) as u32, lane, self.now_ms + 10);
            }
            Event::Later => self.pass_time(5),
            Event::Switch(switch, open) if !self.switches.is_empty() => {
                let (choice, branches) = &self.switches[switch % self.switches.len()];
                choice.set(open % branches);
            }
            Event::Resume(_) | Event::Pass(_) | Event::Hold(..) | Event::Switch(..) => {}
        }
    }

    fn enter(&mut self, class: u16, bits: Bits, up: bool) {
        self.next_id += 1;
        let frame = frame_in(class, self.next_id, bits);
        let frame = if up { upstream(frame) } else { frame };
        let (id, direction, epoch) = (frame.id, frame.direction, self.epoch());
        self.entered.push(Entered { id, bits, direction, epoch });
        self.bench.enter(frame);
    }

    fn epoch(&self) -> u32 {
        self.bench.graph().epochs.current().0
    }

    fn pass_time(&mut self, ms: u32) {
        self.now_ms += ms;
        self.bench.scheduler.set_now(self.now_ms);
        (0..self.slots as u32).for_each(|slot| self.bench.scheduler.poke(slot));
    }

    /// Everything goes on until nothing moves.
    fn finish(&mut self) {
        loop {
            self.pass_time(1_000);
            self.bench.finish();
            let passed = self.workers.iter().filter(|worker| worker.pass_one()).count();
            self.bench.run();
            if passed == 0 && self.bench.suspended.is_empty() && !self.bench.scheduler.has_ready() {
                return;
            }
        }
    }

    /// Frames that left at an edge in the direction that leads there.
    fn left(&self, edge: Edge) -> Vec<&Frame<MockHost>> {
        self.bench.out.iter().filter(|(at, _)| *at == edge).map(|(_, frame)| frame).collect()
    }

    fn ids(&self, direction: Direction, system: bool) -> Vec<u64> {
        self.left(edge_of(direction))
            .iter()
            .filter(|frame| frame.id < 1_000_000 && frame.class.is_system() == system)
            .map(|frame| frame.id)
            .collect()
    }

    fn entered_ids(&self, direction: Direction, keep: impl Fn(&Entered) -> bool) -> Vec<u64> {
        let entered = self.entered.iter().filter(|entered| entered.direction == direction);
        entered.filter(|entered| keep(entered)).map(|entered| entered.id).collect()
    }

    fn count(&self, kind: Kind) -> usize {
        self.left(Edge::Sink).iter().filter(|frame| frame.class.kind == kind).count()
    }

    // ---- what holds always

    fn nothing_leaves_twice(&self) -> Result<(), TestCaseError> {
        for edge in [Edge::Sink, Edge::Source] {
            let mut seen = HashSet::new();
            for frame in self.left(edge) {
                prop_assert!(seen.insert(frame.id), "{} left twice at {edge:?}", frame.id);
            }
        }
        Ok(())
    }

    /// What does not leave was discarded. (What other threads discard nobody counts.)
    fn nothing_vanishes(&self) -> Result<(), TestCaseError> {
        if !self.workers.is_empty() {
            return Ok(());
        }
        let mut known: HashSet<u64> = self.bench.out.iter().map(|(_, frame)| frame.id).collect();
        known.extend(self.bench.dropped());
        for entered in &self.entered {
            prop_assert!(known.contains(&entered.id), "{entered:?} vanished");
        }
        Ok(())
    }

    fn the_start_leaves_first(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.count(Kind::Start), 1);
        prop_assert_eq!(self.left(Edge::Sink)[0].class.kind, Kind::Start);
        Ok(())
    }

    /// Each processor meets the frames of a lane and a direction in the order in which they entered.
    /// Frames that an interruption drops in one branch and not in another are left out.
    fn lanes_keep_their_order(&self, counts: impl Fn(&Entered) -> bool) -> Result<(), TestCaseError> {
        for slot in 0..self.slots as u32 {
            let met = self.bench.processed_by(slot);
            for entered in lanes() {
                let mut before = 0;
                for id in met.iter().filter(|&&id| self.is_in(id, entered, &counts)) {
                    prop_assert!(*id > before, "slot {slot} met {before} before {id}");
                    before = *id;
                }
            }
        }
        Ok(())
    }

    fn is_in(
        &self,
        id: u64,
        (direction, system): (Direction, bool),
        counts: impl Fn(&Entered) -> bool,
    ) -> bool {
        let entered = id.checked_sub(1).and_then(|index| self.entered.get(index as usize));
        entered.is_some_and(|entered| {
            entered.direction == direction && entered.bits.has(Bits::SYSTEM) == system && counts(entered)
        })
    }
}

impl Entered {
    /// Whether no interruption drops or cancels it.
    fn stays(&self) -> bool {
        self.bits.has(Bits::SYSTEM) || self.bits.has(Bits::UNINTERRUPTIBLE)
    }
}

fn lanes() -> [(Direction, bool); 4] {
    [
        (Direction::Downstream, false),
        (Direction::Downstream, true),
        (Direction::Upstream, false),
        (Direction::Upstream, true),
    ]
}

fn edge_of(direction: Direction) -> Edge {
    if direction == Direction::Downstream { Edge::Sink } else { Edge::Source }
}

/// Interruptions have identities of their own, as frames of a host do.
fn interruption_number(number: u32) -> Frame<MockHost> {
    let mut frame = interruption();
    frame.id = 2_000_000 + u64::from(number);
    frame
}

fn config(cases: u32) -> ProptestConfig {
    // A failure prints its least input; a file of seeds would only grow.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(400))]

    /// Without interruptions everything arrives, once and in order, and the end comes last.
    #[test]
    fn everything_arrives_once_and_in_order(
        part in part(),
        events in proptest::collection::vec(event(false, false), 0..80),
        stops in any::<bool>(),
    ) {
        let mut world = World::started(&part);
        events.iter().for_each(|event| world.happen(event));
        world.bench.enter(if stops { stop() } else { end() });
        world.finish();
        world.nothing_leaves_twice()?;
        world.the_start_leaves_first()?;
        world.lanes_keep_their_order(|_| true)?;
        for (direction, system) in lanes() {
            let entered = world.entered_ids(direction, |entered| entered.bits.has(Bits::SYSTEM) == system);
            prop_assert_eq!(world.ids(direction, system), entered, "{:?}, system: {}", direction, system);
        }
        let sunk = world.left(Edge::Sink);
        let last_data = sunk.iter().rfind(|frame| !frame.class.is_system());
        prop_assert!(last_data.is_some_and(|frame| frame.class.kind.is_terminal()));
        prop_assert_eq!(world.count(Kind::End) + world.count(Kind::Stop), 1);
    }

    /// An interruption drops what it may, and nothing else.
    #[test]
    fn an_interruption_drops_only_what_it_may(
        part in part(),
        events in proptest::collection::vec(event(true, false), 0..80),
    ) {
        let mut world = World::started(&part);
        events.iter().for_each(|event| world.happen(event));
        world.bench.enter(end());
        world.finish();
        world.nothing_leaves_twice()?;
        world.nothing_vanishes()?;
        world.the_start_leaves_first()?;
        world.lanes_keep_their_order(Entered::stays)?;
        prop_assert_eq!(world.count(Kind::End), 1);
        prop_assert_eq!(world.count(Kind::Interruption) as u32, world.epoch());
        let last = world.epoch();
        for (direction, system) in lanes() {
            let left = world.ids(direction, system);
            let lane = (direction, system);
            let staying: Vec<u64> =
                left.iter().copied().filter(|&id| world.is_in(id, lane, Entered::stays)).collect();
            let sure = |entered: &Entered| {
                entered.bits.has(Bits::SYSTEM) == system && (entered.stays() || entered.epoch == last)
            };
            prop_assert!(staying.is_sorted(), "{staying:?}");
            for id in world.entered_ids(direction, sure) {
                prop_assert!(left.contains(&id), "{id} is lost");
            }
        }
        // Generated output does not follow the interruption that made it stale.
        let mut epoch = 0;
        for frame in world.left(Edge::Sink) {
            if frame.class.kind == Kind::Interruption {
                epoch = frame.id - 2_000_000;
            } else if frame.class.bits.has(Bits::DROPPABLE) {
                prop_assert!(u64::from(frame.epoch.0) >= epoch, "{} is of an old epoch", frame.id);
            }
        }
    }

    /// A cancel gets through whatever state a pipeline is in, and nothing follows it.
    #[test]
    fn a_cancel_gets_through(
        part in part(),
        events in proptest::collection::vec(event(true, true), 0..80),
        ends_first in any::<bool>(),
    ) {
        let mut world = World::started(&part);
        events.iter().for_each(|event| world.happen(event));
        if ends_first {
            world.bench.enter(end());
        }
        // What hangs in a system lane is let go by the control plane; data steps need not end.
        world.bench.enter(cancel());
        loop {
            world.bench.run();
            let passed = world.workers.iter().filter(|worker| worker.pass_one()).count();
            world.bench.run();
            let hangs = world.bench.suspended.iter().position(|(_, lane, _)| *lane == Lane::System);
            match hangs {
                Some(index) => world.bench.resume(index),
                None if passed == 0 && !world.bench.scheduler.has_ready() => break,
                None => {}
            }
        }
        prop_assert_eq!(world.count(Kind::Cancel), 1);
        world.finish();
        world.nothing_leaves_twice()?;
        prop_assert_eq!(world.count(Kind::Cancel), 1);
        let sunk = world.left(Edge::Sink);
        prop_assert_eq!(sunk.last().map(|frame| frame.class.kind), Some(Kind::Cancel));
    }

    /// Switching at any moment loses or doubles nothing but what a closed branch holds.
    #[test]
    fn switching_at_any_moment_hangs_nothing(
        part in part(),
        events in proptest::collection::vec(event(true, true), 0..80),
    ) {
        let mut world = World::started(&part);
        events.iter().for_each(|event| world.happen(event));
        world.bench.enter(end());
        world.finish();
        world.nothing_leaves_twice()?;
        world.nothing_vanishes()?;
        world.the_start_leaves_first()?;
        prop_assert_eq!(world.count(Kind::End), 1);
    }
}

proptest! {
    #![proptest_config(config(60))]

    /// Threads that push at the same time through any pipeline: each keeps its order.
    #[test]
    fn threads_keep_their_order(first in proptest::collection::vec(part(), 1..=3), then in part()) {
        let mut world = World::default();
        let sources: Vec<Passer> = first.iter().map(|_| Passer::default()).collect();
        let branches = sources
            .iter()
            .zip(&first)
            .map(|(source, part)| Layout::Sequence(vec![source.layout(), world.lay(part)]))
            .collect();
        let parallel = Layout::Parallel { name: "threads".into(), branches };
        let then = world.lay(&then);
        world.bench.build(Layout::Sequence(vec![parallel, then]));
        world.bench.enter(start());
        sources.iter().for_each(|source| assert!(source.pass_one()));
        world.finish();

        let threads: Vec<_> = sources
            .iter()
            .map(Passer::pusher)
            .zip(1..)
            .map(|(pusher, thread): (_, u64)| {
                thread::spawn(move || {
                    for number in 1..=300 {
                        let class = CLASSES[number as usize % CLASSES.len()];
                        let bits = if number % 5 == 0 { Bits::SYSTEM } else { Bits(0) };
                        pusher.push(frame_in(class, thread * 1_000 + number, bits));
                    }
                })
            })
            .collect();
        while !threads.iter().all(thread::JoinHandle::is_finished) {
            world.bench.run();
            world.workers.iter().for_each(|worker| _ = worker.pass_one());
        }
        for thread in threads {
            thread.join().expect("it pushes");
        }
        world.finish();
        for thread in 1..=sources.len() as u64 {
            for system in [false, true] {
                let left = world.ids(Direction::Downstream, system);
                let own: Vec<u64> = left.into_iter().filter(|id| id / 1_000 == thread).collect();
                let numbers = (1..=300).filter(|number| (number % 5 == 0) == system);
                prop_assert_eq!(own, numbers.map(|number| thread * 1_000 + number).collect::<Vec<u64>>());
            }
        }
    }
}
