//! Order: of each lane, past processors that do not care, and from other threads.

use std::sync::Arc;
use std::thread;

use pipecat_engine::testing::{
    Bench, MockHost, Passer, frame, frame_in, inline, interest, native, start, system, upstream,
};
use pipecat_engine::{Bits, Edge, Emit, Frame, Inline, Lane, Layout, Link, Order, Pushed, Pusher};

const PLAIN: Bits = Bits(0);
const HANDLED: u16 = 100;
const OTHER: u16 = 101;

/// A started pipeline of slots, one after another, with these interests.
fn pipeline(interests: &[Option<&[u16]>]) -> Bench {
    let mut bench = Bench::default();
    let slots = interests.iter().map(|classes| bench.slot("slot", classes.and_then(interest))).collect();
    bench.build(Layout::Sequence(slots));
    bench.enter(start());
    bench.run();
    bench.out.clear();
    bench.log.clear();
    bench
}

#[test]
fn data_keeps_its_order() {
    let mut bench = pipeline(&[None, None, None]);
    (1..=100).for_each(|id| bench.enter(frame(id)));
    bench.run();
    assert_eq!(bench.sunk(), (1..=100).collect::<Vec<_>>());
}

#[test]
fn a_system_frame_overtakes_data_but_not_other_system_frames() {
    let mut bench = pipeline(&[None]);
    bench.enter(frame(1));
    bench.enter(system(2));
    bench.enter(frame(3));
    bench.enter(system(4));
    bench.run();
    assert_eq!(bench.sunk(), [2, 4, 1, 3]);
}

#[test]
fn both_directions_share_a_lane() {
    let mut bench = pipeline(&[None]);
    for id in 1..=4 {
        let frame = frame(id);
        bench.enter(if id % 2 == 0 { upstream(frame) } else { frame });
    }
    bench.run();
    assert_eq!(bench.processed_by(0), [1, 2, 3, 4]);
    assert_eq!((bench.sunk(), bench.left_at(Edge::Source)), (vec![1, 3], vec![2, 4]));
}

#[test]
fn r011_a_system_frame_is_processed_while_a_data_frame_waits_for_something() {
    let mut bench = pipeline(&[None]);
    bench.enter(frame(1));
    bench.step_and_suspend();
    bench.enter(system(2));
    bench.run();
    assert_eq!(bench.sunk(), [2]);
    bench.finish();
    assert_eq!(bench.sunk(), [2, 1]);
}

#[test]
fn r011_a_slow_system_frame_holds_back_what_comes_after_it() {
    let mut bench = pipeline(&[None]);
    bench.enter(frame(1));
    bench.step_and_suspend(); // so that 2 is still there when the system frame comes
    bench.enter(frame(2));
    bench.enter(system(3));
    bench.step_and_suspend();
    bench.enter(frame(4));
    bench.enter(system(5));
    bench.resume(0);
    bench.run();
    assert_eq!(bench.sunk(), [1, 2], "handed over before the system frame");
    bench.finish();
    assert_eq!(bench.sunk(), [1, 2, 3, 5, 4]);
}

#[test]
fn what_a_processor_does_not_handle_goes_past_it_without_a_step() {
    let mut bench = pipeline(&[Some(&[HANDLED]), Some(&[HANDLED])]);
    bench.enter(frame_in(OTHER, 1, PLAIN));
    assert_eq!(bench.sunk(), [1]);
    assert!(bench.log.is_empty());
    bench.enter(frame_in(HANDLED, 2, PLAIN));
    bench.run();
    assert_eq!(bench.log, [(0, 2), (1, 2)]);
}

#[test]
fn what_goes_past_a_processor_stays_behind_the_frame_that_it_handles() {
    let mut bench = pipeline(&[Some(&[HANDLED])]);
    bench.enter(frame_in(HANDLED, 1, PLAIN));
    bench.step_and_suspend();
    bench.enter(frame_in(OTHER, 2, PLAIN));
    bench.enter(frame_in(HANDLED, 3, PLAIN));
    bench.enter(frame_in(OTHER, 4, PLAIN));
    bench.run();
    assert!(bench.sunk().is_empty());
    bench.finish();
    assert_eq!(bench.sunk(), [1, 2, 3, 4]);
    assert_eq!(bench.processed_by(0), [1, 3]);
}

