//! The native player of one destination, as Python's output transport uses it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pipecat_engine as engine;
use pipecat_engine::{Direction, Pusher};
use pipecat_rs_transport::playout::{
    self as native, AudioKind, Background, Outlet, PlayedAudio, PlayoutSettings, QueuedAudio, Speech,
};
use pipecat_rs_transport::runtime;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::time::Instant;

use super::background::Behind;
use super::lateness::Lateness;
use crate::audio::BackgroundSound;
use crate::host::frame::{self, NativeBody, class_named};
use crate::host::graveyard::FrameObject;
use crate::host::port::{LoopPort, Port};
use crate::host::{Asyncio, Frame, classes};
use crate::processor::ProcessorBase;
use crate::websocket::{WireOutput, message_of, sink_of};

/// Classes of the frames that a playout makes, looked up while Python is at hand.
struct Classes {
    audio: [engine::Class; 3],
    speech: [engine::Class; 3],
}

impl Classes {
    fn new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            audio: [
                class_named(py, "OutputAudioRawFrame")?,
                class_named(py, "TTSAudioRawFrame")?,
                class_named(py, "SpeechOutputAudioRawFrame")?,
            ],
            speech: [
                class_named(py, "BotStartedSpeakingFrame")?,
                class_named(py, "BotSpeakingFrame")?,
                class_named(py, "BotStoppedSpeakingFrame")?,
            ],
        })
    }
}

/// Pushes for the output transport, from media threads.
struct Owner {
    pusher: Pusher<Asyncio>,
    classes: Classes,
    destination: Option<Arc<str>>,
    sample_rate: u32,
    channels: u32,
    port: Port,
    /// Called with what failed and whether that is the end.
    on_failure: Arc<FrameObject>,
}

impl Outlet<Asyncio> for Owner {
    fn push(&self, mut frame: Frame) {
        frame.epoch = self.pusher.epoch();
        self.pusher.push(frame);
    }

    fn played(&self, audio: PlayedAudio) {
        let class = self.classes.audio[audio.kind as usize];
        let body = NativeBody::PlayedAudio {
            audio,
            sample_rate: self.sample_rate,
            channels: self.channels,
            destination: self.destination.clone(),
        };
        self.push(frame::native(class, Direction::Downstream, body));
    }

    fn speech(&self, speech: Speech) {
        let class = self.classes.speech[speech as usize];
        let (down, up) = (engine::new_identity(), engine::new_identity());
        for (direction, id, sibling) in [(Direction::Downstream, down, up), (Direction::Upstream, up, down)] {
            let body = NativeBody::BotSpeech { speech, destination: self.destination.clone(), sibling };
            self.push(Frame {
                class,
                epoch: engine::Epoch::default(),
                id,
                direction,
                payload: engine::Payload::Native(Arc::new(engine::NativeFrame::identified(body, id))),
            });
        }
    }

    fn epoch(&self) -> engine::Epoch {
        self.pusher.epoch()
    }

    fn failed(&self, what: String, fatal: bool) {
        let on_failure = Arc::clone(&self.on_failure);
        self.port.call(move |py| on_failure.get().call1(py, (what, fatal)).map(drop));
    }
}

/// Plays one destination of an output transport on a media thread.
///
/// Made when the transport is ready, inside a running pipeline. What it plays it pushes downstream
/// as the transport, together with the frames whose turn has come.
#[pyclass(frozen, module = "pipecat_rs._core")]
pub(crate) struct Playout {
    playout: native::Playout<Asyncio>,
    pusher: Pusher<Asyncio>,
    port: Port,
    open: std::sync::Mutex<Option<Py<LoopPort>>>,
    loop_: Py<PyAny>,
}

#[pymethods]
impl Playout {
    /// `settings`: `sample_rate` (Hz), `channels`, and in seconds `chunk`, `lead`, `end_silence`,
    /// `write_timeout`.
    #[new]
    fn new(
        owner: &Bound<'_, ProcessorBase>,
        destination: Option<String>,
        settings: &Bound<'_, PyDict>,
        sink: &Bound<'_, PyAny>,
        on_failure: Py<PyAny>,
        background: Option<&Bound<'_, BackgroundSound>>,
    ) -> PyResult<Self> {
        let py = owner.py();
        let settings = read_settings(settings)?;
        let pusher = ProcessorBase::pusher(owner)?;
        let loop_ = py.import("asyncio")?.call_method0("get_running_loop")?;
        let sink = sink_of(sink)?;
        let background = background.map(|sound| Box::new(Behind::new(sound.get())) as Box<dyn Background>);
        let open = LoopPort::open(&loop_)?;
        let port = open.get().port();
        let outlet = Owner {
            pusher: pusher.clone(),
            classes: Classes::new(py)?,
            destination: destination.map(Into::into),
            sample_rate: settings.sample_rate,
            channels: settings.channels,
            port: port.clone(),
            on_failure: Arc::new(FrameObject::new(on_failure)),
        };
        let handle = runtime().handle().clone();
        let playout = native::Playout::start(handle, settings, sink, Arc::new(outlet), background);
        Ok(Self {
            playout,
            pusher,
            port,
            open: std::sync::Mutex::new(Some(open.unbind())),
            loop_: loop_.unbind(),
        })
    }

