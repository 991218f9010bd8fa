//! Interruptions: what they drop, what they cancel, and what is stale afterwards.

use pipecat_engine::testing::{
    Bench, end, frame, frame_in, frame_of, interest, interruption, start, stop, system,
};
use pipecat_engine::{Bits, Choice, Frame, Kind, Lane, Layout};

type MockFrame = Frame<pipecat_engine::testing::MockHost>;

fn lasting(id: u64) -> MockFrame {
    frame_of(id, Kind::Other, Bits::UNINTERRUPTIBLE)
}

/// The user's own words.
fn protected(id: u64) -> MockFrame {
    frame_of(id, Kind::Other, Bits::PROTECTED)
}

/// Generated media or text.
fn generated(id: u64) -> MockFrame {
    frame_of(id, Kind::Other, Bits::DROPPABLE)
}

fn started(layout: impl FnOnce(&mut Bench) -> Layout<pipecat_engine::testing::MockHost>) -> Bench {
    let mut bench = Bench::default();
    let layout = layout(&mut bench);
    bench.build(layout);
    bench.enter(start());
    bench.run();
    bench.out.clear();
    bench.log.clear();
    bench
}

fn one_slot() -> Bench {
    started(|bench| bench.slot("slot", None))
}

#[test]
fn r029_what_waits_is_dropped_and_what_may_not_be_is_processed_next_in_order() {
    let mut bench = one_slot();
    bench.enter(frame(1));
    bench.step_and_suspend();
    for frame in [lasting(2), frame(3), protected(4), generated(5), lasting(6), frame(7)] {
        bench.enter(frame);
    }
    bench.enter(interruption());
    bench.finish();
    assert_eq!(bench.sunk(), [interruption().id, 2, 4, 6]);
    assert_eq!(bench.dropped(), [1, 3, 5, 7]);
}

#[test]
fn r030_a_frame_in_hand_that_may_not_be_interrupted_runs_to_its_end() {
    let mut bench = one_slot();
    bench.enter(lasting(1));
    bench.step_and_suspend();
    bench.enter(frame(2));
    bench.enter(interruption());
    bench.finish();
    assert_eq!(bench.sunk(), [interruption().id, 1]);
}

#[test]
fn r031_a_frame_in_hand_is_cancelled_also_with_one_behind_it_that_stays() {
    let mut bench = one_slot();
    bench.enter(frame(1));
    bench.step_and_suspend();
    bench.enter(lasting(2));
    bench.enter(interruption());
    bench.run();
    assert!(bench.suspended.is_empty());
    assert_eq!(bench.sunk(), [interruption().id, 2]);
}

#[test]
fn r032_end_and_stop_survive_wherever_they_wait() {
    for terminal in [end(), stop()] {
        let id = terminal.id;
        let mut bench = one_slot();
        bench.enter(frame(1));
        bench.enter(terminal);
        bench.enter(interruption());
        bench.run();
        assert_eq!(bench.sunk(), [interruption().id, id]);
    }
}

#[test]
fn r033_system_frames_are_never_dropped() {
    let mut bench = one_slot();
    bench.enter(interruption());
    bench.enter(system(1));
    bench.enter(interruption());
    bench.run();
    assert_eq!(bench.sunk(), [interruption().id, 1, interruption().id]);
    assert!(bench.dropped().is_empty());
}

#[test]
fn r024_it_lifts_a_pause_unless_the_frame_in_hand_stays() {
    let mut bench = one_slot();
    bench.scheduler.hold(0, Lane::Data, 1_000);
    bench.enter(lasting(1));
    bench.run();
    assert!(bench.sunk().is_empty());
    bench.enter(interruption());
    bench.run();
    assert_eq!(bench.sunk(), [interruption().id, 1]);

    bench.enter(lasting(2));
    bench.step_and_suspend();
    bench.scheduler.hold(0, Lane::Data, 1_000);
    bench.enter(lasting(3));
    bench.enter(interruption());
    bench.finish();
    assert_eq!(bench.sunk()[2..], [interruption().id, 2]);
}

#[test]
fn what_was_made_after_it_is_not_dropped() {
    let mut bench = one_slot();
    bench.enter(frame(1));
    bench.enter(interruption());
    bench.enter(frame(2));
    bench.run();
    assert_eq!(bench.sunk(), [interruption().id, 2]);
}

#[test]
fn r034_whoever_begins_one_goes_on_and_what_it_makes_then_is_new() {
    let mut bench = started(|bench| {
        let (first, second) = (bench.slot("begins", None), bench.slot("after", None));
        Layout::Sequence(vec![first, second])
    });
    bench.enter(frame(1));
    bench.enter(frame(2));
    bench.scheduler.hold(0, Lane::Data, 0);
    let epoch_before = bench.graph().epochs.current();
    bench.visit(|bench, slot, step| {
        bench.scheduler.push(slot, generated(3)); // of the old epoch
        let epoch = bench.scheduler.begin_interruption(slot);
        assert!(epoch_before.is_before(epoch));
        bench.scheduler.push(slot, interruption());
        bench.scheduler.push(slot, generated(4));
        bench.pass_on(slot, step);
    });
    bench.run();
    assert_eq!(bench.sunk(), [interruption().id, 4, 1]);
    assert_eq!(bench.dropped(), [2, 3]);
    assert_eq!(bench.graph().epochs.current(), pipecat_engine::Epoch(epoch_before.0 + 1), "one epoch");
}