#[test]
fn what_goes_past_a_processor_stays_behind_a_slow_system_frame() {
    let mut bench = pipeline(&[Some(&[HANDLED])]);
    let mut slow = system(1);
    slow.class.id = HANDLED;
    bench.enter(slow);
    bench.step_and_suspend();
    bench.enter(frame_in(OTHER, 2, PLAIN));
    bench.run();
    assert!(bench.sunk().is_empty());
    bench.finish();
    assert_eq!(bench.sunk(), [1, 2]);
}

#[test]
fn a_direct_processor_takes_what_comes_natively_like_any_other() {
    let mut bench = Bench::default();
    let slot = bench.slot("direct", None);
    bench.build(slot);
    bench.scheduler.set_direct(0);
    bench.enter(frame(1));
    bench.run();
    assert!(bench.sunk().is_empty(), "nothing comes before the start frame");
    for frame in [start(), system(2), frame(3)] {
        bench.enter(frame);
    }
    bench.run();
    assert_eq!(bench.sunk()[1..], [2, 1, 3], "like any other");
}

#[test]
fn a_mailbox_says_when_it_is_over_its_bound() {
    let mut bench = Bench::default();
    let slot = bench.bounded_slot("slow", None, 2);
    bench.build(slot);
    let graph = bench.graph();
    let pushed: Vec<_> = (1..=3).map(|id| bench.scheduler.enter(&graph, frame(id))).collect();
    assert_eq!(pushed, [Pushed::Accepted, Pushed::Accepted, Pushed::Full(0)]);
    assert_eq!(bench.scheduler.enter(&graph, system(4)), Pushed::Accepted, "system frames never wait");
    assert_eq!(bench.scheduler.fill(0), (3, 2));
}

#[test]
fn the_gauge_shows_what_waits_and_what_is_in_hand() {
    let mut bench = pipeline(&[None]);
    let gauge = Arc::clone(&bench.graph().nodes[0].gauge);
    bench.scheduler.set_now(10);
    bench.enter(frame_in(HANDLED, 1, PLAIN));
    bench.scheduler.set_now(20);
    bench.enter(frame(2));
    bench.scheduler.set_now(30);
    bench.step_and_suspend();
    let reading = gauge.read(Lane::Data);
    assert_eq!((reading.depth, reading.oldest_ms), (1, 20));
    assert_eq!((reading.in_hand, reading.since_ms), (Some(HANDLED), 30));
    let before = gauge.processed();
    bench.finish();
    assert_eq!(gauge.read(Lane::Data).in_hand, None);
    assert_eq!(gauge.processed(), before + 2);
}

// ---- from other threads