    /// Queue audio. `kind`: 0 any, 1 from a TTS, 2 an unbroken stream of speech.
    #[pyo3(signature = (audio, sample_rate, channels, kind, interruptible, context_id=None))]
    fn play_audio(
        &self,
        audio: &[u8],
        sample_rate: u32,
        channels: u32,
        kind: u8,
        interruptible: bool,
        context_id: Option<&str>,
    ) -> PyResult<()> {
        let audio = QueuedAudio {
            samples: Bytes::copy_from_slice(audio),
            sample_rate,
            channels,
            kind: match kind {
                0 => AudioKind::Plain,
                1 => AudioKind::Tts,
                _ => AudioKind::Speech,
            },
            interruptible,
            context: context_id.map(Into::into),
            epoch: self.pusher.epoch(),
        };
        self.playout.play_audio(audio).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Push a frame downstream when all before it has been played.
    fn play_in_turn(&self, frame: &Bound<'_, PyAny>, interruptible: bool) -> PyResult<()> {
        self.playout.play_in_turn(downstream(frame)?, interruptible);
        Ok(())
    }

    /// Change the volume, a factor on the samples, when all before has been played; then push the frame.
    fn set_volume_in_turn(&self, volume: f32, frame: &Bound<'_, PyAny>, interruptible: bool) -> PyResult<()> {
        self.playout.call_in_turn(Box::new(move |controls| controls.volume = volume), interruptible);
        self.play_in_turn(frame, interruptible)
    }

    /// Change the gain, a second factor, when all before has been played; then push the frame.
    fn set_gain_in_turn(&self, gain: f32, frame: &Bound<'_, PyAny>, interruptible: bool) -> PyResult<()> {
        self.playout.call_in_turn(Box::new(move |controls| controls.gain = gain), interruptible);
        self.play_in_turn(frame, interruptible)
    }

    /// Send the peer a message when all before has been played; then push the frame.
    fn send_in_turn(
        &self,
        output: &Bound<'_, WireOutput>,
        data: &Bound<'_, PyAny>,
        frame: &Bound<'_, PyAny>,
        interruptible: bool,
    ) -> PyResult<()> {
        let (send, message) = (output.get().sender(), message_of(data)?);
        self.playout.call_in_turn(Box::new(move |_controls| send(message)), interruptible);
        self.play_in_turn(frame, interruptible)
    }

    /// Push a frame downstream at a time.
    fn play_at(&self, frame: &Bound<'_, PyAny>, delay_ns: i64, interruptible: bool) -> PyResult<()> {
        let delay = Duration::from_nanos(delay_ns.max(0) as u64);
        self.playout.play_at(downstream(frame)?, Instant::now() + delay, interruptible);
        Ok(())
    }

    /// The end of an utterance: what was held back is played, and the frame goes on behind it.
    fn end_utterance(&self, frame: &Bound<'_, PyAny>, interruptible: bool) -> PyResult<()> {
        self.playout.end_utterance(downstream(frame)?, interruptible);
        Ok(())
    }

    /// Drop all that an interruption may drop, here and on the wire.
    fn interrupt(&self) {
        self.playout.interrupt();
    }

    /// Play all that is queued; the future that is returned is done when it has been played.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let future = self.loop_.bind(py).call_method0(intern!(py, "create_future"))?;
        let kept = FrameObject::new(future.clone().unbind());
        let port = self.port.clone();
        self.playout.finish(Box::new(move || {
            port.call(move |py| {
                let future = kept.get().bind(py);
                match future.call_method0(intern!(py, "done"))?.is_truthy()? {
                    true => Ok(()),
                    false => future.call_method1(intern!(py, "set_result"), (py.None(),)).map(drop),
                }
            });
        }));
        Ok(future)
    }

    /// Stop at once, and let go of the loop.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.playout.cancel();
        let open = self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        match open {
            Some(open) => LoopPort::close(open.bind(py)),
            None => Ok(()),
        }
    }

    /// Whether nothing plays and nothing is left to play.
    #[getter]
    fn silent(&self) -> bool {
        self.playout.is_silent()
    }

    /// How many chunks were written.
    #[getter]
    fn progress(&self) -> u64 {
        self.playout.progress()
    }

    /// Seconds of audio that wait.
    #[getter]
    fn queued_secs(&self) -> f64 {
        self.playout.queued().as_secs_f64()
    }

    /// How late chunks were written.
    #[getter]
    fn lateness(&self) -> Lateness {
        Lateness::new(self.playout.lateness())
    }
}

fn downstream(frame: &Bound<'_, PyAny>) -> PyResult<Frame> {
    let class = classes::class_of(frame)?;
    frame::wrap(frame, class, Direction::Downstream, true)
}

fn read_settings(settings: &Bound<'_, PyDict>) -> PyResult<PlayoutSettings> {
    let item = |name: &str| -> PyResult<f64> {
        let value = settings.get_item(name)?;
        value.ok_or_else(|| PyRuntimeError::new_err(format!("the setting {name} is missing")))?.extract()
    };
    let secs = |name: &str| -> PyResult<Duration> {
        Duration::try_from_secs_f64(item(name)?)
            .map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
    };
    Ok(PlayoutSettings {
        chunk: secs("chunk")?,
        lead: secs("lead")?,
        end_silence: secs("end_silence")?,
        write_timeout: secs("write_timeout")?,
        volume: item("volume")? as f32,
        ..PlayoutSettings::new(item("sample_rate")? as u32, item("channels")? as u32)
    })
}
