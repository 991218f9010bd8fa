//! Parallel, synchronised and switched branches, alone and inside each other.

use pipecat_engine::testing::{
    Bench, MockHost, Passer, cancel, end, frame, frame_of, inline, interruption, native, start, stop, system,
    upstream,
};
use pipecat_engine::{Bits, Choice, Edge, Emit, Frame, Kind, Layout, Order, Payload};

type MockFrame = Frame<MockHost>;
type MockLayout = Layout<MockHost>;

fn parallel(branches: Vec<MockLayout>) -> MockLayout {
    Layout::Parallel { name: "parallel".into(), branches }
}

fn synchronised(branches: Vec<MockLayout>) -> MockLayout {
    Layout::Synchronised { name: "synchronised".into(), branches, order: Order::Arrival }
}

fn switch(choice: &Choice, branches: Vec<MockLayout>) -> MockLayout {
    Layout::Switch { name: "switch".into(), branches, choice: choice.clone() }
}

fn wire() -> MockLayout {
    inline(|frame, emit| emit.forward(frame))
}

/// Passes everything on, and after each data frame pushes one with the identity plus this.
fn adds(more: u64) -> MockLayout {
    inline(move |frame: MockFrame, emit: &mut Emit<'_, MockHost>| {
        let (id, kind, direction) = (frame.id, frame.class.kind, frame.direction);
        let data = !frame.class.is_system() && kind == Kind::Other;
        emit.forward(frame);
        if data {
            let mut added = pipecat_engine::testing::frame(id + more);
            added.direction = direction;
            emit.forward(added);
        }
    })
}

/// Builds, lets the start frame through, and forgets what came out.
fn started(bench: &mut Bench, layout: MockLayout) {
    bench.build(layout);
    bench.enter(start());
    bench.run();
    assert_eq!(bench.sunk(), [start().id]);
    bench.out.clear();
    bench.log.clear();
    bench.discarded.clear();
}

/// Visits this slot next; its step waits.
fn suspend_in(bench: &mut Bench, slot: u32) {
    while bench.suspended.iter().all(|(at, ..)| *at != slot) {
        assert!(bench.visit(|bench, at, step| match at == slot {
            true => bench.suspend(at, step),
            false => bench.pass_on(at, step),
        }));
    }
    bench.run();
}

fn resume_in(bench: &mut Bench, slot: u32) {
    let index = bench.suspended.iter().position(|(at, ..)| *at == slot).expect("it waits");
    bench.resume(index);
    bench.run();
}

// ---- parallel

#[test]
fn r068_every_frame_goes_to_every_branch_in_both_directions() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("a", None), bench.slot("b", None)];
    started(&mut bench, parallel(branches));
    bench.enter(frame(1));
    bench.enter(system(2));
    bench.enter(upstream(frame(3)));
    bench.run();
    assert_eq!(bench.processed_by(0), [2, 1, 3]);
    assert_eq!(bench.processed_by(1), [2, 1, 3]);
}

#[test]
fn r069_a_frame_leaves_once_with_the_first_branch_that_lets_it_out() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("slow", None), wire(), wire()];
    started(&mut bench, parallel(branches));
    bench.enter(frame(1));
    assert_eq!(bench.sunk(), [1]);
    bench.enter(upstream(frame(2)));
    bench.run();
    assert_eq!((bench.sunk(), bench.left_at(Edge::Source)), (vec![1], vec![2]));
}

#[test]
fn r069_a_frame_born_in_rust_leaves_once_too_also_where_branches_nest() {
    let mut bench = Bench::default();
    let inner = parallel(vec![wire(), wire()]);
    started(&mut bench, parallel(vec![inner, wire()]));
    bench.enter(native(7));
    bench.enter(native(8));
    let bodies: Vec<_> = bench
        .out
        .iter()
        .map(|(_, frame)| match &frame.payload {
            Payload::Native(native) => native.body,
            _ => 0,
        })
        .collect();
    assert_eq!(bodies, [7, 8]);
}

