"""The border between the engine and asyncio: what the Rust module gives to the Python face.

Public classes of `pipecat_rs` derive from the bases here; names with an underscore are between
these two layers and may change with them.

Threads: everything belongs to the thread of the event loop that a task runs on, unless its
documentation says otherwise. Objects may be made on any thread. Nothing here waits: what cannot be
done at once returns an awaitable.

Errors: a direction that is no `FrameDirection` and a frame that is no frame raise TypeError.
Exceptions of callbacks never leave these methods: they come back as error frames
(`_process_failed`), those of observers through their seat's `report`.
"""

from asyncio import AbstractEventLoop, Future
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import Context
from os import PathLike
from types import CodeType, FrameType
from typing import (
    Any,
    Final,
    Literal,
    NoReturn,
    Self,
    SupportsIndex,
    TypeAlias,
    TypedDict,
    final,
    overload,
)

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

from pipecat_rs.frames.base import Frame
from pipecat_rs.processors.frame_processor import FrameCallback, FrameDirection, FrameProcessor

__all__ = [
    "DEBUG_BUILD",
    "LOCAL_AUDIO",
    "AudioArrivals",
    "AudioCollector",
    "AudioFeed",
    "AudioInput",
    "BackgroundSound",
    "ChannelMapper",
    "Chunker",
    "Denoiser",
    "DtmfDetector",
    "DtmfEvent",
    "EchoCanceller",
    "Fade",
    "Gain",
    "HttpRequest",
    "Lateness",
    "LevelMeter",
    "LocalMicrophone",
    "LocalSpeaker",
    "LoopPort",
    "LoudnessMeter",
    "Mixer",
    "ObserverSeat",
    "PacedAudio",
    "Parked",
    "Playout",
    "ProcessorBase",
    "QueuedFrame",
    "Resampler",
    "Runner",
    "Session",
    "SessionServer",
    "SilenceDetector",
    "SmartTurnModel",
    "SmartTurnStream",
    "SoftLimiter",
    "Sound",
    "SpeechSegment",
    "SwitchChoice",
    "TaskBase",
    "TurnAnswer",
    "VoiceActivity",
    "VoiceModel",
    "VoiceStream",
    "VolumeTracker",
    "Waiting",
    "WavRecorder",
    "WebSocketConnection",
    "WebSocketRequest",
    "WebSocketServer",
    "WireOutput",
    "WireSerializer",
    "_bench_post",
    "_configure",
    "_coroutine_method",
    "_decode_protobuf_frame",
    "_encode_protobuf_frame",
    "_local_audio_devices",
    "_mark_own_words",
    "_start_media_threads",
    "_websocket_connect",
    "alaw_to_linear",
    "deinterleave",
    "dtmf_tone",
    "find_onset",
    "interleave",
    "is_silence",
    "linear_to_alaw",
    "linear_to_ulaw",
    "mix",
    "scale",
    "ulaw_to_linear",
]

_Bytes: TypeAlias = bytes | bytearray | memoryview
_Samples: TypeAlias = NDArray[np.int16]
_Codes: TypeAlias = NDArray[np.uint8]
_Audio: TypeAlias = _Bytes | _Samples

DEBUG_BUILD: Final[bool]
"""Whether the extension was built without optimisation. Such a build is for debugging it."""

LOCAL_AUDIO: Final[bool]
"""Whether it was built with the microphone and the loudspeaker of this machine."""

class _LaneSnapshot(TypedDict):
    """One lane of a node, as `TaskBase._snapshot` gives it."""

    depth: int
    """Frames that wait."""
    age: float
    """How long the oldest of them has waited, in seconds."""
    frame: str | None
    """Class name of the frame in hand."""
    held_for: float
    """How long it has been in hand, in seconds."""

class _NodeSnapshot(TypedDict):
    """One node of a graph, as `TaskBase._snapshot` gives it."""

    name: str
    native: bool
    processed: int
    system: _LaneSnapshot
    data: _LaneSnapshot

def _coroutine_method(face: Callable[..., Any], native: Callable[..., Any]) -> Any:
    """Return a method that calls `native` and shows the face of an ``async def`` function."""

def _bench_post(task: TaskBase, count: int, period_us: int) -> dict[str, float]:
    """Post frames to a running task's first processor from this thread, without the GIL.

    Args:
        task: The task.
        count: How many frames.
        period_us: Time between two, in µs.

    Returns:
        How long a post took: ``mean_us``, ``p99_us`` and ``max_us``.
    """

def _start_media_threads() -> None:
    """Start the threads that all media of the process shares; they stay until it ends."""

def _mark_own_words(frame_type: type[Frame]) -> None:
    """Ask each frame of a class, from now on, whether an interruption may drop it."""

def _configure(
    classify: Callable[[type], int],
    downstream: FrameDirection,
    upstream: FrameDirection,
    frame_types: dict[str, type[Frame]],
) -> None:
    """Tell the module what it needs of the Python face. Called once, at import.

    Args:
        classify: Returns the facts of a frame class as a number; see `frames.classification`.
            Asked once for each class.
        downstream: The member of `FrameDirection`; directions are compared by identity.
        upstream: The other one.
        frame_types: Classes that frames born in Rust become when Python looks at them, by name.
    """

@disjoint_base
class ProcessorBase:
    """Native base of `FrameProcessor`: the methods that run for each frame.

    A subclass may leave out ``super().__init__()``, and its ``__init__`` may take any arguments.
    Instances cannot be pickled. The engine calls these methods of the Python face:
    `process_frame` (or `_process_hooked`, once a handler listens to it), `_process_failed` with the
    frame and the exception, `_process_control` for frames that the base class acts on,
    `_process_direct` in direct mode, `_push_hooked`, `_push_unplaced` outside of a task and
    `_process_observed` for observers.
    """

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self: ...
    def push_frame(
        self, frame: Frame, direction: FrameDirection | None = None
    ) -> Coroutine[Any, Any, None]:
        """Push a frame to the next processor in a direction.

        The push happens in the call: the frame is in the next mailbox when the call returns, and
        the result need not be awaited for that. Awaiting it does not suspend, unless the next data
        lane is full: then until it is half empty again, for at most 5 s.

        On another thread than the loop's the result has to be awaited, on any loop; the push
        happens then, on the processor's own loop.

        Outside of a running task the frame goes to the linked neighbour, if there is one.

        Args:
            frame: The frame.
            direction: None means downstream.

        Raises:
            TypeError: If `direction` is no `FrameDirection`.
        """

    def _push_frame(
        self, frame: Frame, direction: FrameDirection | None = None
    ) -> Coroutine[Any, Any, None]:
        """`push_frame` without its events."""

    def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection | None = None,
        callback: FrameCallback | None = None,
    ) -> Coroutine[Any, Any, None]:
        """Put a frame into this processor's own mailbox, as its neighbour would.

        Frames queued before the processor is in a task are kept for it. What `push_frame` says of
        awaiting and of threads holds here too.

        Args:
            frame: The frame.
            direction: The direction that it is to travel in; None means downstream.
            callback: Awaited after the frame with the processor, the frame and the direction.
        """

    def process_frame(self, frame: Frame, direction: FrameDirection) -> Coroutine[Any, Any, None]:
        """Do what every processor does with a frame; overrides call it first.

        Nothing for most frames, without suspending. Start, cancel, interruption, pause and resume
        frames are acted on.
        """

    def _hook(self, process: bool, push: bool) -> None:
        """Route processing, or pushes, through the methods that call event handlers."""

    def _tap_process(self, on: bool) -> None:
        """Tell observers of each `process_frame`, or no longer."""

    def _cancel_callback(self, frame: Frame) -> bool:
        """Cancel the callback that hangs with a frame, and drop nothing; false if none does."""

    def _home_loop(self) -> AbstractEventLoop | None:
        """The loop that the processor runs on; None if it does not run."""

    @property
    def _placed(self) -> bool:
        """Whether the processor is in a running task."""

    def _begin_interruption(self) -> None:
        """Make what waits here stale, as an InterruptionFrame does that begins here."""

    def _hold(self, system: bool, seconds: float) -> None:
        """Hold a lane from its next frame on, for at most so many seconds."""

    def _release(self, system: bool) -> None:
        """Let a lane that is held go on."""

    def _set_up(self, done: bool) -> None:
        """Hold the start frame until `setup` is done (False), or let it in (True)."""

    def _has_waiting(self, frame_type: type[Frame]) -> bool:
        """Return whether a frame of a class, or derived from it, waits in the data lane."""

    def __reduce_ex__(self, _protocol: SupportsIndex, /) -> NoReturn: ...