#[test]
fn g05_output_of_an_old_epoch_passes_no_node_that_knows_of_the_new_one() {
    let mut bench = started(|bench| {
        let (slow, after) = (bench.slot("slow", None), bench.slot("after", None));
        Layout::Sequence(vec![slow, after])
    });
    // The frame in hand may not be interrupted, but what it generates is worthless by now.
    bench.enter(lasting(1));
    bench.step_and_suspend();
    bench.enter(interruption());
    bench.run();
    let mut late = generated(2);
    late.epoch = pipecat_engine::Epoch(0);
    let mut own_words = protected(3);
    own_words.epoch = pipecat_engine::Epoch(0);
    bench.scheduler.deliver(1, late);
    bench.scheduler.deliver(1, own_words);
    bench.finish();
    assert_eq!(bench.sunk(), [interruption().id, 3, 1]);
    assert_eq!(bench.dropped(), [2]);
}

#[test]
fn g05_what_a_cancelled_callback_had_made_is_stale() {
    let mut bench = started(|bench| {
        let (first, second) = (bench.slot("first", None), bench.slot("second", None));
        Layout::Sequence(vec![first, second])
    });
    bench.scheduler.hold(1, Lane::Data, 1_000);
    bench.enter(frame(1));
    bench.visit(|bench, slot, step| {
        bench.scheduler.push(slot, generated(2));
        bench.scheduler.push(slot, lasting(3));
        bench.suspend(slot, step);
    });
    bench.enter(interruption());
    bench.run();
    assert_eq!(bench.sunk(), [interruption().id, 3]);
}

#[test]
fn a_service_that_was_inactive_during_one_is_not_mute_afterwards() {
    let choice = Choice::new(0);
    let mut bench = started(|bench| {
        let branches = vec![bench.slot("active", None), bench.slot("inactive", None)];
        let switch = Layout::Switch { name: "switch".into(), branches, choice: choice.clone() };
        let after = bench.slot("after", None);
        Layout::Sequence(vec![switch, after])
    });
    bench.enter(interruption());
    bench.run();
    choice.set(1);
    bench.enter(frame(1));
    bench.run();
    // Generated by a task of its own, not in a callback.
    bench.scheduler.push(1, generated(2));
    bench.run();
    assert_eq!(bench.sunk(), [interruption().id, 1, 2]);
}

#[test]
fn an_interruption_that_a_processor_keeps_to_itself_spares_those_behind_it() {
    let mut bench = started(|bench| {
        let (keeps, after) = (bench.slot("keeps", None), bench.slot("after", None));
        Layout::Sequence(vec![keeps, after])
    });
    bench.scheduler.hold(1, Lane::Data, 1_000);
    bench.enter(generated(1));
    bench.run(); // 1 waits behind the first
    bench.enter(interruption());
    bench.visit(|bench, slot, step| bench.scheduler.done(slot, step.lane));
    // System frames of the new epoch overtake what waits, and must not make it stale.
    bench.enter(system(2));
    bench.run();
    bench.scheduler.release(1, Lane::Data);
    bench.run();
    assert_eq!(bench.sunk(), [2, 1]);
}

#[test]
fn it_goes_past_no_processor_unseen() {
    let mut bench = started(|bench| bench.slot("slot", interest(&[100])));
    bench.enter(frame_in(100, 1, Bits(0)));
    bench.enter(interruption());
    bench.run();
    assert_eq!(bench.log, [(0, interruption().id)]);
    assert_eq!(bench.sunk(), [interruption().id]);
}

#[test]
fn five_hundred_waiting_frames_are_dropped_in_each_of_ten_processors() {
    let mut bench = started(|bench| Layout::Sequence((0..10).map(|_| bench.slot("slot", None)).collect()));
    for slot in 0..10 {
        for id in 0..500 {
            bench.scheduler.queue(slot, frame(u64::from(slot) * 1_000 + id + 1));
        }
    }
    bench.enter(interruption());
    let first = bench.visit(|bench, slot, step| {
        assert_eq!((slot, step.frame.id), (0, interruption().id), "at once");
        bench.pass_on(slot, step);
    });
    assert!(first);
    bench.run();
    assert_eq!(bench.sunk().iter().filter(|&&id| id == interruption().id).count(), 1);
    // Those that the cascade reached before the interruption went on; none is lost otherwise.
    assert_eq!(bench.dropped().len() + bench.sunk().len() - 1, 5_000);
    assert!(bench.dropped().len() >= 500);
}