#[test]
fn an_identity_that_the_host_gave_first_is_the_native_frame_s_own() {
    let mut frame = native(7);
    if let Payload::Native(native) = &frame.payload {
        assert_eq!(native.identity_or(42), 42);
    }
    frame.identify();
    assert_eq!(frame.id, 42);
    let mut later = native(8);
    later.identify();
    assert_ne!(later.id, 0);
    if let Payload::Native(native) = &later.payload {
        assert_eq!(native.identity_or(43), later.id, "a fork was first");
    }
}

#[test]
fn r071_a_lifecycle_frame_leaves_when_it_has_left_every_branch() {
    for lifecycle in [end(), stop(), cancel()] {
        let id = lifecycle.id;
        let mut bench = Bench::default();
        let branches = vec![bench.slot("slow", None), bench.slot("quick", None)];
        started(&mut bench, parallel(branches));
        bench.enter(lifecycle);
        suspend_in(&mut bench, 0);
        assert!(bench.sunk().is_empty());
        // From the moment it entered nothing else does, system frames included.
        bench.enter(frame(1));
        bench.enter(system(2));
        bench.run();
        assert_eq!(bench.processed_by(1), [id]);
        resume_in(&mut bench, 0);
        assert_eq!(bench.sunk()[0], id);
    }
}

#[test]
fn r071_what_waited_at_the_doors_enters_in_order_system_frames_first() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("slow", None), bench.slot("quick", None)];
    bench.build(parallel(branches));
    bench.enter(start());
    suspend_in(&mut bench, 0);
    for frame in [frame(1), frame(2), end(), upstream(frame(3)), system(4)] {
        bench.enter(frame);
    }
    resume_in(&mut bench, 0);
    bench.finish();
    assert_eq!(bench.sunk(), [start().id, 4, 1, 2, end().id]);
    // After the end nothing more is promised, but nothing hangs at the doors either.
    assert_eq!(bench.left_at(Edge::Source), [3]);
}

#[test]
fn r072_what_branches_emit_meanwhile_follows_a_start() {
    let mut bench = Bench::default();
    let slow = bench.slot("slow", None);
    let eager = inline(|frame: MockFrame, emit: &mut Emit<'_, MockHost>| {
        emit.forward(system(1));
        emit.forward(upstream(system(2)));
        emit.forward(frame);
        emit.forward(pipecat_engine::testing::frame(3));
    });
    bench.build(parallel(vec![slow, eager]));
    bench.enter(start());
    suspend_in(&mut bench, 0);
    assert!(bench.out.is_empty());
    resume_in(&mut bench, 0);
    assert_eq!(bench.sunk(), [start().id, 1, 3]);
    assert_eq!(bench.left_at(Edge::Source), [2]);
}

#[test]
fn r072_what_branches_emit_meanwhile_precedes_an_end() {
    let mut bench = Bench::default();
    let slow = bench.slot("slow", None);
    let branches = vec![Layout::Sequence(vec![slow, adds(10)]), wire()];
    started(&mut bench, parallel(branches));
    bench.enter(frame(1));
    suspend_in(&mut bench, 0);
    bench.enter(end());
    bench.run();
    assert_eq!(bench.sunk(), [1], "the quick branch's copy");
    bench.finish();
    assert_eq!(bench.sunk(), [1, 11, end().id]);
}

#[test]
fn g03_a_cancel_passes_an_end_that_is_stuck_in_a_branch() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("stuck", None), bench.slot("quick", None)];
    started(&mut bench, parallel(branches));
    bench.enter(end());
    suspend_in(&mut bench, 0);
    bench.enter(cancel());
    bench.enter(cancel());
    bench.run();
    assert_eq!(bench.sunk(), [cancel().id]);
}

#[test]
fn an_end_that_a_cancel_has_overtaken_does_not_leave_late() {
    let mut bench = Bench::default();
    let late = Passer::default();
    started_with_worker(&mut bench, &late);
    bench.enter(end());
    bench.enter(cancel());
    while late.pass_one() {}
    bench.run();
    assert_eq!(bench.sunk(), [cancel().id]);
}

fn started_with_worker(bench: &mut Bench, worker: &Passer) {
    bench.build(parallel(vec![worker.layout(), wire()]));
    bench.enter(start());
    worker.pass_one();
    bench.run();
    assert_eq!(bench.sunk(), [start().id]);
    bench.out.clear();
}