@final
class QueuedFrame:
    """A frame on its way with a callback to await after it. Made by `queue_frame` alone."""

    @property
    def frame(self) -> Frame: ...
    @property
    def callback(self) -> FrameCallback: ...
    @property
    def id(self) -> int:
        """The frame's."""

@disjoint_base
class TaskBase:
    """Native base of `PipelineTask`: graph, way in, what comes out, life cycle.

    The life cycle is a state machine of the engine. What it decides arrives in `_act`; what reaches
    an end of the pipeline in `_frame_left`; what observers asked for in `_hop` and `_entered`.
    """

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self: ...
    def _limits(self, setup: float, start: float, end: float, cancel: float) -> None:
        """Set the limits of its waits, in seconds. Before it runs."""

    def _open(self, loop_: AbstractEventLoop, layout: tuple[Any, ...], bound: int) -> None:
        """Seat the processors of a layout on a loop and build the graph.

        Args:
            loop_: The running loop.
            layout: ``("processor", processor, handles or None)``, ``("sequence", parts)``,
                ``("parallel", owner, parts)``, ``("synchronised", owner, parts, order)``,
                ``("switch", owner, parts, SwitchChoice)`` or ``("native", owner, made)``, where
                parts are layouts and made is a PacedAudio or an AudioArrivals.
            bound: Data frames that may wait in a processor before whoever pushes has to wait.

        Raises:
            ProcessorInUseError: If a processor is in another running task. Nothing is seated then.
            TypeError: If something in the layout is no processor, or no frame class in `handles`.
            ValueError: If a part's kind is unknown.
        """

    def _nodes(self) -> list[tuple[str, FrameProcessor | None]]:
        """Return each node's name, and its processor if Python knows one; in order of `_hop`."""

    def _edge_nodes(self) -> tuple[int | None, int | None]:
        """Return the numbers of the first and the last node, if there are nodes."""

    def _begin(self, start: Frame) -> None:
        """Let the start frame in; each processor takes it when it is set up.

        Raises:
            RuntimeError: If the task is not open.
        """

    def _all_set_up(self) -> None:
        """Say that all processors are set up."""

    def queue_frame(
        self, frame: Frame, direction: FrameDirection | None = None
    ) -> Coroutine[Any, Any, None]:
        """Let a frame into the pipeline behind those before it. From any thread.

        Frames queued before the pipeline has started are let in after the start frame. After an
        end, stop or cancel frame no more are let in: they are dropped with a warning.

        Args:
            frame: The frame.
            direction: Downstream from the pipeline's beginning (so does None), or upstream from its
                end.
        """

    def _queue_all(
        self, frames: Iterable[Frame], direction: FrameDirection
    ) -> Coroutine[Any, Any, None]:
        """Let several frames in; awaits the last one that has to wait for room."""

    def _enter(self, frame: Frame, direction: FrameDirection) -> None:
        """Let a frame in at once, whatever the state: an interruption, a heartbeat, the cancel."""

    def _cancel(self) -> None:
        """Cancel, in whatever state."""

    def _has_waiting(self) -> bool:
        """Whether frames wait for processors."""

    def _shut(self) -> None:
        """Let no more frames in to any processor."""

    def _note_progress(self) -> None:
        """Work goes on that no frame shows. It keeps an orderly end from timing out."""

    def _poll(self) -> None:
        """Look at the deadlines. Called by a timer of the loop."""

    @property
    def _state(
        self,
    ) -> Literal["created", "starting", "running", "ending", "cancelling", "finished"]: ...
    def _report_reached(self, down: tuple[type[Frame], ...], up: tuple[type[Frame], ...]) -> None:
        """Say which classes are reported when they reach the sink, and the source."""

    def _listen(self, wanted: tuple[type[Frame], ...] | None) -> None:
        """Say which classes observers want to hear of: None for all, ``()`` for none."""

    def _hanging(self) -> list[FrameProcessor]:
        """Return the processors that have a suspended callback."""

    def _cancel_hanging(self) -> None:
        """Cancel every suspended callback."""

    def _close(self) -> None:
        """Let go of processors and graph. May be called again."""

    def _snapshot(self) -> list[_NodeSnapshot]:
        """Return who holds what for how long. From any thread, also while the loop is blocked."""

    def _figures(self) -> tuple[int, int, int]:
        """Return steps and hops of this loop so far, and frames processed in this task."""

@final
class ObserverSeat:
    """Runs calls one after another beside the pipeline, on its loop, for one observer."""

    def __new__(cls, report: Callable[[BaseException], object]) -> Self:
        """Make a seat.

        Args:
            report: Called with what a call raised.
        """

    def open(self, loop_: AbstractEventLoop) -> None:
        """Take the seat on a loop."""

    def post(self, call: Callable[[], Awaitable[None]]) -> None:
        """Run ``call()`` after those before it. Without effect unless open."""

    @property
    def idle(self) -> bool:
        """Whether everything posted has run."""

    def close(self) -> None:
        """Leave: what has not run is dropped, what hangs is cancelled."""

@final
class SwitchChoice:
    """Which branch of a switcher is open. From any thread."""

    def __new__(cls, index: int) -> Self: ...
    def set(self, index: int) -> None:
        """Open another branch."""

    def get(self) -> int:
        """Return the open branch."""

@final
class PacedAudio:
    """Audio at the pace of a microphone, sent from a thread of Rust."""

    def __new__(
        cls, samples: bytes, sample_rate: int, channels: int, chunk_ms: int, repeats: bool
    ) -> Self:
        """Hold the audio.

        Args:
            samples: 16-bit little-endian samples, channels interleaved.
            sample_rate: In Hz.
            channels: How many channels.
            chunk_ms: Length of each frame, in ms.
            repeats: Whether to begin again at the end.

        Raises:
            ValueError: If the audio is empty or does not hold whole samples, or a number is 0.
        """

    def lateness(self) -> dict[str, float]:
        """Return how late chunks set out in the newest run: ``count``, ``p50_ms``, ``p99_ms`` and
        ``max_ms``. From any thread.
        """

@final
class VoiceModel:
    """A network that tells how sure it is of speech. All streams of the process share it."""

    @staticmethod
    def silero(
        network: str | PathLike[str], runtime: str | PathLike[str] | None = None
    ) -> VoiceModel:
        """Load Silero's network.

        Args:
            network: The ONNX file.
            runtime: The library of the ONNX runtime, to run any export of the network; the first
                good one stays for the process. None to run one that is recognised, without it.

        Raises:
            RuntimeError: If one of them cannot be used.
        """

    @staticmethod
    def earshot() -> VoiceModel:
        """Return the network that needs neither runtime nor file. It hears at 16 kHz."""

    def stream(self) -> VoiceStream:
        """Return a stream whose windows are heard one by one, by whoever asks."""

    def ran(self) -> tuple[int, int]:
        """Return how many windows the network's thread has heard, and in how many batches."""

