//! From start to end: nothing before the start frame, everything before the end frame, a cancel past
//! everything; pauses that end; panics that are reported.

use std::sync::Arc;

use pipecat_engine::testing::{
    Bench, MockHost, Passer, cancel, end, frame, frame_in, frame_of, inline, interest, interruption, start,
    stop, system, upstream,
};
use pipecat_engine::{Bits, Edge, Emit, Failure, Frame, Kind, Lane, Layout};

fn slots(count: usize) -> Bench {
    let mut bench = Bench::default();
    let layout = (0..count).map(|_| bench.slot("slot", None)).collect();
    bench.build(Layout::Sequence(layout));
    bench
}

fn started(count: usize) -> Bench {
    let mut bench = slots(count);
    bench.enter(start());
    bench.run();
    bench.out.clear();
    bench.log.clear();
    bench
}

#[test]
fn r013_nothing_is_processed_before_the_start_frame_which_goes_ahead() {
    let mut bench = slots(2);
    for frame in [frame(1), system(2), interruption(), upstream(frame(3))] {
        bench.enter(frame);
    }
    bench.run();
    assert!(bench.log.is_empty());
    bench.enter(start());
    bench.run();
    assert_eq!(bench.processed_by(0)[0], start().id);
    assert_eq!(bench.processed_by(1)[0], start().id);
    assert_eq!(bench.sunk()[0], start().id);
}

#[test]
fn r013_nothing_goes_past_a_processor_before_its_start_frame() {
    let mut bench = Bench::default();
    let slot = bench.slot("slot", interest(&[100]));
    bench.build(slot);
    bench.enter(frame_in(101, 1, Bits(0)));
    bench.run();
    assert!(bench.sunk().is_empty());
    bench.enter(start());
    bench.run();
    assert_eq!(bench.sunk(), [start().id, 1]);
}

#[test]
fn r013_the_start_frame_waits_until_the_processor_is_set_up() {
    let mut bench = slots(2);
    bench.scheduler.set_up(1, false);
    bench.enter(start());
    bench.run();
    assert_eq!(bench.log, [(0, start().id)]);
    bench.scheduler.set_up(1, true);
    bench.run();
    assert_eq!(bench.sunk(), [start().id]);
}

#[test]
fn r042_an_end_follows_everything_that_came_before_it() {
    for terminal in [end(), stop()] {
        let id = terminal.id;
        let mut bench = started(3);
        for number in 1..=20 {
            bench.enter(frame(number));
        }
        bench.enter(terminal);
        while bench.step_and_suspend() {}
        bench.finish();
        assert_eq!(bench.sunk(), (1..=20).chain([id]).collect::<Vec<_>>());
    }
}

#[test]
fn r044_a_cancel_overtakes_ends_what_is_in_hand_and_closes() {
    let mut bench = started(2);
    bench.enter(frame(1));
    bench.step_and_suspend();
    bench.enter(frame(2));
    bench.enter(end());
    bench.enter(cancel());
    bench.run();
    assert_eq!(bench.sunk(), [cancel().id]);
    assert!(bench.suspended.is_empty());
    for frame in [frame(3), system(4), interruption(), cancel(), upstream(frame(5))] {
        bench.enter(frame);
    }
    bench.run();
    assert_eq!(bench.sunk(), [cancel().id]);
    assert!(bench.left_at(Edge::Source).is_empty());
}

#[test]
fn a_cancel_reaches_processors_that_never_started() {
    let mut bench = slots(2);
    bench.scheduler.set_up(1, false);
    bench.enter(start());
    bench.run();
    bench.scheduler.halt(1);
    bench.enter(cancel());
    bench.run();
    assert_eq!(bench.processed_by(0), [start().id, cancel().id]);
}

#[test]
fn a_cancelled_processor_is_not_passed_from_other_threads_either() {
    let mut bench = Bench::default();
    let worker = Passer::default();
    let slot = bench.slot("slot", interest(&[100]));
    bench.build(Layout::Sequence(vec![worker.layout(), slot]));
    let pusher = worker.pusher();
    pusher.push(start());
    bench.run();
    pusher.push(cancel());
    bench.run();
    pusher.push(frame_in(101, 1, Bits(0)));
    bench.run();
    assert_eq!(bench.sunk(), [start().id, cancel().id]);
    assert_eq!(bench.dropped(), [1]);
}

#[test]
fn what_hangs_in_a_halted_processor_is_named_by_lane() {
    let mut bench = started(1);
    bench.enter(frame(1));
    bench.step_and_suspend();
    bench.enter(frame(2));
    assert_eq!(bench.scheduler.halt(0), [false, true]);
    bench.enter(system(3));
    bench.step_and_suspend();
    assert_eq!(bench.scheduler.halt(0), [true, true]);
    bench.finish();
    assert_eq!(bench.dropped(), [2]);
}