#[test]
fn an_end_of_a_branch_s_own_leaves_too() {
    let mut bench = Bench::default();
    let ends = inline(|frame: MockFrame, emit: &mut Emit<'_, MockHost>| {
        emit.forward(if frame.id == 1 { end() } else { frame });
    });
    let swallows =
        inline(
            |frame: MockFrame, emit: &mut Emit<'_, MockHost>| {
                if frame.class.kind.is_lifecycle() { emit.forward(frame) } else { emit.discard(frame) }
            },
        );
    started(&mut bench, parallel(vec![ends, swallows]));
    bench.enter(frame(1));
    assert_eq!(bench.sunk(), [end().id]);
}

#[test]
fn an_interruption_drops_what_waits_at_the_doors() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("slow", None), wire()];
    bench.build(parallel(branches));
    bench.enter(start());
    suspend_in(&mut bench, 0);
    bench.enter(frame(1));
    bench.enter(frame_of(2, Kind::Other, Bits::PROTECTED));
    bench.enter(interruption());
    bench.enter(frame(3));
    resume_in(&mut bench, 0);
    bench.finish();
    assert_eq!(bench.sunk(), [start().id, interruption().id, 2, 3]);
    assert!(bench.dropped().contains(&1));
}

// ---- synchronised

#[test]
fn r075_a_frame_leaves_when_every_branch_is_done_with_it() {
    let mut bench = Bench::default();
    let slow = bench.slot("slow", None);
    started(&mut bench, synchronised(vec![Layout::Sequence(vec![slow, adds(100)]), adds(200)]));
    bench.enter(frame(1));
    bench.enter(frame(2));
    suspend_in(&mut bench, 0);
    assert!(bench.sunk().is_empty());
    resume_in(&mut bench, 0);
    bench.finish();
    assert_eq!(bench.sunk(), [1, 201, 101, 2, 202, 102]);
}

#[test]
fn r076_release_in_the_order_of_the_branches() {
    let mut bench = Bench::default();
    let slow = bench.slot("slow", None);
    let branches = vec![Layout::Sequence(vec![slow, adds(100)]), adds(200)];
    let name = "synchronised".into();
    started(&mut bench, Layout::Synchronised { name, branches, order: Order::Pipeline });
    bench.enter(frame(1));
    suspend_in(&mut bench, 0);
    bench.finish();
    assert_eq!(bench.sunk(), [101, 1, 201], "the quick branch's copy of 1 was the first");
}

#[test]
fn r077_output_made_later_comes_out_with_a_later_frame() {
    let mut bench = Bench::default();
    let slot = bench.slot("later", None);
    started(&mut bench, synchronised(vec![slot, wire()]));
    bench.enter(frame(1));
    bench.run();
    bench.scheduler.push(0, frame(2)); // from a task of its own
    bench.run();
    assert_eq!(bench.sunk(), [1]);
    bench.enter(frame(3));
    bench.run();
    assert_eq!(bench.sunk(), [1, 2, 3]);
}

#[test]
fn r078_system_frames_go_on_at_once_and_once() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("slow", None), wire()];
    started(&mut bench, synchronised(branches));
    bench.enter(frame(1));
    suspend_in(&mut bench, 0);
    bench.enter(system(2));
    bench.enter(upstream(system(3)));
    bench.run();
    assert_eq!((bench.sunk(), bench.left_at(Edge::Source)), (vec![2], vec![3]));
    bench.finish();
    assert_eq!(bench.sunk(), [2, 1]);
}

#[test]
fn r078_the_start_frame_waits_for_every_branch_and_nothing_leaves_before_it() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("slow", None), wire()];
    bench.build(synchronised(branches));
    bench.enter(start());
    suspend_in(&mut bench, 0);
    bench.enter(system(1));
    bench.enter(frame(2));
    bench.run();
    assert!(bench.sunk().is_empty());
    bench.finish();
    assert_eq!(bench.sunk(), [start().id, 1, 2]);
}

