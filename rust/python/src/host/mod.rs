//! The host: how the engine's foreign processors are stepped on an asyncio loop.
//!
//! `runner` owns a loop's scheduler and runs its cascades, `park` lends it real asyncio tasks,
//! `classes` knows the frame classes, `inbox` is the bell that other threads ring, `ringer` rings it a moment later, `graveyard` takes
//! references that die elsewhere, `stall` watches from outside, `ffi` holds every `unsafe`.

pub(crate) mod classes;
pub(crate) mod closing;
pub(crate) mod ffi;
pub(crate) mod frame;
pub(crate) mod graveyard;
pub(crate) mod inbox;
pub(crate) mod park;

pub(crate) mod port;
pub(crate) mod ringer;
pub(crate) mod runner;
pub(crate) mod stall;

use pipecat_engine as engine;
use pyo3::prelude::*;

/// asyncio as the engine's host.
pub(crate) struct Asyncio;

impl engine::Host for Asyncio {
    type Object = graveyard::FrameObject;
    type Native = frame::NativeBody;
    type Seat = Seat;
}

/// Who sits in a foreign slot.
pub(crate) enum Seat {
    /// A frame processor written in Python.
    Processor(Py<crate::processor::ProcessorBase>),
    /// An observer: the task that it watches, and its object.
    Observer(Py<crate::observer::ObserverSeat>),
}

pub(crate) type Frame = engine::Frame<Asyncio>;
pub(crate) type Graph = engine::Graph<Asyncio>;
