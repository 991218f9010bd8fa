//! Native media processors and players as Python makes them.

mod background;
mod collector;
mod feed;
mod lateness;
mod local;
mod paced;
mod playout;

pub(crate) use collector::AudioCollector;
pub(crate) use feed::AudioFeed;
pub(crate) use lateness::Lateness;
pub(crate) use local::{_local_audio_devices, LocalMicrophone, LocalSpeaker};
pub(crate) use paced::{AudioArrivals, PacedAudio};
pub(crate) use playout::Playout;

use pyo3::prelude::*;

/// Start the threads that all media shares, if they do not run yet: they stay until the process ends.
#[pyfunction]
pub(crate) fn _start_media_threads(py: Python<'_>) {
    py.detach(|| drop(pipecat_rs_transport::runtime().enter()));
}