#[test]
fn r078_an_end_is_waited_for_in_every_branch_and_leaves_last() {
    for terminal in [end(), stop()] {
        let id = terminal.id;
        let mut bench = Bench::default();
        let slow = bench.slot("slow", None);
        let last_words = inline(|frame: MockFrame, emit: &mut Emit<'_, MockHost>| {
            if frame.class.kind.is_terminal() {
                emit.forward(pipecat_engine::testing::frame(1));
            }
            emit.forward(frame);
        });
        started(&mut bench, synchronised(vec![wire(), Layout::Sequence(vec![slow, last_words])]));
        bench.enter(terminal);
        suspend_in(&mut bench, 0);
        assert!(bench.sunk().is_empty());
        bench.finish();
        assert_eq!(bench.sunk(), [1, id]);
    }
}

#[test]
fn an_end_right_after_a_system_frame_is_not_lost() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("a", None), bench.slot("b", None)];
    started(&mut bench, synchronised(branches));
    bench.enter(system(1));
    bench.enter(end());
    bench.run();
    assert_eq!(bench.sunk(), [1, end().id]);
}

#[test]
fn upstream_frames_are_synchronised_too_in_turn_with_the_others() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("slow", None), wire()];
    started(&mut bench, synchronised(branches));
    bench.enter(frame(1));
    suspend_in(&mut bench, 0);
    for id in 2..=5 {
        bench.enter(if id % 2 == 0 { upstream(frame(id)) } else { frame(id) });
    }
    bench.finish();
    assert_eq!(bench.processed_by(0), [1, 2, 3, 4, 5]);
    assert_eq!((bench.sunk(), bench.left_at(Edge::Source)), (vec![1, 3, 5], vec![2, 4]));
}

#[test]
fn an_interruption_drops_what_waits_for_the_batch_and_what_was_generated_in_it() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("slow", None), wire()];
    started(&mut bench, synchronised(branches));
    bench.enter(frame_of(1, Kind::Other, Bits::DROPPABLE.with(Bits::PROTECTED)));
    suspend_in(&mut bench, 0);
    bench.enter(frame(2));
    bench.enter(interruption());
    bench.enter(frame(3));
    bench.finish();
    assert_eq!(bench.sunk(), [interruption().id, 3]);
    let mut dropped = bench.dropped();
    dropped.dedup();
    assert!(dropped.contains(&1) && dropped.contains(&2));
}

#[test]
fn a_cancel_leaves_a_synchronised_compound_whose_branch_is_stuck() {
    let mut bench = Bench::default();
    let branches = vec![bench.slot("stuck", None), wire()];
    started(&mut bench, synchronised(branches));
    bench.enter(frame(1));
    suspend_in(&mut bench, 0);
    bench.enter(frame(2));
    bench.enter(cancel());
    bench.run();
    assert_eq!(bench.sunk(), [cancel().id]);
}

#[test]
fn a_native_processor_sees_no_sentinel() {
    let mut bench = Bench::default();
    let choosy = inline(|frame: MockFrame, emit: &mut Emit<'_, MockHost>| match frame.class.kind {
        Kind::Sentinel => panic!("it was shown a sentinel"),
        Kind::Start => emit.forward(frame),
        _ => emit.discard(frame),
    });
    started(&mut bench, synchronised(vec![choosy, parallel(vec![wire(), wire()])]));
    bench.enter(frame(1));
    assert_eq!(bench.sunk(), [1]);
}

// ---- switched

#[test]
fn r079_frames_go_through_the_open_branch_and_lifecycle_frames_through_all() {
    let choice = Choice::new(0);
    let mut bench = Bench::default();
    let branches = vec![bench.slot("first", None), bench.slot("second", None)];
    started(&mut bench, switch(&choice, branches));
    bench.enter(frame(1));
    bench.run();
    choice.set(1);
    bench.enter(frame(2));
    bench.enter(system(3));
    bench.enter(upstream(frame(4)));
    bench.run();
    bench.enter(end());
    bench.run();
    assert_eq!(bench.processed_by(0), [1, end().id]);
    assert_eq!(bench.processed_by(1), [3, 2, 4, end().id]);
    assert_eq!(bench.sunk(), [1, 3, 2, end().id]);
    assert_eq!(bench.left_at(Edge::Source), [4]);
}