@final
class VoiceStream:
    """One stream of a network, without the rules of what is speech. From any thread."""

    def confidence(self, window: bytes, sample_rate: int) -> float:
        """Return how sure the network is that a window holds speech, from 0 to 1.

        Args:
            window: 16-bit samples: 32 ms.
            sample_rate: 16000 or 8000 Hz.

        Raises:
            ValueError: If the window has another length, or the sample rate is another one.
            RuntimeError: If the network gives no answer.
        """

    def reset(self) -> None:
        """Forget what was heard."""

@final
class VoiceActivity:
    """Follows the voice in audio that passes a place of a pipeline; tells the neighbour of it."""

    deaf: bool
    """Whether audio that passes is not listened to."""

    def __new__(cls, upstream: bool, passes_audio: bool) -> Self:
        """Make a place that does not listen yet.

        Args:
            upstream: Whether the neighbour before it is told, and not the one behind.
            passes_audio: Whether audio goes on from here.
        """

    def begin(
        self,
        model: VoiceModel,
        vad: tuple[float, float, float, float],
        activity_secs: float,
        idle_timeout_secs: float,
    ) -> None:
        """Listen from now on.

        Args:
            model: The network.
            vad: Least confidence, seconds to start and to stop, and least volume.
            activity_secs: Least audio from one activity to the next, in seconds.
            idle_timeout_secs: Time without audio after which speech has stopped, in seconds; 0 for
                never.

        Raises:
            OSError: If the system refuses a thread.
        """

    def set_params(self, vad: tuple[float, float, float, float]) -> None:
        """Change when a voice counts: confidence, seconds to start and to stop, and volume."""

    def hear(self, audio: bytes, sample_rate: int, channels: int) -> None:
        """Take audio that does not pass this place."""

    def hear_unread(self) -> None:
        """Read the frames that came where Python could not be asked."""

    def drain(self, mark: int) -> bool:
        """Have a mark told once all audio before it has been. False: nobody listens."""

    def dropped(self) -> int:
        """Return how many windows were dropped because the machine could not keep up."""

    def end(self) -> None:
        """Listen no longer."""

@final
class AudioArrivals:
    """Measures how regularly InputAudioRawFrames arrive at a place in a pipeline."""

    def __new__(cls, chunk_ms: int) -> Self:
        """Expect a frame each `chunk_ms`."""

    def lateness(self) -> dict[str, float]:
        """Return how late frames were by the schedule of the first: ``count``, ``p50_ms``,
        ``p99_ms`` and ``max_ms``. From any thread.
        """

@final
class AudioCollector:
    """A sink that keeps what was played until it is taken away. May be used from any thread."""

    def __new__(cls) -> Self: ...
    def take(self) -> list[tuple[float, bytes]]:
        """Return what was played since the last time: how many seconds ago, and the samples."""

    @property
    def silent_for_secs(self) -> float | None:
        """Seconds since something audible was played; None: never."""

@final
class AudioFeed:
    """Pushes audio that is at hand as an input transport, at the pace at which it was spoken."""

    def __new__(
        cls, owner: ProcessorBase, sample_rate: int, channels: int, chunk_secs: float
    ) -> Self:
        """Make the way into the owner's pipeline.

        Args:
            owner: The input transport, in a running pipeline.
            sample_rate: In Hz.
            channels: How many.
            chunk_secs: Length of each frame, a multiple of 0.01 s.

        Raises:
            RuntimeError: If the owner is in no running pipeline.
            ValueError: If a length is negative.
        """

    def feed(self, audio: bytes) -> None:
        """Queue whole 16-bit samples. The first of them set out at once.

        Raises:
            ValueError: If there is half a sample.
        """

    @property
    def muted(self) -> bool:
        """Whether time goes by without anything being heard."""

    @muted.setter
    def muted(self, muted: bool) -> None: ...
    @property
    def queued_secs(self) -> float:
        """Seconds of audio that wait."""

    @property
    def lateness(self) -> Lateness:
        """How late chunks set out."""

    def close(self) -> None:
        """Push nothing more."""

@final
class LocalSpeaker:
    """A device that plays: takes a playout's audio."""

    def __new__(cls, index: int | None, sample_rate: int, channels: int, chunk_secs: float) -> Self:
        """Open a device. Takes as long as the system does.

        Args:
            index: As `_local_audio_devices` counts; None for the system's choice.
            sample_rate: Of what is written, in Hz. The device may have another.
            channels: Of what is written, 1 or 2.
            chunk_secs: Length of what is written at a time.

        Raises:
            OSError: If there is none, or it cannot play.
            ValueError: If the audio cannot be converted.
        """

    def write(self, audio: bytes) -> bool:
        """Write a chunk, for those who pace it themselves.

        Returns:
            False if there is no room yet.

        Raises:
            OSError: If the device is gone.
        """

    def interrupt(self) -> None:
        """Forget what was written and not heard yet."""

    def close(self) -> None:
        """Let the device go."""

    @property
    def queued_secs(self) -> float:
        """Seconds until all that was written has been heard."""

    @property
    def underruns(self) -> int:
        """How often there were gaps in what was heard."""

    @property
    def device_format(self) -> tuple[int, int]:
        """Rate (Hz) and channels of the device."""

@final
class LocalMicrophone:
    """A device that records."""

    def __new__(cls, index: int | None, sample_rate: int, channels: int, chunk_secs: float) -> Self:
        """Open a device. Takes as long as the system does.

        Args:
            index: As `_local_audio_devices` counts; None for the system's choice.
            sample_rate: Of what is heard, in Hz. The device may have another.
            channels: Of what is heard, 1 or 2.
            chunk_secs: Length of what is heard at a time.

        Raises:
            OSError: If there is none, or it cannot record.
            ValueError: If the audio cannot be converted.
        """

    def start(
        self,
        owner: ProcessorBase,
        on_lost: Callable[[str], object],
        on_audio: Callable[[bytes], object] | None = None,
    ) -> None:
        """Hear from now on.

        Args:
            owner: The input transport, in a running pipeline.
            on_lost: Called on the loop if the device goes away, with the reason.
            on_audio: Called on the loop with each chunk. None: it is pushed downstream natively.

        Raises:
            OSError: If the device is gone already.
            RuntimeError: If the owner is in no running pipeline.
        """

    def close(self) -> None:
        """Hear nothing more, and let the device go. On the loop's thread."""

    @property
    def streaming(self) -> bool:
        """Whether audio goes on into the pipeline; what is said meanwhile is dropped."""

    @streaming.setter
    def streaming(self, streaming: bool) -> None: ...
    @property
    def overruns(self) -> int:
        """How often samples were lost."""

    @property
    def device_format(self) -> tuple[int, int]:
        """Rate (Hz) and channels of the device."""

def _local_audio_devices() -> list[tuple[int, str, bool, bool]]:
    """The machine's audio devices: index, name, whether it records, whether it plays.

    Raises:
        OSError: If the system does not tell, or the extension was built without devices.
    """

@final
class Lateness:
    """A histogram of lateness that a media thread feeds. May be read from any thread."""

    @property
    def count(self) -> int:
        """How many were counted."""

    @property
    def max(self) -> float:
        """The worst, in seconds."""

    def percentile(self, percent: float) -> float:
        """Return what `percent` of them did not exceed, in seconds, to a quarter of an octave.

        Raises:
            ValueError: If `percent` is outside 0 to 100.
        """

    def as_dict(self) -> dict[str, float]:
        """Return count, p50_ms, p99_ms, p99_9_ms and max_ms."""

