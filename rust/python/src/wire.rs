//! A wire format, for programs and for native connections alike.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pipecat_rs_audio::dtmf::Key;
use pipecat_rs_wire::{Audio, Incoming, Message, Rates, Serializer, by_name, protobuf};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::websocket::{message_of, object_of};

/// A message's length from which reading or writing it is done without the interpreter lock.
const LONG_BYTES: usize = 4096;

/// One end of one stream in one format.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct WireSerializer {
    serializer: Arc<Mutex<Box<dyn Serializer>>>,
    /// After so long without audio what resamplers hold is stale.
    stale_after: Option<Duration>,
    last_audio: Mutex<Option<Instant>>,
}

impl WireSerializer {
    /// The serializer itself, for a native connection.
    pub(crate) fn shared(&self) -> Arc<Mutex<Box<dyn Serializer>>> {
        Arc::clone(&self.serializer)
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        bytes: usize,
        work: impl FnOnce(&mut dyn Serializer) -> T + Send,
    ) -> T {
        if bytes < LONG_BYTES
            && let Ok(mut serializer) = self.serializer.try_lock()
        {
            return work(serializer.as_mut());
        }
        // Another thread may hold it, and may wait for the interpreter.
        py.detach(|| work(lock(&self.serializer).as_mut()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn raised(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn optional<'py>(py: Python<'py>, message: Option<Message>) -> Option<Bound<'py, PyAny>> {
    message.map(|message| object_of(py, &message))
}

fn said<'py>(py: Python<'py>, incoming: Incoming) -> PyResult<Bound<'py, PyTuple>> {
    match incoming {
        Incoming::Audio(Audio { samples, sample_rate, channels }) => {
            ("audio", PyBytes::new(py, &samples), sample_rate, channels).into_pyobject(py)
        }
        Incoming::Dtmf(key) => ("dtmf", key.to_string()).into_pyobject(py),
        Incoming::Started(start) => {
            ("started", start.stream_id, start.call_id, start.facts).into_pyobject(py)
        }
        Incoming::Played(mark) => ("played", mark).into_pyobject(py),
        Incoming::Text(text) => ("text", text).into_pyobject(py),
        Incoming::Transcription { text, user_id, timestamp } => {
            ("transcription", text, user_id, timestamp).into_pyobject(py)
        }
        Incoming::Interruption => ("interruption",).into_pyobject(py),
        Incoming::Application(json) => ("application", json).into_pyobject(py),
        Incoming::Reply(message) => ("reply", object_of(py, &message)).into_pyobject(py),
        Incoming::Stopped { reason } => ("stopped", reason).into_pyobject(py),
    }
}

#[pymethods]
impl WireSerializer {
    #[new]
    #[pyo3(signature = (format, settings=None, *, resampler_clear_after_secs=None))]
    fn new(
        py: Python<'_>,
        format: &str,
        settings: Option<&Bound<'_, PyDict>>,
        resampler_clear_after_secs: Option<f64>,
    ) -> PyResult<Self> {
        let json = match settings {
            Some(settings) => py.import("json")?.call_method1("dumps", (settings,))?.extract::<String>()?,
            None => "{}".to_owned(),
        };
        let serializer = by_name(format, &json).map_err(raised)?;
        let stale_after = match resampler_clear_after_secs {
            Some(secs) => Some(Duration::try_from_secs_f64(secs).map_err(raised)?),
            None => None,
        };
        let serializer = Arc::new(Mutex::new(serializer));
        Ok(Self { serializer, stale_after, last_audio: Mutex::new(None) })
    }

    #[getter]
    fn format(&self) -> &'static str {
        lock(&self.serializer).format()
    }

    fn set_rates(&self, py: Python<'_>, input: u32, output: u32) {
        self.with(py, 0, |serializer| serializer.set_rates(Rates { input, output }));
    }