#[test]
fn r079_what_a_branch_makes_after_it_was_closed_does_not_leave_but_what_it_was_given_does() {
    let choice = Choice::new(0);
    let mut bench = Bench::default();
    let branches = vec![bench.slot("first", None), bench.slot("second", None)];
    started(&mut bench, switch(&choice, branches));
    bench.enter(frame(1));
    suspend_in(&mut bench, 0);
    choice.set(1);
    bench.finish();
    bench.scheduler.push(0, upstream(frame(2)));
    bench.run();
    assert_eq!(bench.sunk(), [1]);
    assert_eq!(bench.dropped(), [2]);
}

#[test]
fn a_frame_on_its_way_in_is_not_lost_when_the_choice_changes() {
    // The choice changes right behind the fork, as another thread may do at any moment.
    let choice = Choice::new(0);
    let mut bench = Bench::default();
    let changes = {
        let choice = choice.clone();
        let first = inline(move |frame: MockFrame, emit: &mut Emit<'_, MockHost>| {
            choice.set(usize::from(frame.id == 1));
            emit.forward(frame);
        });
        Layout::Sequence(vec![first, bench.slot("first", None)])
    };
    let second = bench.slot("second", None);
    started(&mut bench, switch(&choice, vec![changes, second]));
    bench.enter(frame(1));
    bench.run();
    assert_eq!(bench.processed_by(0), [1]);
    assert_eq!(bench.sunk(), [1], "it was let in while the branch was open");
}

#[test]
fn a_choice_that_is_no_branch_drops_what_is_no_lifecycle() {
    let choice = Choice::new(9);
    let mut bench = Bench::default();
    started(&mut bench, switch(&choice, vec![wire(), wire()]));
    bench.enter(frame(1));
    bench.enter(end());
    assert_eq!((bench.sunk(), bench.dropped()[..1].to_vec()), (vec![end().id], vec![1]));
}

// ---- inside each other

#[test]
fn a_synchronised_compound_waits_for_compounds_inside_it() {
    let choice = Choice::new(1);
    let kinds: [fn(&Choice, Vec<MockLayout>) -> MockLayout; 3] =
        [|_, branches| parallel(branches), |_, branches| synchronised(branches), switch];
    for inside in kinds {
        let mut bench = Bench::default();
        let slow = bench.slot("slow", None);
        let branches = vec![wire(), Layout::Sequence(vec![slow, adds(100)])];
        let inner = inside(&choice, branches);
        started(&mut bench, synchronised(vec![wire(), inner, wire()]));
        bench.enter(frame(1));
        bench.enter(frame(2));
        suspend_in(&mut bench, 0);
        assert!(bench.sunk().is_empty());
        bench.finish();
        assert_eq!(bench.sunk(), [1, 101, 2, 102]);
        bench.enter(end());
        bench.run();
        assert_eq!(bench.sunk().last(), Some(&end().id));
    }
}

#[test]
fn a_switch_inside_a_synchronised_compound_may_change_in_mid_batch() {
    let choice = Choice::new(0);
    let mut bench = Bench::default();
    let branches = vec![bench.slot("first", None), bench.slot("second", None)];
    started(&mut bench, synchronised(vec![switch(&choice, branches), wire()]));
    bench.enter(frame(1));
    suspend_in(&mut bench, 0);
    choice.set(1);
    bench.enter(frame(2));
    bench.finish();
    assert_eq!(bench.sunk(), [1, 2]);
}

#[test]
fn lifecycle_frames_cross_nested_compounds_once() {
    let mut bench = Bench::default();
    let inner = parallel(vec![bench.slot("a", None), bench.slot("b", None)]);
    let middle = synchronised(vec![inner, bench.slot("c", None)]);
    let outer = parallel(vec![middle, wire()]);
    started(&mut bench, outer);
    bench.enter(frame(1));
    bench.enter(end());
    while bench.step_and_suspend() {}
    bench.finish();
    assert_eq!(bench.sunk(), [1, end().id]);
}