#[test]
fn a_worker_cannot_pass_a_processor_that_has_a_frame_of_its_own() {
    let mut bench = Bench::default();
    let worker = Passer::default();
    let after = bench.slot("slot", interest(&[HANDLED]));
    bench.build(Layout::Sequence(vec![worker.layout(), after]));
    bench.enter(start());
    worker.pass_one();
    bench.run();
    bench.out.clear();
    let pusher = worker.pusher();
    pusher.push(frame_in(OTHER, 1, PLAIN));
    pusher.push(frame_in(HANDLED, 2, PLAIN));
    pusher.push(frame_in(OTHER, 3, PLAIN)); // 2 is still on its way through the inbox
    bench.scheduler.drain_inbox();
    pusher.push(frame_in(OTHER, 4, PLAIN)); // 2 is in the mailbox
    bench.step_and_suspend();
    pusher.push(frame_in(OTHER, 5, PLAIN)); // 2 is in hand
    bench.finish();
    pusher.push(frame_in(OTHER, 6, PLAIN));
    bench.run();
    assert_eq!(bench.sunk(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(bench.processed_by(0), [start().id, 2]);
}

#[test]
fn a_worker_cannot_pass_a_slow_system_frame_with_data() {
    let mut bench = Bench::default();
    let worker = Passer::default();
    let after = bench.slot("slot", interest(&[HANDLED]));
    bench.build(Layout::Sequence(vec![worker.layout(), after]));
    bench.enter(start());
    worker.pass_one();
    bench.run();
    bench.out.clear();
    let mut slow = system(1);
    slow.class.id = HANDLED;
    worker.pusher().push(slow);
    bench.scheduler.drain_inbox();
    bench.step_and_suspend();
    worker.pusher().push(frame_in(OTHER, 2, PLAIN));
    bench.run();
    assert!(bench.sunk().is_empty());
    bench.finish();
    assert_eq!(bench.sunk(), [1, 2]);
}

#[test]
fn a_worker_beside_a_direct_processor_keeps_order_and_count() {
    let mut bench = Bench::default();
    let worker = Passer::default();
    let after = bench.slot("direct", interest(&[HANDLED]));
    bench.build(Layout::Sequence(vec![worker.layout(), after]));
    bench.scheduler.set_direct(0);
    let gauge = Arc::clone(&bench.graph().nodes[1].gauge);
    worker.pusher().push(start());
    bench.run();
    bench.out.clear();
    worker.pusher().push(frame_in(HANDLED, 1, PLAIN));
    bench.scheduler.drain_inbox();
    bench.step_and_suspend();
    worker.pusher().push(system(2));
    worker.pusher().push(frame_in(OTHER, 3, PLAIN));
    bench.finish();
    assert_eq!(bench.sunk(), [2, 1, 3]);
    for lane in [Lane::System, Lane::Data] {
        assert!(gauge.is_idle(lane));
        assert_eq!(gauge.read(lane).depth, 0);
    }
}

/// Frames from several threads at once, through a stretch with native and foreign processors; the
/// loop's thread runs meanwhile. Identity: thread * 10,000 + number.
fn push_from_threads(bench: &mut Bench, pushers: Vec<Pusher<MockHost>>) {
    let threads: Vec<_> = pushers
        .into_iter()
        .zip(1..)
        .map(|(pusher, thread)| {
            thread::spawn(move || {
                for number in 0..2_000 {
                    // Each third is handled by the foreign processor; the rest goes past it.
                    let class = if number % 3 == 0 { HANDLED } else { OTHER };
                    assert!(pusher.push(frame_in(class, thread * 10_000 + number, PLAIN)));
                }
            })
        })
        .collect();
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        bench.run();
    }
    for thread in threads {
        thread.join().expect("it pushed all its frames");
    }
    bench.run();
}

fn in_order_of_each_thread(sunk: &[u64], threads: u64) {
    for thread in 1..=threads {
        let numbers: Vec<_> = sunk.iter().filter(|&&id| id / 10_000 == thread).copied().collect();
        assert_eq!(numbers, (0..2_000).map(|number| thread * 10_000 + number).collect::<Vec<_>>());
    }
}

#[test]
fn threads_that_share_a_pusher_each_keep_their_order() {
    let mut bench = Bench::default();
    let worker = Passer::default();
    let wire = || inline(|frame, emit: &mut Emit<'_, _>| emit.forward(frame));
    let slot = bench.slot("slot", interest(&[HANDLED]));
    bench.build(Layout::Sequence(vec![worker.layout(), wire(), slot, wire(), wire()]));
    worker.pusher().push(start());
    bench.run();
    bench.out.clear();
    push_from_threads(&mut bench, vec![worker.pusher(); 3]);
    in_order_of_each_thread(&bench.sunk(), 3);
}

#[test]
fn workers_in_branches_keep_their_order_through_the_join() {
    let mut bench = Bench::default();
    let workers = [Passer::default(), Passer::default(), Passer::default()];
    let branches = workers
        .iter()
        .map(|worker| {
            let slot = bench.slot("slot", interest(&[HANDLED]));
            Layout::Sequence(vec![worker.layout(), slot])
        })
        .collect();
    let parallel = Layout::Parallel { name: "parallel".into(), branches };
    let after = bench.slot("after", interest(&[HANDLED]));
    bench.build(Layout::Sequence(vec![parallel, after]));
    bench.enter(start());
    workers.iter().for_each(|worker| assert!(worker.pass_one()));
    bench.run();
    assert_eq!(bench.sunk(), [start().id]);
    bench.out.clear();
    push_from_threads(&mut bench, workers.iter().map(Passer::pusher).collect());
    in_order_of_each_thread(&bench.sunk(), 3);
}

#[test]
fn a_post_for_a_task_that_is_over_does_not_reach_the_next_one_in_its_slot() {
    let mut bench = Bench::default();
    let worker = Passer::default();
    let slot = bench.slot("old", None);
    bench.build(Layout::Sequence(vec![worker.layout(), slot]));
    let (old, pusher) = (bench.graph(), worker.pusher());
    pusher.push(frame(1));
    pusher.push(upstream(frame(2))); // left at the source
    bench.scheduler.unseat(0);
    bench.scheduler.release_graph(old.number);
    let slot = bench.slot("new", None);
    bench.build(slot);
    assert_ne!(bench.graph().number, old.number);
    bench.enter(start());
    bench.run();
    assert_eq!(bench.log, [(0, start().id)]);
    assert_eq!(bench.sunk(), [start().id]);
    assert_eq!(bench.dropped(), [1, 2]);
    let gauge = Arc::clone(&bench.graph().nodes[0].gauge);
    assert_eq!(gauge.read(Lane::Data).depth, 0);
    bench.graph = None;
    drop(old);
    assert!(!pusher.push(frame(3)), "the old graph is gone");
}

#[test]
fn an_observer_hears_of_each_hop_in_order_also_past_processors() {
    let mut bench = pipeline(&[Some(&[HANDLED]), None]);
    bench.graph().tap.set_everything(true);
    bench.graph().tap.set_active(true);
    bench.enter(frame_in(OTHER, 1, PLAIN));
    bench.run();
    let hops: Vec<_> = bench.hops.iter().map(|hop| (hop.source, hop.target, hop.frame.id)).collect();
    assert_eq!(hops, [(0, Link::Node(1), 1), (1, Link::Edge(Edge::Sink), 1)]);
}

#[test]
fn a_native_frame_is_one_frame_at_both_ends_of_a_stretch() {
    let mut bench = pipeline(&[Some(&[HANDLED]), Some(&[HANDLED])]);
    bench.enter(native(7));
    let (_, frame) = &bench.out[0];
    assert!(matches!(&frame.payload, pipecat_engine::Payload::Native(native) if native.body == 7));
}

/// Hands each frame's number to a thread, which pushes the outcome as a frame of its own.
struct Asks {
    offset: u64,
    pusher: Option<Pusher<MockHost>>,
    asking: Vec<std::thread::JoinHandle<()>>,
}

impl Inline<MockHost> for Asks {
    fn process(&mut self, frame: Frame<MockHost>, emit: &mut Emit<'_, MockHost>) {
        let pusher = self.pusher.clone().expect("attached when the graph was built");
        let outcome = system(frame.id + self.offset);
        // Outcomes of outcomes may come when the graph is gone, which harms nobody.
        self.asking.push(std::thread::spawn(move || {
            let _is_there = pusher.push(outcome);
        }));
        emit.forward(frame);
    }

    fn attach(&mut self, pusher: Pusher<MockHost>) {
        self.pusher = Some(pusher);
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        self.asking.drain(..).for_each(|asking| asking.join().expect("it pushes"));
    }
}

#[test]
fn an_inline_processor_can_push_between_two_frames_from_any_thread() {
    let mut bench = Bench::default();
    let asks = |offset| {
        let processor = Box::new(Asks { offset, pusher: None, asking: Vec::new() });
        Layout::Inline { name: "asks".into(), processor }
    };
    let slot = bench.slot("after", None);
    // Inside a synchronised compound as well, where it is wrapped.
    let compound =
        Layout::Synchronised { name: "both".into(), branches: vec![asks(200)], order: Order::Arrival };
    bench.build(Layout::Sequence(vec![asks(100), slot, compound]));
    bench.enter(start());
    bench.run();
    bench.enter(frame(1));
    let outcomes = |bench: &Bench| {
        let ids = bench.out.iter().map(|(_, frame)| frame.id);
        ids.filter(|id| (101..1_000).contains(id)).collect::<Vec<_>>()
    };
    while outcomes(&bench).len() < 3 {
        bench.run();
        std::thread::yield_now();
    }
    let mut ids = outcomes(&bench);
    ids.sort_unstable();
    // The frame's outcome, that in the compound, and there also the outcome of the first one.
    assert_eq!(ids, [101, 201, 301]);
}
