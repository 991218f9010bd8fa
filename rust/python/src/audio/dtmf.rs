use pipecat_rs_audio::dtmf;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::buffer::{Audio, Held, raised, sample_bytes};

/// What happened on a telephone's keypad.
#[pyclass(frozen, get_all, module = "pipecat_rs._core")]
pub(super) struct DtmfEvent {
    key: String,
    is_pressed: bool,
    at: u64,
}

#[pymethods]
impl DtmfEvent {
    fn __repr__(&self) -> String {
        let what = if self.is_pressed { "pressed" } else { "released" };
        format!("DtmfEvent({} {what} at {})", self.key, self.at)
    }
}

impl From<dtmf::DtmfEvent> for DtmfEvent {
    fn from(event: dtmf::DtmfEvent) -> Self {
        let (key, is_pressed, at) = match event {
            dtmf::DtmfEvent::Pressed { key, at } => (key, true, at),
            dtmf::DtmfEvent::Released { key, at } => (key, false, at),
        };
        Self { key: key.to_string(), is_pressed, at }
    }
}

/// Finds the tones of a telephone's keys in mono audio.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(super) struct DtmfDetector(Held<dtmf::DtmfDetector>);

#[pymethods]
impl DtmfDetector {
    #[new]
    fn new(sample_rate: u32) -> PyResult<Self> {
        Ok(Self(Held::new(dtmf::DtmfDetector::new(sample_rate).map_err(raised)?)))
    }

    fn process(&self, py: Python<'_>, audio: Audio) -> Vec<DtmfEvent> {
        let samples = audio.samples;
        let events = self.0.with(py, samples.len(), |detector| {
            let mut events = Vec::new();
            detector.process(&samples, &mut events);
            events
        });
        events.into_iter().map(Into::into).collect()
    }

    fn flush(&self) -> Vec<DtmfEvent> {
        let mut events = Vec::new();
        self.0.lock().flush(&mut events);
        events.into_iter().map(Into::into).collect()
    }
}

/// A key's tone, in mono.
#[pyfunction]
pub(super) fn dtmf_tone<'py>(
    py: Python<'py>,
    key: &str,
    sample_rate: u32,
    samples: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut labels = key.chars();
    let label = labels.next().filter(|_| labels.next().is_none());
    let key = label.and_then(dtmf::Key::from_label).ok_or_else(|| {
        PyValueError::new_err(format!("{key:?} is no key of a telephone: 0 to 9, A to D, * and # are"))
    })?;
    if sample_rate == 0 {
        return Err(PyValueError::new_err("sample_rate must be positive"));
    }
    let tone = py.detach(|| {
        let mut tone = Vec::with_capacity(samples);
        dtmf::append_tone(key, sample_rate, samples, &mut tone);
        tone
    });
    sample_bytes(py, &tone)
}