// ---- pauses

#[test]
fn r022_a_pause_holds_the_data_lane_from_the_next_frame_on() {
    let mut bench = started(1);
    bench.enter(frame(1));
    bench.step_and_suspend();
    bench.scheduler.hold(0, Lane::Data, 100);
    bench.enter(frame(2));
    bench.enter(system(3));
    bench.finish();
    assert_eq!(bench.sunk(), [3, 1], "the frame in hand and system frames go on");
    bench.scheduler.release(0, Lane::Data);
    bench.run();
    assert_eq!(bench.sunk(), [3, 1, 2]);
}

#[test]
fn g12_a_pause_ends_with_its_lease() {
    let mut bench = started(1);
    bench.scheduler.hold(0, Lane::Data, 100);
    bench.enter(frame(1));
    bench.scheduler.set_now(99);
    bench.scheduler.poke(0);
    bench.run();
    assert!(bench.sunk().is_empty());
    bench.scheduler.set_now(100);
    bench.scheduler.poke(0);
    bench.run();
    assert_eq!(bench.sunk(), [1]);
}

#[test]
fn g12_what_goes_past_a_paused_processor_keeps_its_place() {
    let mut bench = Bench::default();
    let slot = bench.slot("slot", interest(&[100]));
    bench.build(slot);
    bench.enter(start());
    bench.run();
    bench.out.clear();
    bench.scheduler.hold(0, Lane::Data, 100);
    bench.enter(frame_in(100, 1, Bits(0)));
    bench.enter(frame_in(101, 2, Bits(0)));
    bench.run();
    assert!(bench.sunk().is_empty());
    bench.scheduler.release(0, Lane::Data);
    bench.run();
    assert_eq!(bench.sunk(), [1, 2]);
}

#[test]
fn g12_no_pause_holds_up_the_control_plane_also_behind_other_frames() {
    let mut bench = started(1);
    bench.scheduler.hold(0, Lane::System, 1_000);
    bench.scheduler.hold(0, Lane::Data, 1_000);
    bench.enter(system(1));
    bench.enter(frame_of(2, Kind::Resume, Bits::SYSTEM));
    bench.enter(system(3));
    bench.run();
    assert_eq!(bench.sunk(), [2]);
    bench.enter(cancel());
    bench.run();
    assert_eq!(bench.sunk(), [2, cancel().id]);
}

// ---- panics

#[test]
fn g18_a_panic_costs_the_frame_in_hand_and_is_reported_once() {
    let mut bench = Bench::default();
    let picky = inline(|frame: Frame<MockHost>, emit: &mut Emit<'_, MockHost>| {
        assert!(frame.id != 2, "I do not like {}", frame.id);
        emit.forward(frame);
    });
    bench.build(Layout::Sequence(vec![picky, inline(|frame, emit| emit.forward(frame))]));
    (1..=3).for_each(|id| bench.enter(frame(id)));
    bench.run();
    assert_eq!(bench.sunk(), [1, 3]);
    let graph = bench.graph().number;
    assert_eq!(bench.failures, [Failure { graph, node: 0, message: "I do not like 2".to_owned() }]);
}

#[test]
fn g18_a_panic_on_another_thread_is_reported_through_the_inbox() {
    let mut bench = Bench::default();
    let worker = Passer::default();
    let panics = inline(|_, _| panic!("no"));
    bench.build(Layout::Sequence(vec![worker.layout(), panics]));
    let pusher = worker.pusher();
    std::thread::spawn(move || pusher.push(frame(1))).join().unwrap();
    bench.run();
    assert_eq!(bench.failures.len(), 1);
    assert_eq!((bench.failures[0].node, &*bench.failures[0].message), (1, "no"));
}

// ---- what else is around

#[test]
fn a_processor_is_dropped_with_its_graph() {
    let mut bench = Bench::default();
    let alive = Arc::new(());
    let witness = Arc::downgrade(&alive);
    bench.build(inline(move |frame, emit| {
        let _held = &alive;
        emit.forward(frame);
    }));
    let number = bench.graph().number;
    bench.scheduler.release_graph(number);
    bench.graph = None;
    assert!(witness.upgrade().is_none());
}

#[test]
fn an_empty_pipeline_is_a_wire() {
    let mut bench = Bench::default();
    bench.build(Layout::Sequence(vec![
        Layout::Parallel { name: "none".into(), branches: vec![] },
        Layout::Sequence(vec![]),
    ]));
    bench.enter(frame(1));
    bench.enter(upstream(frame(2)));
    bench.run();
    assert_eq!((bench.sunk(), bench.left_at(Edge::Source)), (vec![1], vec![2]));
}