@final
class LoopPort:
    """Calls for a loop's thread from any other; open while native sockets or players use it."""

    def _drain(self) -> None: ...

@final
class Playout:
    """Plays one destination of an output transport on a media thread.

    What it plays it pushes downstream as the transport, together with the frames whose turn has
    come, and the bot's speech both ways.
    """

    def __new__(
        cls,
        owner: ProcessorBase,
        destination: str | None,
        settings: dict[str, float],
        sink: WireOutput | AudioCollector | LocalSpeaker,
        on_failure: Callable[[str, bool], object],
        background: BackgroundSound | None,
    ) -> Self:
        """Begin to play.

        Args:
            owner: The output transport, in a running pipeline.
            destination: The destination's name; None for the default one.
            settings: `sample_rate` (Hz), `channels`, `volume` (a factor) and, in seconds, `chunk`
                (a multiple of 0.01), `lead`, `end_silence` and `write_timeout`.
            sink: What takes the audio.
            on_failure: Called on the loop with what failed and whether nothing will be played any
                more.
            background: Sound behind all that is played.

        Raises:
            RuntimeError: If the owner is in no running pipeline, or a setting is missing.
            ValueError: If a setting makes no sense.
        """

    def play_audio(
        self,
        audio: bytes,
        sample_rate: int,
        channels: int,
        kind: int,
        interruptible: bool,
        context_id: str | None = None,
    ) -> None:
        """Queue audio of any length.

        Args:
            audio: 16-bit samples, channels interleaved.
            sample_rate: In Hz.
            channels: How many.
            kind: 0 any, 1 from a TTS, 2 an unbroken stream of speech.
            interruptible: Whether an interruption drops it.
            context_id: The synthesis request that it belongs to.

        Raises:
            ValueError: If it does not hold whole samples, or the rate or channels are out of range.
        """

    def play_in_turn(self, frame: Frame, interruptible: bool) -> None:
        """Push a frame downstream when all before it has been played."""

    def set_volume_in_turn(self, volume: float, frame: Frame, interruptible: bool) -> None:
        """Set the volume, a factor, when all before has been played; then push the frame."""

    def set_gain_in_turn(self, gain: float, frame: Frame, interruptible: bool) -> None:
        """Set a second factor when all before has been played; then push the frame."""

    def send_in_turn(
        self, output: WireOutput, data: str | bytes, frame: Frame, interruptible: bool
    ) -> None:
        """Send the peer a message when all before has been played; then push the frame."""

    def play_at(self, frame: Frame, delay_ns: int, interruptible: bool) -> None:
        """Push a frame downstream after `delay_ns` nanoseconds."""

    def end_utterance(self, frame: Frame, interruptible: bool) -> None:
        """Play what was held back, and push the frame when the last of it has been heard."""

    def interrupt(self) -> None:
        """Drop all that an interruption may drop, here and on the wire."""

    def finish(self) -> Future[None]:
        """Play all that is queued. The future is done when it has been played."""

    def close(self) -> None:
        """Stop at once."""

    @property
    def silent(self) -> bool:
        """Whether nothing plays and nothing is left to play."""

    @property
    def progress(self) -> int:
        """Chunks that were written."""

    @property
    def queued_secs(self) -> float:
        """Seconds of audio that wait."""

    @property
    def lateness(self) -> Lateness:
        """How late chunks were written."""

@final
class WireOutput:
    """The output side of a transport over messages: of whichever connection is attached."""

    def __new__(cls, sample_rate: int, channels: int, *, tells_interruptions: bool = True) -> Self:
        """For audio of this rate (Hz) and number of channels; the peer is told of interruptions."""

    def attach(
        self, connection: WebSocketConnection, serializer: WireSerializer, input_rate: int
    ) -> None:
        """Send to a connection from now on; the input's rate is in Hz."""

    def attach_loop(
        self, on_ready: Callable[[], object], serializer: WireSerializer, input_rate: int
    ) -> None:
        """Keep messages for the running loop, which has a socket of its own to send them to.

        Args:
            on_ready: Called on the loop when something waits and nothing did.
            serializer: The format of the messages.
            input_rate: Rate of the input, in Hz.
        """

    def take(self) -> str | bytes | None:
        """Return the next message for the loop to send. None: `on_ready` will be called."""

    def detach(self) -> None:
        """Send to nobody: what is played goes nowhere."""

    def send(self, data: str | bytes) -> bool:
        """Send a message now. False if nobody takes it."""

@final
class WireSerializer:
    """One end of one stream in a wire format, for programs and for native connections alike.

    The formats are ``protobuf``, ``raw_pcm``, ``twilio``, ``telnyx``, ``plivo``, ``exotel``,
    ``vonage`` and ``genesys``. Each may be used from several threads.
    """

    def __new__(
        cls,
        format: str,
        settings: dict[str, Any] | None = None,
        *,
        resampler_clear_after_secs: float | None = None,
    ) -> Self:
        """Make one end of a stream.

        Args:
            format: The format's name.
            settings: Its settings. Telephony takes ``stream_id``, ``wire_sample_rate`` and
                ``sample_rate`` (of the pipeline's input), in Hz.
            resampler_clear_after_secs: After so long between two calls of `audio` the resampler
                forgets what it still holds; None for never.

        Raises:
            ValueError: If there is no such format, or it does not take these settings.
        """

    @property
    def format(self) -> str:
        """The format's name."""

    def set_rates(self, input: int, output: int) -> None:
        """Learn the pipeline's sample rates, in Hz."""

    def audio(self, audio: bytes, sample_rate: int, channels: int) -> str | bytes | None:
        """Return the message that carries audio. None: later, with more, or not yet.

        Args:
            audio: 16-bit samples, channels interleaved.
            sample_rate: In Hz.
            channels: How many.

        Raises:
            ValueError: If the format cannot carry it.
        """

    def interruption(self) -> str | bytes | None:
        """Return the message that makes the peer drop what it has not played."""

    def mark(self, name: str) -> str | bytes | None:
        """Return the message after which the peer says that it has played up to here."""

    def dtmf(self, key: str) -> str | bytes | None:
        """Return the message that has the peer press a key. None: send the tone.

        Raises:
            ValueError: If it is no key.
        """

    def application(self, json: str) -> str | bytes | None:
        """Return the message that carries a message of the application."""

    def ending(self) -> str | bytes | None:
        """Return the message that says that this side ends the stream."""

    def control(self, kind: str, parameters: str) -> str | bytes | None:
        """Return a message of the format's own protocol, with parameters as JSON text."""

    def session(self) -> str | None:
        """Return what is known of the session as JSON text, if the format has one."""

    def decode(self, data: str | bytes) -> list[tuple[Any, ...]]:
        """Return what a message says, in order, each with its kind first.

        ``audio`` (bytes, rate in Hz, channels), ``dtmf`` (key), ``started`` (stream, call, facts),
        ``played`` (mark), ``text`` (text), ``transcription`` (text, user, time), ``interruption``,
        ``application`` (JSON text), ``reply`` (message to send back), ``stopped`` (reason).

        Raises:
            ValueError: If it is malformed or too long. The stream goes on with the next one.
        """

