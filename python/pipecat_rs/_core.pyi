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
from types import CodeType, FrameType
from typing import Any, Final, Literal, NoReturn, Self, SupportsIndex, TypedDict, final

from typing_extensions import disjoint_base

from pipecat_rs.frames.base import Frame
from pipecat_rs.processors.frame_processor import FrameCallback, FrameDirection, FrameProcessor

__all__ = [
    "DEBUG_BUILD",
    "AudioArrivals",
    "ObserverSeat",
    "PacedAudio",
    "Parked",
    "ProcessorBase",
    "QueuedFrame",
    "Runner",
    "SwitchChoice",
    "TaskBase",
    "Waiting",
    "_bench_post",
    "_configure",
    "_coroutine_method",
    "_mark_own_words",
]

DEBUG_BUILD: Final[bool]
"""Whether the extension was built without optimisation. Such a build is for debugging it."""

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
class AudioArrivals:
    """Measures how regularly InputAudioRawFrames arrive at a place in a pipeline."""

    def __new__(cls, chunk_ms: int) -> Self:
        """Expect a frame each `chunk_ms`."""

    def lateness(self) -> dict[str, float]:
        """Return how late frames were by the schedule of the first: ``count``, ``p50_ms``,
        ``p99_ms`` and ``max_ms``. From any thread.
        """

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
