//! What threads share, in the model checker: every interleaving of a few operations.
//!
//! `RUSTFLAGS="--cfg engine_loom" cargo test -p pipecat-engine --release --lib -- models`

use std::sync::Arc;

use loom::model::Builder;
use loom::thread;

use crate::frame::{Bits, Direction, Frame};
use crate::graph::{Graph, Layout, Pusher};
use crate::mailbox::Lane;
use crate::testing::{Bench, MockHost, Wire, frame, frame_in, inline, interest, interruption, start};

const HANDLED: u16 = 7;
const OTHER: u16 = 8;
const PLAIN: Bits = Bits(0);

/// Explore with at most this many switches away from a thread that could go on: all bugs of this
/// kind known to us need two.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(4);
    builder.check(model);
}

fn wire() -> Layout<MockHost> {
    Layout::Inline { name: "wire".into(), processor: Box::new(Wire) }
}

/// A thread that delivers frames into a node, one after another.
fn deliver_all(
    graph: &Arc<Graph<MockHost>>,
    node: u32,
    frames: Vec<Frame<MockHost>>,
) -> thread::JoinHandle<()> {
    let pusher = Pusher::at(graph, node);
    // The graph outlives the thread: a pusher does not keep it.
    let graph = Arc::clone(graph);
    thread::spawn(move || {
        for frame in frames {
            assert!(pusher.deliver(frame));
        }
        drop(graph);
    })
}

#[test]
fn no_frame_stays_in_a_seat_that_threads_meet_at() {
    explore(|| {
        let mut bench = Bench::default();
        bench.build(wire());
        let graph = bench.graph();
        let threads =
            [deliver_all(&graph, 0, vec![frame(1), frame(2)]), deliver_all(&graph, 0, vec![frame(11)])];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        bench.run();
        let sunk = bench.sunk();
        let mut all = sunk.clone();
        all.sort_unstable();
        assert_eq!(all, [1, 2, 11], "each once");
        let of_one: Vec<u64> = sunk.into_iter().filter(|id| *id < 10).collect();
        assert_eq!(of_one, [1, 2], "in the order of their thread");
    });
}

#[test]
fn a_seat_is_not_entered_twice() {
    explore(|| {
        let mut bench = Bench::default();
        let inside = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&inside);
        bench.build(inline(move |frame, emit| {
            use loom::sync::atomic::Ordering::SeqCst;
            assert_eq!(counter.fetch_add(1, SeqCst), 0);
            emit.forward(frame);
            counter.fetch_sub(1, SeqCst);
        }));
        let graph = bench.graph();
        let other = deliver_all(&graph, 0, vec![frame(1)]);
        bench.enter(frame(2));
        other.join().unwrap();
        bench.run();
        assert_eq!(bench.sunk().len(), 2);
    });
}

#[test]
fn what_a_worker_sends_past_a_processor_stays_behind_what_that_handles() {
    explore(|| {
        let mut bench = Bench::default();
        let slot = bench.slot("foreign", interest(&[HANDLED]));
        bench.build(Layout::Sequence(vec![wire(), slot, wire()]));
        bench.enter(start());
        bench.run();
        bench.out.clear();
        let graph = bench.graph();
        let frames = vec![frame_in(HANDLED, 1, PLAIN), frame_in(OTHER, 2, PLAIN)];
        let worker = deliver_all(&graph, 0, frames);
        bench.run(); // the loop goes on meanwhile
        worker.join().unwrap();
        bench.run();
        assert_eq!(bench.sunk(), [1, 2]);
        assert!(graph.nodes[1].gauge.is_idle(Lane::Data));
    });
}

#[test]
fn a_frame_leaves_parallel_branches_once_though_threads_bring_both_copies() {
    explore(|| {
        let mut bench = Bench::default();
        bench.build(Layout::Parallel { name: "parallel".into(), branches: vec![wire(), wire()] });
        bench.enter(start());
        bench.run();
        bench.out.clear();
        let graph = bench.graph();
        let other = deliver_all(&graph, 0, vec![frame(1)]);
        bench.enter(frame(2));
        other.join().unwrap();
        bench.run();
        let mut sunk = bench.sunk();
        sunk.sort_unstable();
        assert_eq!(sunk, [1, 2]);
    });
}

#[test]
fn frames_of_an_old_epoch_stay_behind_an_interruption_from_another_thread() {
    explore(|| {
        let mut bench = Bench::default();
        bench.build(Layout::Parallel { name: "parallel".into(), branches: vec![wire()] });
        bench.enter(start());
        bench.run();
        bench.out.clear();
        let graph = bench.graph();
        let mut interrupting = interruption();
        interrupting.epoch = graph.epochs.begin();
        let stale = frame_in(OTHER, 1, Bits::DROPPABLE);
        let other = deliver_all(&graph, 0, vec![interrupting]);
        let pusher = Pusher::at(&graph, 0);
        assert!(pusher.deliver(stale));
        other.join().unwrap();
        bench.run();
        let sunk = bench.sunk();
        assert!(matches!(sunk[..], [1, 1_000_002] | [1_000_002]), "{sunk:?}");
        assert_eq!(bench.out[0].1.direction, Direction::Downstream);
    });
}