def _encode_protobuf_frame(
    kind: str,
    *,
    id: int = 0,
    name: str = "",
    text: str = "",
    user_id: str = "",
    timestamp: str = "",
    audio: bytes | None = None,
    sample_rate: int = 0,
    num_channels: int = 0,
    pts: int | None = None,
    data: str = "",
) -> bytes:
    """Return a message of ``frames.proto`` with one frame.

    Args:
        kind: ``text``, ``audio``, ``transcription``, ``message`` or ``interruption``. Fields that
            it has not are not looked at.
        id: The frame's number.
        name: The frame's name.
        text: Text.
        user_id: Who spoke.
        timestamp: When.
        audio: 16-bit samples.
        sample_rate: In Hz.
        num_channels: How many channels.
        pts: When it is to be played, in ns.
        data: JSON text.

    Raises:
        ValueError: If there is no such kind.
    """

def _decode_protobuf_frame(data: bytes) -> tuple[str, dict[str, Any]] | None:
    """Return the kind of the frame in a message of ``frames.proto``, and its fields.

    None: it is of no kind that is known.

    Raises:
        ValueError: If it does not parse, or is too long.
    """

@final
class AudioInput:
    """Pushes a peer's audio downstream as an input transport, and tells Python of all else."""

    def __new__(
        cls,
        owner: ProcessorBase,
        serializer: WireSerializer,
        on_incoming: Callable[..., object],
        on_closed: Callable[[int | None, str, str], object],
    ) -> Self:
        """Make the way from one connection into a pipeline.

        Args:
            owner: The input transport, in a running pipeline.
            serializer: The format of the messages.
            on_incoming: Called on the loop with the kind of what was said and its values:
                ``"dtmf", key``; ``"application", json``; ``"text", text``; ``"transcription",
                text, user_id, timestamp``; ``"started", stream_id, call_id, facts``; ``"played",
                mark``; ``"stopped", reason``; ``"interruption"``; ``"reply", data``; and,
                for the first message that makes no sense, ``"malformed", error``.
            on_closed: Called last, with the close code, the reason, and what ended it.

        Raises:
            RuntimeError: If the owner is in no running pipeline.
        """

    def feed(self, data: str | bytes) -> None:
        """Take a message that was read from a socket of Python's."""

    @property
    def streaming(self) -> bool:
        """Whether audio goes on; what comes meanwhile is dropped."""

    @streaming.setter
    def streaming(self, streaming: bool) -> None: ...
    @property
    def malformed(self) -> int:
        """Messages that made no sense."""

@final
class WebSocketConnection:
    """A WebSocket whose reading, writing and timing are native. Belongs to its loop's thread."""

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the peer."""

    @property
    def path(self) -> str:
        """What was asked for, with its query."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Headers of the handshake, in order."""

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was agreed on."""

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""

    def send(self, data: str | bytes) -> None:
        """Queue a message; never waits.

        Raises:
            BufferError: If the peer does not read and the queue is full.
            ConnectionError: If it is gone.
            TypeError: If the message is neither text nor bytes.
        """

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Begin the closing handshake, which has a time-out."""

    def receive(
        self,
        on_message: Callable[[str | bytes], object],
        on_closed: Callable[[int | None, str, str], object],
    ) -> None:
        """Begin to read, or read in this way from now on. The callbacks run on the loop.

        Args:
            on_message: Called with each message.
            on_closed: Called last, with the close code, the reason, and what ended it: ``peer``,
                ``us``, ``error`` or ``timeout``.
        """

    def receive_natively(self, input: AudioInput, backlog: list[str | bytes] | None = None) -> None:
        """Begin to read, or read in this way from now on: audio goes straight into the pipeline.

        Args:
            input: Where to.
            backlog: What was read before, and belongs there.

        Raises:
            RuntimeError: If the input receives from a connection already.
        """

    def stats(self) -> dict[str, int]:
        """Return bytes_in, bytes_out, messages_in, messages_out and queued_bytes."""

    def release(self) -> None:
        """Let go of the loop, once the connection is closed."""

@final
class WebSocketRequest:
    """A request for a WebSocket, to be accepted or rejected before its handshake times out."""

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the peer."""

    @property
    def path(self) -> str:
        """What is asked for, with its query."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Headers, in order, with names in lower case."""

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols on offer, the best one first."""

    def accept(self, subprotocol: str | None = None) -> None:
        """Let the peer in. Only the first answer counts."""

    def reject(self, status: int = 403, body: str = "forbidden") -> None:
        """Send the peer away. Only the first answer counts."""

@final
class WebSocketServer:
    """A listening port for WebSockets."""

    def __new__(
        cls,
        host: str,
        port: int,
        options: dict[str, Any],
        on_connection: Callable[[WebSocketConnection], object],
        on_request: Callable[[WebSocketRequest], object] | None = None,
    ) -> Self:
        """Listen. The callbacks run on the running loop.

        Args:
            host: Name or address.
            port: 0 for any that is free.
            options: What is not to be as usual: certificate and private_key (PEM),
                max_connections, max_connections_per_address, allowed_origins, paths,
                max_http_body, max_message_bytes, max_messages_per_second, message_burst,
                idle_timeout_secs, ping_interval_secs, pong_timeout_secs, write_timeout_secs,
                close_timeout_secs, handshake_timeout_secs, send_queue_messages, send_queue_bytes
                and max_header_bytes.
            on_connection: Called with each peer that is let in.
            on_request: Decides who is; None for everybody.

        Raises:
            OSError: If the address cannot be listened on.
            ValueError: If an option is unknown or makes no sense.
        """

    @property
    def local_address(self) -> tuple[str, int]:
        """Address and port that it listens on."""

    @property
    def connections(self) -> int:
        """Connections that are open."""

    def stop_accepting(self) -> None:
        """Let nobody in any more."""

    def close(self, grace_secs: float) -> Future[None]:
        """Close the port and all connections, politely for `grace_secs` at most."""

@final
class HttpRequest:
    """An HTTP request: of a peer that wants a WebSocket, or any other.

    One that is never answered is refused when its time is over.
    """

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the peer."""

    @property
    def method(self) -> str:
        """``GET``, ``POST``."""

    @property
    def path(self) -> str:
        """What is asked for, with its query."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Headers, in order, with their names in lower case."""

    @property
    def body(self) -> bytes:
        """What was sent along."""

    @property
    def wants_websocket(self) -> bool:
        """Whether the peer wants a WebSocket."""

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols on offer, the best one first."""

    def accept(self, subprotocol: str | None = None, claims: object = None) -> None:
        """Let the peer in.

        Args:
            subprotocol: One of those on offer.
            claims: What its session is told of it.

        Raises:
            RuntimeError: If it wants no WebSocket.
        """

    def respond(self, status: int, headers: list[tuple[str, str]] = ..., body: bytes = ...) -> None:
        """Answer; a peer that wants a WebSocket gets none."""

    def ignore(self) -> None:
        """Say that there is nothing at this path."""

@final
class Session:
    """A peer that was let in. Its place is free again when it is finished."""

    @property
    def id(self) -> int:
        """Counts the sessions of a server, from 1."""

    @property
    def connection(self) -> WebSocketConnection:
        """The peer."""

    @property
    def claims(self) -> Any:
        """What whoever let the peer in says of it."""

    def finish(self, outcome: str) -> None:
        """The bot has ended. Said once; later words are not heard.

        Args:
            outcome: ``completed``, ``failed`` or ``cancelled``.

        Raises:
            ValueError: If it is another one.
        """

@final
class SessionServer:
    """A port, and a bot for each peer that is let in.

    It belongs to the loop that it is made on, where its functions are called. Sessions run on the
    loops that are added.
    """

    def __new__(
        cls,
        host: str,
        port: int,
        options: dict[str, Any],
        on_request: Callable[[HttpRequest], object] | None = None,
        on_http: Callable[[HttpRequest], object] | None = None,
    ) -> Self:
        """Listen.

        Args:
            host: Name or address.
            port: 0 for any that is free.
            options: What is not to be as usual: those of `WebSocketServer` without
                max_connections, and max_sessions, max_output_lateness_secs, max_loop_delay_secs,
                authorize_timeout_secs and retry_after_secs. For one of several processes that
                share a port: siblings (the folder where they leave for each other what they have
                to say, and its name among them) and handed_over (the Unix socket over which it
                gets what was accepted, and its number there).
            on_request: Decides who is let in; None for everybody.
            on_http: Answers other requests; None for nobody.

        Raises:
            OSError: If the address cannot be listened on.
            ValueError: If an option is unknown or makes no sense.
        """

    @property
    def local_address(self) -> tuple[str, int]:
        """Address and port that it listens on."""

    def add_loop(self, on_session: Callable[[Session], object]) -> int:
        """Run sessions on the running loop too, where `on_session` is called for each.

        Returns:
            A number that names the loop.
        """

    def remove_loop(self, number: int) -> None:
        """Give a loop no more sessions. On that loop, when its sessions are over.

        Raises:
            KeyError: If there is no such loop.
        """

    def drain(self) -> None:
        """Begin no more sessions. The port stays open, so that ``/health`` can say so."""

    def drained(self) -> Future[None]:
        """Return a future that is done when no session runs."""

    def close(self, grace_secs: float) -> Future[None]:
        """Free the port and close all connections, politely for `grace_secs` at most."""

    def health(self) -> str:
        """What ``/health`` answers."""

    def metrics(self) -> str:
        """What ``/metrics`` answers."""

    def totals(self) -> dict[str, int]:
        """What was counted so far, by name."""

def _websocket_connect(
    url: str,
    headers: list[tuple[str, str]],
    subprotocols: list[str],
    options: dict[str, Any],
) -> Future[WebSocketConnection]:
    """Connect; the future fails with ConnectionError. Options as for `WebSocketServer`, and
    `ca_certificates` (PEM).
    """

@final
class SmartTurnModel:
    """The smart-turn network for all streams of the process. May be used from any thread."""

    def __new__(cls, path: str | PathLike[str], runtime: str | PathLike[str], threads: int) -> Self:
        """Load the network, which takes a few hundred milliseconds without the GIL.

        Args:
            path: The ONNX file of smart-turn version 3.
            runtime: The library of the ONNX runtime. The first one that a process loads stays.
            threads: Threads that share out a judgement.

        Raises:
            RuntimeError: If the runtime or the network cannot be used.
        """

    @property
    def waiting(self) -> int:
        """Streams that wait for an answer."""

    def stream(self) -> SmartTurnStream:
        """Make a stream's way to the network."""

