//! What the engine's benchmarks have in common: pipelines of native wires, and an outlet that counts.

use std::ops::Range;
use std::sync::Arc;

use pipecat_engine::testing::{MockHost, SilentBell};
use pipecat_engine::{Edge, Emit, Epoch, Frame, Graph, Inbox, Inline, Layout, Link, Outlet};

/// Passes everything on.
pub struct Wire;

impl Inline<MockHost> for Wire {
    fn process(&mut self, frame: Frame<MockHost>, emit: &mut Emit<'_, MockHost>) {
        emit.forward(frame);
    }
}

/// A native processor that passes everything on.
#[must_use]
pub fn wire() -> Layout<MockHost> {
    Layout::Inline { name: "wire".into(), processor: Box::new(Wire) }
}

/// Native processors one after another.
#[must_use]
pub fn wires(count: usize) -> Layout<MockHost> {
    Layout::Sequence((0..count).map(|_| wire()).collect())
}

/// A graph of native processors alone.
#[must_use]
pub fn graph(layout: Layout<MockHost>) -> Arc<Graph<MockHost>> {
    Graph::build(1, layout, Arc::new(Inbox::new(Arc::new(SilentBell))))
}

/// Counts what leaves the graph.
#[derive(Default)]
pub struct Count {
    /// Frames that left.
    pub left: u64,
}

impl Outlet<MockHost> for Count {
    fn arrive(&mut self, _: &Graph<MockHost>, _: u32, _: u32, _: Frame<MockHost>) {}
    fn left(&mut self, _: &Graph<MockHost>, _: Edge, frame: Frame<MockHost>) {
        self.left += 1;
        drop(frame);
    }
    fn hop(&mut self, _: &Graph<MockHost>, _: u32, _: Link, _: Frame<MockHost>) {}
    fn tell(&mut self, _: &Graph<MockHost>, _: Range<u32>, _: Epoch) {}
    fn discard(&mut self, _: Frame<MockHost>) {}
    fn failed(&mut self, _: &Graph<MockHost>, _: u32, message: String) {
        panic!("{message}");
    }
}