    fn audio<'py>(
        &self,
        py: Python<'py>,
        audio: &[u8],
        sample_rate: u32,
        channels: u32,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let audio = Audio { samples: Bytes::copy_from_slice(audio), sample_rate, channels };
        let stale = self.stale_after.is_some_and(|after| {
            lock(&self.last_audio).replace(Instant::now()).is_some_and(|last| last.elapsed() > after)
        });
        let message = self.with(py, audio.samples.len(), |serializer| {
            if stale {
                serializer.forget_audio();
            }
            serializer.audio(&audio)
        });
        Ok(optional(py, message.map_err(raised)?))
    }

    fn interruption<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        optional(py, self.with(py, 0, |serializer| serializer.interruption()))
    }

    fn mark<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyAny>> {
        optional(py, self.with(py, 0, |serializer| serializer.mark(name)))
    }

    fn dtmf<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut labels = key.chars();
        let label = labels.next().filter(|_| labels.next().is_none());
        let key = label.and_then(Key::from_label).ok_or_else(|| {
            raised(format!("{key:?} is no key of a telephone: 0 to 9, A to D, * and # are"))
        })?;
        Ok(optional(py, self.with(py, 0, |serializer| serializer.dtmf(key))))
    }

    fn application<'py>(&self, py: Python<'py>, json: &str) -> Option<Bound<'py, PyAny>> {
        optional(py, self.with(py, json.len(), |serializer| serializer.application(json)))
    }

    fn ending<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        optional(py, self.with(py, 0, |serializer| serializer.ending()))
    }

    fn control<'py>(&self, py: Python<'py>, kind: &str, parameters: &str) -> Option<Bound<'py, PyAny>> {
        optional(py, self.with(py, 0, |serializer| serializer.control(kind, parameters)))
    }

    fn session(&self, py: Python<'_>) -> Option<String> {
        self.with(py, 0, |serializer| serializer.session())
    }

    fn decode<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let message = message_of(data)?;
        let mut heard = Vec::new();
        self.with(py, message.len(), |serializer| serializer.decode(&message, &mut heard)).map_err(raised)?;
        heard.into_iter().map(|incoming| said(py, incoming)).collect()
    }
}

/// A message of `frames.proto` with one frame. Fields that a kind has not are not looked at.
#[pyfunction]
#[pyo3(signature = (kind, *, id=0, name="", text="", user_id="", timestamp="", audio=None, sample_rate=0,
    num_channels=0, pts=None, data=""))]
#[expect(clippy::too_many_arguments, reason = "they are the fields of all kinds")]
pub(crate) fn _encode_protobuf_frame<'py>(
    py: Python<'py>,
    kind: &str,
    id: u64,
    name: &str,
    text: &str,
    user_id: &str,
    timestamp: &str,
    audio: Option<&[u8]>,
    sample_rate: u32,
    num_channels: u32,
    pts: Option<u64>,
    data: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let (name, text) = (name.to_owned(), text.to_owned());
    let kind = match kind {
        "text" => protobuf::Kind::Text(protobuf::TextFrame { id, name, text }),
        "audio" => protobuf::Kind::Audio(protobuf::AudioRawFrame {
            id,
            name,
            audio: Bytes::copy_from_slice(audio.unwrap_or_default()),
            sample_rate,
            num_channels,
            pts,
        }),
        "transcription" => protobuf::Kind::Transcription(protobuf::TranscriptionFrame {
            id,
            name,
            text,
            user_id: user_id.to_owned(),
            timestamp: timestamp.to_owned(),
        }),
        "message" => protobuf::Kind::Message(protobuf::MessageFrame { data: data.to_owned() }),
        "interruption" => protobuf::Kind::Interruption(protobuf::InterruptionFrame { id, name }),
        _ => {
            let kinds = "text, audio, transcription, message and interruption";
            return Err(raised(format!("no kind of frame {kind:?}: there are {kinds}")));
        }
    };
    Ok(PyBytes::new(py, &protobuf::encode(kind)))
}

/// The kind of the frame in a message of `frames.proto`, and its fields. None if it is of no kind
/// that is known.
#[pyfunction]
pub(crate) fn _decode_protobuf_frame<'py>(
    py: Python<'py>,
    data: &[u8],
) -> PyResult<Option<(&'static str, Bound<'py, PyDict>)>> {
    let fields = PyDict::new(py);
    let kind = match protobuf::decode(Bytes::copy_from_slice(data)).map_err(raised)? {
        Some(protobuf::Kind::Text(frame)) => {
            fields.set_item("id", frame.id)?;
            fields.set_item("name", frame.name)?;
            fields.set_item("text", frame.text)?;
            "text"
        }
        Some(protobuf::Kind::Audio(frame)) => {
            fields.set_item("id", frame.id)?;
            fields.set_item("name", frame.name)?;
            fields.set_item("audio", PyBytes::new(py, &frame.audio))?;
            fields.set_item("sample_rate", frame.sample_rate)?;
            fields.set_item("num_channels", frame.num_channels)?;
            fields.set_item("pts", frame.pts)?;
            "audio"
        }
        Some(protobuf::Kind::Transcription(frame)) => {
            fields.set_item("id", frame.id)?;
            fields.set_item("name", frame.name)?;
            fields.set_item("text", frame.text)?;
            fields.set_item("user_id", frame.user_id)?;
            fields.set_item("timestamp", frame.timestamp)?;
            "transcription"
        }
        Some(protobuf::Kind::Message(frame)) => {
            fields.set_item("data", frame.data)?;
            "message"
        }
        Some(protobuf::Kind::Interruption(frame)) => {
            fields.set_item("id", frame.id)?;
            fields.set_item("name", frame.name)?;
            "interruption"
        }
        None => return Ok(None),
    };
    Ok(Some((kind, fields)))
}