@final
class SmartTurnStream:
    """A stream's way to the network. What it asks is judged on the network's own threads."""

    def judge(self, audio: bytes, sample_rate: int) -> TurnAnswer:
        """Ask for a judgement of 16-bit mono audio; what was asked before is given up.

        Raises:
            ValueError: If there is half a sample.
        """

    def judge_segment(self, segment: SpeechSegment) -> TurnAnswer:
        """Ask for a judgement of a segment as it is now; what was asked before is given up."""

    def cancel(self) -> None:
        """Give up what was asked."""

@final
class TurnAnswer:
    """An answer that is there when its descriptor can be read."""

    def fileno(self) -> int:
        """Return the descriptor, which belongs to the answer.

        Raises:
            ValueError: If the answer is closed.
        """

    def result(self) -> tuple[float, bool, float] | None:
        """Return the probability, whether the turn is over, and the time it took in ms.

        None if the question was given up, or the answer is not there.

        Raises:
            RuntimeError: If the network failed, or too many streams wait for it.
        """

    def close(self) -> None:
        """Release the descriptor."""

@final
class SpeechSegment:
    """The audio of a turn, from shortly before speech on. May be used from any thread.

    As part of a layout, ``("native", name, segment)``, it listens to the audio that passes there.
    """

    def __new__(
        cls, sample_rate: int, stop_secs: float, pre_speech_secs: float, longest_secs: float
    ) -> Self:
        """Begin a stream.

        Args:
            sample_rate: Sample rate in Hz; 0 if it is not known yet.
            stop_secs: How long it is quiet behind speech until the turn is over anyhow.
            pre_speech_secs: How far before the report of speech the segment begins.
            longest_secs: What the segment is cut to, at its end.

        Raises:
            ValueError: If a time is negative.
        """

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to judge."""

    @property
    def has_speech(self) -> bool:
        """Whether somebody has spoken in this turn."""

    def append(self, audio: bytes, is_speech: bool) -> bool:
        """Take 16-bit mono audio in. True if it was quiet for so long that the turn is over.

        Raises:
            ValueError: If there is half a sample, or the sample rate is not known.
        """

    def set_sample_rate(self, sample_rate: int) -> None:
        """Follow audio of another rate; what there is of the old one is forgotten."""

    def set_start_secs(self, secs: float) -> None:
        """Take over how long somebody speaks before it is reported."""

    def set_speaking(self, is_speaking: bool) -> None:
        """Say whether there is voice in the audio that passes from now on; not if frames do."""

    def set_follows_frames(self, follows_frames: bool) -> None:
        """Say whether the frames of voice activity pass the same place as the audio."""

    def set_deaf(self, is_deaf: bool) -> None:
        """Say whether audio that passes is not listened to."""

    def audio(self) -> bytes:
        """Return the audio to judge."""

    def clear(self) -> None:
        """Forget the turn."""

@final
class Runner:
    """Steps the coroutines of all processors on one loop.

    Made by the first task on a loop and kept as the loop's attribute `_pipecat_rs_runner` until
    the last one is done.
    """

    def _run(self) -> None:
        """Run a cascade; what `call_soon` calls."""

    def _drain(self) -> None:
        """Take what other threads have sent; the loop calls it when they have rung."""

    def _give_room(self, slot: int, future: Future[None]) -> None:
        """Let a push that waits for room go on after its time."""

    def _counts(self) -> tuple[int, int, int, int]:
        """Return steps, hops, idle borrowed tasks and tasks that use the loop."""

@final
class Parked:
    """The coroutine of an asyncio task that is lent to callbacks, and the future it waits on.

    What debuggers ask of a coroutine (`cr_frame`, `cr_code`, `cr_await`) is answered for the
    callback that it carries.
    """

    __name__: str
    __qualname__: str
    _asyncio_future_blocking: bool

    @property
    def cr_running(self) -> bool: ...
    @property
    def cr_frame(self) -> FrameType | None: ...
    @property
    def cr_code(self) -> CodeType | None: ...
    @property
    def cr_await(self) -> Any: ...
    def __await__(self) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Self: ...
    def send(self, _value: None) -> Self: ...
    def throw(
        self,
        error: BaseException | type[BaseException],
        value: object = None,
        traceback: object = None,
    ) -> Self: ...
    def close(self) -> None: ...
    def get_loop(self) -> AbstractEventLoop: ...
    def add_done_callback(
        self, callback: Callable[[Self], object], *, context: Context | None = None
    ) -> None: ...
    def remove_done_callback(self, _callback: Callable[[Self], object]) -> int: ...
    def done(self) -> bool: ...
    def cancelled(self) -> bool: ...
    def result(self) -> None: ...
    def cancel(self, msg: object = None) -> bool: ...
    def _wake(self, future: Future[Any]) -> None:
        """Go on: the done-callback of what the callback waits for."""

@final
class Waiting:
    """Waits for room in a full mailbox; a coroutine."""

    def __await__(self) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...
    def send(self, value: None) -> Any: ...
    def throw(
        self, error: BaseException, value: object = None, traceback: object = None
    ) -> Any: ...
    def close(self) -> None: ...

# ---- audio: documented in `pipecat_rs.audio.dsp`, which is where to import these from

@final
class Resampler:
    """Converts a stream of 16-bit audio from one sample rate to another.

    Output sample ``k`` stands at the time of input sample ``k * input_rate / output_rate``. The
    pass band is flat to 0.9 of the lower Nyquist frequency; noise and aliases are below those of
    16 bits. The first resampler of two rates makes their filter, in up to 5 ms.
    """

    def __new__(cls, input_rate: int, output_rate: int, channels: int = 1) -> Self:
        """Make a resampler.

        Args:
            input_rate: Rate of what goes in, 4000 to 384000 Hz.
            output_rate: Rate of what comes out, the same.
            channels: 1, or 2 interleaved.

        Raises:
            ValueError: If a rate or the number of channels is another one.
        """

    @property
    def input_rate(self) -> int:
        """Rate of what goes in, in Hz."""
    @property
    def output_rate(self) -> int:
        """Rate of what comes out, in Hz."""
    @property
    def channels(self) -> int:
        """How many channels there are."""
    @property
    def latency(self) -> int:
        """Input frames by which output lags behind: 6 ms from 16 to 24 kHz, 12 from 8 to 16."""
    @overload
    def process(self, audio: _Samples) -> _Samples: ...
    @overload
    def process(self, audio: _Bytes) -> bytes:
        """Convert the next piece; the last milliseconds stay in the filter."""
    def flush(self) -> bytes:
        """End the stream, and return what the filter holds."""
    def reset(self) -> None:
        """Forget the stream."""
    @overload
    def convert(self, audio: _Samples) -> _Samples: ...
    @overload
    def convert(self, audio: _Bytes) -> bytes:
        """Convert a whole piece by itself. What was held of a stream is forgotten."""

@final
class ChannelMapper:
    """Gives a stream another number of channels: mono to both sides, stereo to their mean."""

    def __new__(cls, input_channels: int, output_channels: int) -> Self:
        """Make a mapper; each number is 1 or 2, or ValueError is raised."""
    @overload
    def process(self, audio: _Samples) -> _Samples: ...
    @overload
    def process(self, audio: _Bytes) -> bytes:
        """Convert the next piece. Half a frame waits for its other half."""
    def flush(self) -> bytes:
        """End the stream. Half a frame is dropped, so this is always empty."""
    def reset(self) -> None:
        """Forget the stream."""

@final
class Gain:
    """Multiplies samples, clamping at full scale."""

    def __new__(cls, factor: float) -> Self:
        """Make a stage that multiplies by `factor`."""
    @staticmethod
    def from_db(db: float) -> Gain:
        """Make a stage that amplifies by so many dB."""
    @overload
    def process(self, audio: _Samples) -> _Samples: ...
    @overload
    def process(self, audio: _Bytes) -> bytes:
        """Multiply a piece."""

@final
class SoftLimiter:
    """Bends what is louder than a knee towards full scale, where clamping would cut it off."""

    def __new__(cls, knee: float = 0.75) -> Self:
        """Make a limiter that leaves samples up to `knee`, a share of full scale, alone."""
    @overload
    def process(self, audio: _Samples) -> _Samples: ...
    @overload
    def process(self, audio: _Bytes) -> bytes:
        """Limit a piece."""

@final
class Fade:
    """Fades the beginning of a stream in, or out."""

    def __new__(
        cls,
        direction: Literal["in", "out"],
        length: int,
        *,
        curve: Literal["equal_power", "linear"] = "equal_power",
        channels: int = 1,
    ) -> Self:
        """Make a fade.

        Args:
            direction: "in" from silence to the signal, "out" from it to silence.
            length: Of the fade, in frames; 0 is a cut.
            curve: "equal_power" for different signals that cross, "linear" for equal ones.
            channels: 1, or 2 interleaved.

        Raises:
            ValueError: If an argument is none of those.
        """

    @property
    def is_over(self) -> bool:
        """Whether the signal goes on as it is, or silent, from now on."""
    @overload
    def process(self, audio: _Samples) -> _Samples: ...
    @overload
    def process(self, audio: _Bytes) -> bytes:
        """Fade the next piece."""
    def reset(self) -> None:
        """Begin the fade anew."""

@final
class Denoiser:
    """Takes noise out of mono speech, with RNNoise."""

    def __new__(cls, sample_rate: int) -> Self:
        """Make a denoiser for 4000 to 48000 Hz, or raise ValueError."""
    @property
    def speech_probability(self) -> float:
        """How sure the network is that there was speech in the last 10 ms, from 0 to 1."""
    @overload
    def process(self, audio: _Samples) -> _Samples: ...
    @overload
    def process(self, audio: _Bytes) -> bytes:
        """Clean the next piece. The output is late by 20 ms, and two resamplers."""
    def flush(self) -> bytes:
        """End the stream, and return what was held back: all output is as long as the input."""
    def reset(self) -> None:
        """Forget the stream."""

@final
class EchoCanceller:
    """Takes what the loudspeaker plays out of what the microphone hears, with WebRTC's AEC3."""

    def __new__(cls, sample_rate: int) -> Self:
        """Make a canceller for 8000 to 48000 Hz in steps of 100, or raise ValueError."""
    def render(self, audio: _Audio) -> None:
        """Take in what is played now, mono."""
    @overload
    def process(self, audio: _Samples) -> _Samples: ...
    @overload
    def process(self, audio: _Bytes) -> bytes:
        """Clean what is heard now, mono, in whole frames of 10 ms."""
    def flush(self) -> bytes:
        """End the stream, and return what does not fill a frame."""
    def reset(self) -> None:
        """Forget the stream and the room."""

