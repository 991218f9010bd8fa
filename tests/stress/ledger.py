"""What happened in a run, and whether it may have.

Each processor notes what enters it and what it pushes, all with numbers of one sequence. As a push
acts when it is called, these numbers say in which order frames have to come out of each link.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from pipecat_rs.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    LLMTextFrame,
    StartFrame,
    StopFrame,
    SystemFrame,
    TranscriptionFrame,
)
from pipecat_rs.pipeline.sync_parallel_pipeline import FrameOrder
from pipecat_rs.processors.frame_processor import FrameDirection
from pipecat_rs.testing.topologies import Chain, Parallel, Part, Single, Switcher, Synchronised
from support.frames import Control, Data, Lasting, System
from support.tasks import DOWN, UP

from stress.plan import Behaviour, Plan, every_part, has_branches

TRACKED = (Data, Control, System, Lasting, LLMTextFrame, TranscriptionFrame)
in_hand: ContextVar[Frame | None] = ContextVar("in_hand", default=None)
"""The frame which whoever runs was given to process."""

TASK = 0
"""Stands for the task itself where processors have their numbers."""


@dataclass(frozen=True)
class Feed:
    """A way into a processor: from which one, and past what."""

    source: int
    past: tuple[Behaviour, ...] = ()
    at_once: bool = True
    """Whether a push comes in when it is made, so that pushes from several come in that order."""
    complete: bool = True
    """Whether whatever was pushed must come in."""


@dataclass
class Ledger:
    """Notes of one run."""

    plan: Plan
    now: int = 0
    narrow: set[int] = field(default_factory=set)
    """Processors that handle data only."""
    direct: set[int] = field(default_factory=set)
    """Processors that take what is pushed to them at once, in the await of whoever pushes it."""
    racing: set[int] = field(default_factory=set)
    """Those of them which take their time before that, so that pushes overtake each other."""
    pushes: dict[tuple[int, FrameDirection], list[tuple[int, Frame]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    entries: dict[tuple[int, FrameDirection], list[tuple[int, Frame]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    born: dict[int, int] = field(default_factory=dict)
    """When each frame was first pushed, or that of which it was made."""
    strays: set[int] = field(default_factory=set)
    """Frames which came from another thread or straight into a mailbox: in no order with others."""
    consumed: set[int] = field(default_factory=set)
    """Frames which a processor did not hand on."""
    cut_short: set[int] = field(default_factory=set)
    """Frames which were in hand and whose processing was cancelled before it came to them."""
    late: set[int] = field(default_factory=set)
    """Frames which a processor handed on after others."""
    cancelled: list[Frame] = field(default_factory=list)
    """Frames whose processing was cancelled."""
    interruptions: list[int] = field(default_factory=list)
    settled_at: int = -1
    """Until when everything that was pushed has arrived."""
    was_cancelled: bool = False
    """Whether something has been lost because the task, or its deadline, cut it short."""
    ended_by: type[Frame] | None = None
    findings: list[str] = field(default_factory=list)

    def tick(self) -> int:
        """The next number."""
        self.now += 1
        return self.now

    def pushed(self, source: int, frame: Frame, direction: FrameDirection) -> None:
        """A push, at the moment at which it acts."""
        self.pushes[source, direction].append((self.tick(), frame))
        self.made(frame)

    def made(self, frame: Frame) -> None:
        """A frame is there; what is made of an old frame is as old as that."""
        cause = in_hand.get()
        born = self.now if cause is None else self.born.get(cause.id, self.now)
        self.born.setdefault(frame.id, born)

    def entered(self, number: int, frame: Frame, direction: FrameDirection) -> None:
        """A processor has a frame in hand."""
        self.entries[number, direction].append((self.tick(), frame))

    def interrupted(self) -> None:
        """An interruption begins, or passes somewhere."""
        self.interruptions.append(self.tick())

    def found(self, text: str) -> None:
        """Something is wrong."""
        self.findings.append(text)

    def __post_init__(self) -> None:
        self.narrow.update(b.number for b in self.plan.behaviours if b.narrow)
        self.direct.update(b.number for b in self.plan.behaviours if b.direct)
        self.racing.update(
            b.number for b in self.plan.behaviours if b.direct and "before process" in b.listens
        )

    # ---- verdicts

    def check(self, ends: tuple[Behaviour, Behaviour]) -> None:
        """Judge the whole run.

        Args:
            ends: The processors before and behind the topology.
        """
        top, bottom = ends
        parts: tuple[Part, ...] = (Single("top", top), *self.plan.parts, Single("bottom", bottom))
        for direction in (DOWN, UP):
            ways: dict[int, list[Feed]] = {}
            order = parts if direction is DOWN else parts[::-1]
            _walk_all(order, [Feed(TASK)], direction, ways)
            for number, feeds in ways.items():
                self._check_entries(number, direction)
                for system in (True, False):
                    self._check_way(number, feeds, direction, system)
        self._check_through(top.number, bottom.number)
        if not self.was_cancelled:
            for frame in self.cancelled:
                if not frame.interruptible or isinstance(frame, SystemFrame):
                    self.found(f"{frame} is uninterruptible, and was cancelled")

    def _check_entries(self, number: int, direction: FrameDirection) -> None:
        entries = self.entries[number, direction]
        seen: set[int] = set()
        cancelled = False
        for at, (_, frame) in enumerate(entries):
            if frame.id in seen:
                self.found(f"{frame} entered {number} twice {direction.name}")
            seen.add(frame.id)
            if cancelled and number not in self.racing:
                self.found(f"{frame} entered {number} after the cancel")
            cancelled = cancelled or isinstance(frame, CancelFrame)
            early = at == 0 and not isinstance(frame, StartFrame | CancelFrame)
            if direction is DOWN and early and number not in self.direct:
                self.found(f"{frame} entered {number} before the start")

    def _check_way(
        self, number: int, feeds: list[Feed], direction: FrameDirection, system: bool
    ) -> None:
        """Judge what came into one processor in a lane, by what was pushed to it."""
        entered = [frame for _, frame in self._lane(self.entries[number, direction], system)]
        ids = {frame.id for frame in entered}
        pushed: dict[int, dict[int, int]] = defaultdict(dict)
        for feed in feeds:
            for at, frame in self._lane(self.pushes[feed.source, direction], system):
                pushed[frame.id].setdefault(feed.source, at)
        where = f"{number} {direction.name} {'system' if system else 'data'}"
        for frame in entered:
            if frame.id not in pushed and frame.id not in self.strays:
                self.found(f"{frame} entered {where} from nowhere")
        if number in self.racing:
            pass
        elif all(feed.at_once and not feed.past for feed in feeds):
            first = {id_: min(times.values()) for id_, times in pushed.items()}
            self._check_order(entered, first, where)
        else:
            for feed in feeds:
                if feed.past and not feed.complete:
                    continue  # services: what one holds is in no order with what another has
                own = {
                    id_: times[feed.source]
                    for id_, times in pushed.items()
                    if times.keys() == {feed.source}
                }
                self._check_order(entered, own, f"{where} by {feed.source}")
        if all(feed.complete for feed in feeds):
            for feed in feeds:
                for at, frame in self._from(feed, number, direction, system):
                    kept = feed.past and frame.id in self.consumed
                    if frame.id not in ids and not kept:
                        self._check_lost(frame, at, feed.source, direction, where)

    def _from(
        self, feed: Feed, number: int, direction: FrameDirection, system: bool
    ) -> Iterator[tuple[int, Frame]]:
        """What comes to a processor from a feed: some is handled on the way, some goes past it."""
        narrow = number in self.narrow
        handled_before = any(behaviour.narrow for behaviour in feed.past)
        for at, frame in self._lane(self.pushes[feed.source, direction], system):
            is_data = isinstance(frame, Data)
            if (is_data and handled_before) or (narrow and not is_data):
                continue
            yield at, frame

    def _check_order(self, entered: list[Frame], times: dict[int, int], where: str) -> None:
        last, before = -1, None
        for frame in entered:
            at = times.get(frame.id)
            if at is None or frame.id in self.strays:
                continue
            if at < last:
                self.found(f"{frame} entered {where} behind {before}, and was pushed before it")
            last, before = at, frame

    def _check_lost(
        self, frame: Frame, at: int, source: int, direction: FrameDirection, where: str
    ) -> None:
        if self.was_cancelled or self.ended_by is None or self._may_be_dropped(frame, at):
            return
        if at > self.settled_at and at > self._last_chance(source, direction):
            return
        self.found(f"{frame}, pushed by {source} at {at}, never entered {where}")

    def _last_chance(self, source: int, direction: FrameDirection) -> int:
        """When a processor has said that nothing more comes."""
        if direction is UP:
            return -1  # the end does not wait for what goes up
        for at, frame in self.pushes[source, direction]:
            if isinstance(frame, EndFrame | StopFrame):
                return at
        return -1

    def _may_be_dropped(self, frame: Frame, at: int) -> bool:
        """Whether an interruption may have dropped a frame pushed at a time."""
        if isinstance(frame, SystemFrame) or not frame.interruptible:
            return False
        if isinstance(frame, TranscriptionFrame):  # it waits through interruptions
            return frame.id in self.cut_short
        if isinstance(frame, LLMTextFrame):
            return bool(self.interruptions)  # what an old turn makes is stale wherever it is
        if has_branches(self.plan):
            at = self.born.get(frame.id, at)  # no join lets out what is older than an interruption
        return any(time > at for time in self.interruptions)

    def _check_through(self, top: int, bottom: int) -> None:
        """What the task was given and no processor kept comes out at the other end, in order."""
        for direction, end in ((DOWN, bottom), (UP, top)):
            for system in (True, False):
                entered = [f for _, f in self._lane(self.entries[end, direction], system)]
                ids = {frame.id for frame in entered}
                times: dict[int, int] = {}
                for at, frame in self._lane(self.pushes[TASK, direction], system):
                    if frame.id in self.consumed:
                        continue
                    if frame.id not in ids:
                        self._check_lost(frame, at, TASK, direction, f"the end {direction.name}")
                    elif frame.id not in self.late and not self._reorders():
                        times[frame.id] = at
                self._check_order(entered, times, f"the end {direction.name}")

    def _reorders(self) -> bool:
        """Whether the topology itself may put frames into another order."""
        return self.plan.switchers or any(
            isinstance(part, Synchronised) and part.order is FrameOrder.PIPELINE
            for part in every_part(self.plan.parts)
        )

    def _lane(self, notes: list[tuple[int, Frame]], system: bool) -> Iterator[tuple[int, Frame]]:
        for at, frame in notes:
            if isinstance(frame, TRACKED) and isinstance(frame, SystemFrame) is system:
                yield at, frame


def _walk_all(
    parts: tuple[Part, ...],
    feeds: list[Feed],
    direction: FrameDirection,
    ways: dict[int, list[Feed]],
) -> list[Feed]:
    for part in parts:
        feeds = _walk(part, feeds, direction, ways)
    return feeds


def _walk(
    part: Part, feeds: list[Feed], direction: FrameDirection, ways: dict[int, list[Feed]]
) -> list[Feed]:
    """Note how frames get into each processor of a part; return how they get out of the part."""

    def along(parts: tuple[Part, ...], feeds: list[Feed]) -> list[Feed]:
        return _walk_all(parts if direction is DOWN else parts[::-1], feeds, direction, ways)

    match part:
        case Single(blueprint=Behaviour() as behaviour):
            past = [replace(feed, past=(*feed.past, behaviour)) for feed in feeds]
            if behaviour.native:
                return past
            ways[behaviour.number] = feeds
            own = Feed(behaviour.number)
            return [own, *past] if behaviour.narrow else [own]
        case Chain(parts=parts):
            return along(parts, feeds)
        case Parallel(branches=branches):
            # While an end passes through the branches, nothing else goes in.
            into = [replace(feed, at_once=False) for feed in feeds]
            return [feed for branch in branches for feed in along(branch, into)]
        case Synchronised(branches=branches):
            # A frame goes in when those before it are done, and comes out when it is done itself.
            into = [replace(feed, at_once=False) for feed in feeds]
            out = [feed for branch in branches for feed in along(branch, into)]
            return [replace(feed, at_once=False) for feed in out]
        case Switcher(services=services):
            gated = [replace(feed, at_once=False, complete=False) for feed in feeds]
            out = [feed for service in services for feed in along((service,), gated)]
            return [replace(feed, at_once=False, complete=False) for feed in out]
    raise TypeError(part)