@final
class Mixer:
    """Adds streams up whose pieces come at different times and in different lengths."""

    def __new__(cls, streams: int, *, knee: float = 0.75) -> Self:
        """Make a mixer.

        Args:
            streams: How many there are.
            knee: From which share of full scale on the sum is limited softly; 1 clamps.
        """

    @property
    def streams(self) -> int:
        """How many streams there are, numbered from 0."""
    @property
    def ready(self) -> int:
        """Samples that every stream has reached."""
    def push(self, stream: int, audio: _Audio, gain: float = 1.0) -> None:
        """Add the next piece of a stream, multiplied by `gain`.

        Raises:
            IndexError: If there is no such stream.
        """
    def take(self) -> bytes:
        """Return what every stream has reached."""
    def drain(self, samples: int) -> bytes:
        """Return exactly so many samples: streams that have not come so far are silent."""
    def flush(self) -> bytes:
        """Return all that there is."""
    def reset(self) -> None:
        """Forget what was not taken out."""

@final
class Sound:
    """Samples that any number of `BackgroundSound`s play. ``len()`` is their number."""

    def __new__(cls, audio: _Audio) -> Self:
        """Copy samples, at the rate and with the channels of the voice to come."""
    def __len__(self) -> int: ...

@final
class BackgroundSound:
    """Plays one of several sounds behind a voice, over and over, and changes without clicks."""

    def __new__(cls, volume: float = 1.0, *, fade: int = 0) -> Self:
        """Make one without sounds.

        Args:
            volume: What sounds are multiplied by.
            fade: Samples, of all channels, in which something goes from silence to full scale.
        """

    def add(self, name: str, sound: Sound) -> None:
        """Add a sound, or replace the one of that name."""
    def play(self, name: str) -> bool:
        """Play a sound from its beginning; False if there is none of that name."""
    @property
    def sound(self) -> str | None:
        """Name of what plays."""
    @property
    def volume(self) -> float:
        """What sounds are multiplied by."""
    @volume.setter
    def volume(self, value: float) -> None: ...
    @property
    def enabled(self) -> bool:
        """Whether there is sound. It stands still while there is none."""
    @enabled.setter
    def enabled(self, value: bool) -> None: ...
    def set_repeats(self, repeats: bool) -> None:
        """Say whether a sound begins again when it is over, as it does at first."""
    @overload
    def mix(self, audio: _Samples) -> _Samples: ...
    @overload
    def mix(self, audio: _Bytes) -> bytes:
        """Return a piece of the voice with the next piece of the sound, limited softly."""

@final
class LevelMeter:
    """Measures peak and root mean square of a stream since the last reset."""

    def __new__(cls) -> Self: ...
    def process(self, audio: _Audio) -> None:
        """Take audio in."""
    @property
    def peak_dbfs(self) -> float:
        """The peak, in dB of full scale; minus infinity for silence."""
    @property
    def rms_dbfs(self) -> float:
        """The root mean square, in dB of full scale: -3.01 for a sine at full scale."""
    def reset(self) -> None:
        """Begin anew."""

@final
class LoudnessMeter:
    """Measures the loudness of mono audio after ITU-R BS.1770. Audio of less than a block, 400 ms,
    raises ValueError.
    """

    def __new__(cls, sample_rate: int) -> Self:
        """Make a meter for 4000 to 384000 Hz, or raise ValueError."""
    @property
    def block(self) -> int:
        """Samples in a block."""
    def momentary(self, audio: _Audio) -> float:
        """Return the loudness of the first block, in LUFS."""
    def integrated(self, audio: _Audio) -> float:
        """Return the loudness without silent and quiet blocks, in LUFS."""
    def volume(self, audio: _Audio) -> float:
        """Return the integrated loudness from 0 at -110 LUFS to 1 at -10."""

@final
class VolumeTracker:
    """Measures the volume of the latest 400 ms of a mono stream, when it is asked."""

    def __new__(cls, sample_rate: int) -> Self:
        """Make a tracker for 4000 to 384000 Hz, or raise ValueError."""
    def process(self, audio: _Audio) -> None:
        """Take audio in."""
    def volume(self) -> float:
        """Return the volume, from 0 to 1; 0 until there are 400 ms. This takes some 60 µs."""
    def reset(self) -> None:
        """Begin without audio."""

@final
class SilenceDetector:
    """Measures how long a stream has been silent."""

    def __new__(cls, threshold: int = 20) -> Self:
        """Take samples up to this magnitude for silence."""
    def process(self, audio: _Audio) -> None:
        """Take audio in."""
    @property
    def silent_samples(self) -> int:
        """Samples since the last one that was not silent."""
    @property
    def has_heard(self) -> bool:
        """Whether anything but silence was heard."""
    def reset(self) -> None:
        """Begin anew."""

@final
class DtmfEvent:
    """What happened on a telephone's keypad."""

    @property
    def key(self) -> str:
        """The key: ``0`` to ``9``, ``A`` to ``D``, ``*`` or ``#``."""
    @property
    def is_pressed(self) -> bool:
        """Whether it went down, or up again."""
    @property
    def at(self) -> int:
        """When, in samples from the beginning of the stream, to within 7 ms."""

@final
class DtmfDetector:
    """Finds the tones of a telephone's keys in mono audio, after ITU-T Q.24."""

    def __new__(cls, sample_rate: int) -> Self:
        """Make a detector for 4000 to 384000 Hz, or raise ValueError."""
    def process(self, audio: _Audio) -> list[DtmfEvent]:
        """Take audio in, and return what happened. A key is known some 40 ms after it went down."""
    def flush(self) -> list[DtmfEvent]:
        """End the stream: a key that is down goes up."""

@final
class Chunker:
    """Cuts a stream of bytes into chunks of one size. ``len()`` is what it holds, in bytes."""

    def __new__(cls, size: int) -> Self:
        """Make a chunker of so many bytes a chunk, or raise ValueError if that is none."""
    def __len__(self) -> int: ...
    def push(self, audio: _Bytes, *, interruptible: bool = True) -> list[tuple[bytes, bool]]:
        """Add audio, and return the chunks that are full and whether each is interruptible."""
    def flush(self) -> tuple[bytes, bool] | None:
        """Return the rest, filled up with zeros."""
    def drop_interruptible(self) -> None:
        """Forget what an interruption may drop."""
    def clear(self) -> None:
        """Forget everything."""

@final
class WavRecorder:
    """Writes a stream into a WAV file. Its methods block on the disk, and raise OSError."""

    def __new__(cls, path: str | PathLike[str], sample_rate: int, channels: int = 1) -> Self:
        """Make the file, for 1 or 2 channels."""
    def process(self, audio: _Audio) -> None:
        """Write a piece. ValueError after the end."""
    @property
    def frames(self) -> int:
        """Frames that were written."""
    def sync(self) -> None:
        """Bring the header up to date: a program that is killed leaves all before this."""
    def finish(self) -> None:
        """Complete the file. May be called again."""

def dtmf_tone(key: str, sample_rate: int, samples: int) -> bytes:
    """Return a key's tone in mono, `samples` long; ValueError if there is no such key."""

@overload
def ulaw_to_linear(audio: _Codes) -> _Samples: ...
@overload
def ulaw_to_linear(audio: _Bytes) -> bytes:
    """Return µ-law audio as 16-bit samples."""

@overload
def alaw_to_linear(audio: _Codes) -> _Samples: ...
@overload
def alaw_to_linear(audio: _Bytes) -> bytes:
    """Return A-law audio as 16-bit samples."""

@overload
def linear_to_ulaw(audio: _Samples, *, as_audioop: bool = False) -> _Codes: ...
@overload
def linear_to_ulaw(audio: _Bytes, *, as_audioop: bool = False) -> bytes:
    """Return 16-bit samples as µ-law audio.

    Args:
        audio: The samples.
        as_audioop: False for the codes of ITU-T G.711; True for those of Python's audioop, which
            rounds negative samples otherwise.
    """

@overload
def linear_to_alaw(audio: _Samples) -> _Codes: ...
@overload
def linear_to_alaw(audio: _Bytes) -> bytes:
    """Return 16-bit samples as A-law audio."""

def find_onset(
    audio: _Audio,
    sample_rate: int,
    channels: int = 1,
    *,
    frame_ms: float = 10.0,
    hop_ms: float = 1.0,
    threshold_db: float = -40.0,
    min_voiced_ms: float = 50.0,
) -> int | None:
    """Return the frame at which audio becomes audible and stays so, or None."""

def is_silence(audio: _Audio) -> bool:
    """Return whether no sample's magnitude exceeds 20."""

@overload
def mix(first: _Samples, second: _Audio) -> _Samples: ...
@overload
def mix(first: _Bytes, second: _Audio) -> bytes:
    """Return the sum of two pieces, clamped; the shorter one is followed by silence."""

@overload
def interleave(left: _Samples, right: _Audio) -> _Samples: ...
@overload
def interleave(left: _Bytes, right: _Audio) -> bytes:
    """Return two mono pieces as stereo, as long as the shorter one."""

@overload
def deinterleave(stereo: _Samples) -> tuple[_Samples, _Samples]: ...
@overload
def deinterleave(stereo: _Bytes) -> tuple[bytes, bytes]:
    """Return the sides of stereo. Half a frame at the end is left out."""

@overload
def scale(audio: _Samples, factor: float) -> _Samples: ...
@overload
def scale(audio: _Bytes, factor: float) -> bytes:
    """Multiply samples, towards zero and clamping at full scale."""
