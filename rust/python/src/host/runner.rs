//! A loop's runner: it steps coroutines of many processors on the loop's thread, in cascades.
//!
//! `push_frame` only appends to a mailbox. When the step in hand ends, the next ready processor is
//! stepped at once, without a task, a future or a pass through the loop. One `call_soon` starts a
//! cascade; after [`MAX_STEPS`] steps or [`BUDGET`] it asks for the next pass, so that other
//! asyncio code gets its turn.
//!
//! The borrowed task is entered once a cascade and left only when a step suspends (0.25 against
//! 0.33 µs a hop): safe because `Task.cancel()` on it reaches our own hook.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipecat_engine as engine;
use pipecat_engine::{Direction, Lane, Pushed};
use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError, PySystemExit, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::ffi::{
    GilCell, Sent, call_method_2, enter_context, exit_context, is_coroutine, new_context, send,
};
use super::graveyard::bury;
use super::inbox::EventBell;
use super::park::Parked;
use super::stall::Pulse;
use super::{Asyncio, Frame, Graph, Seat, frame};
use crate::observer::ObserverSeat;
use crate::processor::ProcessorBase;
use crate::task::TaskBase;

const MAX_STEPS: u32 = 1_000;
const BUDGET: Duration = Duration::from_millis(1);
/// Frames that one processor may take before the next one's turn.
const QUOTA: u32 = 32;
/// How long a push may wait for a full mailbox before it goes on all the same.
const ROOM_TIMEOUT_SECS: f64 = 5.0;

/// What is needed of asyncio, looked up once a loop.
pub(crate) struct AsyncioParts {
    pub(crate) task_type: Py<PyAny>,
    enter_task: Py<PyAny>,
    leave_task: Py<PyAny>,
    pub(crate) register_task: Py<PyAny>,
    pub(crate) unregister_task: Py<PyAny>,
    cancelled_error: Py<PyAny>,
    /// The set behind `all_tasks()` and the callback of its weak references, where it is one.
    pub(crate) all_tasks: Option<(Py<PyAny>, Py<PyAny>)>,
}

impl AsyncioParts {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let asyncio = py.import("asyncio")?;
        let tasks = py.import("asyncio.tasks")?;
        // 3.11 keeps all tasks in `_all_tasks`, 3.12 and 3.13 those of C tasks in `_scheduled_tasks`.
        let registry = tasks.getattr("_all_tasks").or_else(|_| tasks.getattr("_scheduled_tasks"));
        let all_tasks = registry.and_then(|set| Ok((set.getattr("data")?, set.getattr("_remove")?)));
        Ok(Self {
            task_type: asyncio.getattr("Task")?.unbind(),
            enter_task: tasks.getattr("_enter_task")?.unbind(),
            leave_task: tasks.getattr("_leave_task")?.unbind(),
            register_task: tasks.getattr("_register_task")?.unbind(),
            unregister_task: tasks.getattr("_unregister_task")?.unbind(),
            cancelled_error: asyncio.getattr("CancelledError")?.unbind(),
            all_tasks: all_tasks.ok().map(|(data, remove)| (data.unbind(), remove.unbind())),
        })
    }

    pub(crate) fn cancelled_error<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.cancelled_error.bind(py).call0()
    }
}

struct RunnerState {
    scheduler: engine::Scheduler<Asyncio>,
    resumes: VecDeque<Py<Parked>>,
    next_pass: VecDeque<Py<Parked>>,
    pool: Vec<Py<Parked>>,
    current: Option<Py<Parked>>,
    entered: bool,
    running: bool,
    scheduled: bool,
    /// The object in hand, by address, and what it means: saves the base `process_frame` a look-up.
    in_hand: (usize, engine::Kind),
    tasks: HashMap<u32, Py<TaskBase>>,
    /// Pushes that wait for room in a slot.
    waiters: HashMap<u32, Vec<Py<PyAny>>>,
    users: usize,
}

/// The runner of one loop.
#[pyclass(frozen, weakref, module = "pipecat_rs._core")]
pub(crate) struct Runner {
    pub(crate) loop_: Py<PyAny>,
    /// The context of our own callbacks on the loop.
    pub(crate) context: Py<PyAny>,
    pub(crate) asyncio: AsyncioParts,
    pub(crate) thread: usize,
    pub(crate) ready: Py<PyAny>,
    call_soon: Py<PyAny>,
    pub(crate) inbox: Arc<engine::Inbox<Asyncio>>,
    bell: Arc<EventBell>,
    pulse: Arc<Pulse>,
    run_bound: GilCell<Option<Py<PyAny>>>,
    state: GilCell<RunnerState>,
}

thread_local! {
    static THREAD_MARK: u8 = const { 0 };
}

/// This thread's identity: the address of a thread-local, cheaper than `thread::current()`.
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    THREAD_MARK.with(|mark| std::ptr::from_ref(mark) as usize)
}

/// A steady clock in ms, for ages and leases.
pub(crate) fn now_ms() -> u32 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    (time.tv_sec as u64).wrapping_mul(1000).wrapping_add(time.tv_nsec as u64 / 1_000_000) as u32
}

impl Runner {
    /// The runner of a loop, made on first use.
    pub(crate) fn of_loop<'py>(loop_: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let py = loop_.py();
        if let Ok(known) = loop_.getattr(intern!(py, "_pipecat_rs_runner"))
            && let Ok(runner) = known.cast::<Self>()
        {
            return Ok(runner.clone());
        }
        let bell = Arc::new(EventBell::new()?);
        let inbox = Arc::new(engine::Inbox::new(Arc::clone(&bell) as Arc<dyn engine::Bell>));
        bell.belongs_to(&inbox);
        let pulse = Arc::new(Pulse::default());
        let runner = Bound::new(
            py,
            Self {
                call_soon: loop_.getattr("call_soon")?.unbind(),
                loop_: loop_.clone().unbind(),
                context: new_context(py)?.unbind(),
                asyncio: AsyncioParts::new(py)?,
                thread: this_thread(),
                ready: crate::awaitable::ready(py)?,
                inbox: Arc::clone(&inbox),
                bell: Arc::clone(&bell),
                pulse: Arc::clone(&pulse),
                run_bound: GilCell::new(None),
                state: GilCell::new(RunnerState {
                    scheduler: engine::Scheduler::new(inbox),
                    resumes: VecDeque::new(),
                    next_pass: VecDeque::new(),
                    pool: Vec::new(),
                    current: None,
                    entered: false,
                    running: false,
                    scheduled: false,
                    in_hand: (0, engine::Kind::Other),
                    tasks: HashMap::new(),
                    waiters: HashMap::new(),
                    users: 0,
                }),
            },
        )?;
        let bound = runner.getattr("_run")?.unbind();
        runner.get().run_bound.with(py, |place| *place = Some(bound));
        loop_.call_method1("add_reader", (runner.get().bell.number(), runner.getattr("_drain")?))?;
        loop_.setattr("_pipecat_rs_runner", &runner)?;
        super::stall::watch(&runner, &pulse, &bell)?;
        Ok(runner)
    }

    /// Use the engine's scheduler. `f` must not run Python.
    #[inline(always)]
    pub(crate) fn scheduler<R>(
        &self,
        py: Python<'_>,
        f: impl FnOnce(&mut engine::Scheduler<Asyncio>) -> R,
    ) -> R {
        self.state.with(py, |state| f(&mut state.scheduler))
    }

    /// A task uses this runner from now on.
    pub(crate) fn enlist(&self, py: Python<'_>, graph: u32, task: Py<TaskBase>) {
        self.state.with(py, |state| {
            state.users += 1;
            state.tasks.insert(graph, task);
        });
    }

    /// A task is done with it. The last one takes down what the loop holds of us.
    pub(crate) fn discharge(slf: &Bound<'_, Self>, graph: u32) -> PyResult<()> {
        let py = slf.py();
        let (task, idle) = slf.get().state.with(py, |state| {
            state.users = state.users.saturating_sub(1);
            state.scheduler.release_graph(graph);
            (state.tasks.remove(&graph), state.users == 0)
        });
        drop(task);
        Self::clear_up(slf)?;
        slf.get().drop_discarded(py);
        if idle {
            let loop_ = slf.get().loop_.bind(py);
            if !loop_.call_method0("is_closed")?.is_truthy()? {
                loop_.call_method1("remove_reader", (slf.get().bell.number(),))?;
            }
            slf.get().bell.close();
            super::stall::forget(py, &slf.get().pulse);
            let pool = slf.get().state.with(py, |state| std::mem::take(&mut state.pool));
            for parked in pool {
                Parked::retire(parked.bind(py))?;
            }
            if loop_.getattr(intern!(py, "_pipecat_rs_runner")).is_ok_and(|known| known.is(slf)) {
                loop_.delattr(intern!(py, "_pipecat_rs_runner"))?;
            }
        }
        Ok(())
    }

    pub(crate) fn call_soon(
        &self,
        py: Python<'_>,
        callback: &Bound<'_, PyAny>,
        argument: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let kwargs = PyDict::new(py);
        kwargs.set_item(intern!(py, "context"), &self.context)?;
        match argument {
            Some(argument) => self.call_soon.bind(py).call((callback, argument), Some(&kwargs))?,
            None => self.call_soon.bind(py).call((callback,), Some(&kwargs))?,
        };
        Ok(())
    }

    /// Ask the loop for a cascade, unless one runs or is due.
    pub(crate) fn ensure_run(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let due = slf.get().state.with(py, |state| {
            let due = !state.scheduled && !state.running;
            state.scheduled |= due;
            due
        });
        if due { Self::schedule(slf) } else { Ok(()) }
    }

    #[cold]
    fn schedule(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        slf.get().scheduler(py, |scheduler| scheduler.set_now(now_ms()));
        let bound = slf.get().run_bound.with(py, |bound| bound.as_ref().map(|bound| bound.clone_ref(py)));
        match bound {
            Some(bound) => slf.get().call_soon(py, bound.bind(py), None),
            None => Ok(()),
        }
    }

    pub(crate) fn next_pass(&self, py: Python<'_>, parked: Py<Parked>) {
        self.state.with(py, |state| {
            state.next_pass.push_back(parked);
            // The pass in hand must not take it up again.
            if state.running {
                state.scheduled = false;
            }
        });
    }

    pub(crate) fn resume(&self, py: Python<'_>, parked: Py<Parked>) {
        self.state.with(py, |state| state.resumes.push_back(parked));
    }

    /// Take an idle task out of the pool.
    pub(crate) fn forget(&self, py: Python<'_>, parked: &Bound<'_, Parked>) {
        let gone = self.state.with(py, |state| {
            let at = state.pool.iter().position(|pooled| pooled.is(parked))?;
            Some(state.pool.swap_remove(at))
        });
        drop(gone);
    }

    /// What the frame in hand means, if this is the frame in hand.
    #[inline(always)]
    pub(crate) fn kind_in_hand(&self, py: Python<'_>, frame: &Bound<'_, PyAny>) -> Option<engine::Kind> {
        let (address, kind) = self.state.with(py, |state| state.in_hand);
        (address == frame.as_ptr() as usize).then_some(kind)
    }

    // ---- pushing

    /// Push from a slot. Returns what the caller awaits.
    #[inline(always)]
    pub(crate) fn push(
        slf: &Bound<'_, Self>,
        slot: u32,
        object: &Bound<'_, PyAny>,
        class: engine::Class,
        direction: Direction,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let needs_id = slf.get().scheduler(py, |scheduler| scheduler.needs_id(slot, direction));
        let frame = frame::wrap(object, class, direction, needs_id)?;
        let (pushed, idle) = slf.get().state.with(py, |state| {
            let pushed = state.scheduler.push(slot, frame);
            (pushed, !state.running && !state.scheduled)
        });
        Self::pushed(slf, pushed, idle)
    }

    /// Let a frame into a graph.
    pub(crate) fn enter(slf: &Bound<'_, Self>, graph: &Arc<Graph>, frame: Frame) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let (pushed, idle) = slf.get().state.with(py, |state| {
            let pushed = state.scheduler.enter(graph, frame);
            (pushed, !state.running && !state.scheduled)
        });
        Self::pushed(slf, pushed, idle)
    }

    /// Put a frame into a slot's own mailbox.
    pub(crate) fn deliver(slf: &Bound<'_, Self>, slot: u32, frame: Frame) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let (pushed, idle) = slf.get().state.with(py, |state| {
            let own = state.scheduler.current().is_some_and(|(running, _)| running == slot);
            let pushed = match state.scheduler.queue(slot, frame) {
                // Nobody makes room for a processor that waits for itself.
                Pushed::Full(full) if own && full == slot => Pushed::Accepted,
                pushed => pushed,
            };
            (pushed, !state.running && !state.scheduled)
        });
        Self::pushed(slf, pushed, idle)
    }

    #[inline(always)]
    fn pushed(slf: &Bound<'_, Self>, pushed: Pushed, idle: bool) -> PyResult<Py<PyAny>> {
        if idle {
            Self::ensure_run(slf)?;
        }
        match pushed {
            Pushed::Accepted => Ok(slf.get().ready.clone_ref(slf.py())),
            Pushed::Full(slot) => Self::wait_for_room(slf, slot),
        }
    }

    /// A future that is set when the slot's mailbox is half empty again, or after a while: a push
    /// never hangs on a processor that does not move.
    #[cold]
    fn wait_for_room(slf: &Bound<'_, Self>, slot: u32) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let loop_ = slf.get().loop_.bind(py);
        let future = loop_.call_method0("create_future")?;
        slf.get().state.with(py, |state| {
            state.waiters.entry(slot).or_default().push(future.clone().unbind());
        });
        loop_.call_method1("call_later", (ROOM_TIMEOUT_SECS, slf.getattr("_give_room")?, slot, &future))?;
        crate::awaitable::Waiting::for_future(&future)
    }

    fn wake_waiters(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let waiters = slf.get().state.with(py, |state| {
            let roomy: Vec<u32> = state
                .waiters
                .keys()
                .copied()
                .filter(|&slot| {
                    let (depth, bound) = state.scheduler.fill(slot);
                    depth <= bound / 2
                })
                .collect();
            roomy.into_iter().filter_map(|slot| state.waiters.remove(&slot)).flatten().collect::<Vec<_>>()
        });
        for future in waiters {
            let future = future.bind(py);
            if !future.call_method0("done")?.is_truthy()? {
                future.call_method1("set_result", (py.None(),))?;
            }
        }
        Ok(())
    }

    // ---- running

    /// Run a cascade now, unless one runs.
    pub(crate) fn run_now(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let busy = slf.get().state.with(py, |state| {
            state.scheduler.set_now(now_ms());
            std::mem::replace(&mut state.running, true)
        });
        if busy {
            return Ok(());
        }
        let Some(_inside) = super::closing::Inside::enter() else {
            slf.get().state.with(py, |state| state.running = false);
            return Ok(());
        };
        let result = Self::cascade(slf);
        slf.get().pulse.rest();
        let left = Self::leave_task(slf);
        let (more, waiters) = slf.get().state.with(py, |state| {
            if let Some(current) = state.current.take() {
                state.pool.push(current);
            }
            state.running = false;
            state.in_hand = (0, engine::Kind::Other);
            let more =
                state.scheduler.has_ready() || !state.resumes.is_empty() || !state.next_pass.is_empty();
            (more, !state.waiters.is_empty())
        });
        if more {
            Self::ensure_run(slf)?;
        }
        if waiters {
            Self::wake_waiters(slf)?;
        }
        slf.get().drop_discarded(py);
        result.and(left)
    }

    fn cascade(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let mut allowance = Allowance::new();
        loop {
            // Callbacks that waited come first: they hold their lane.
            while let Some(parked) = slf.get().state.with(py, |state| state.resumes.pop_front()) {
                Self::go_on(slf, parked.bind(py))?;
                Self::clear_up(slf)?;
                if allowance.spend() {
                    return Ok(());
                }
            }
            let Some(slot) = slf.get().scheduler(py, engine::Scheduler::next_ready) else {
                return Ok(());
            };
            let result = Self::visit(slf, slot, &mut allowance);
            slf.get().scheduler(py, |scheduler| scheduler.settle(slot));
            Self::clear_up(slf)?;
            if result? {
                return Ok(());
            }
        }
    }

    /// Let a slot take some frames. True: the allowance is spent.
    #[inline(always)]
    fn visit(slf: &Bound<'_, Self>, slot: u32, allowance: &mut Allowance) -> PyResult<bool> {
        let py = slf.py();
        enum Occupant<'py> {
            Processor(Bound<'py, ProcessorBase>),
            Observer(Bound<'py, ObserverSeat>),
        }
        let occupant = slf.get().scheduler(py, |scheduler| {
            Some(match scheduler.seat_of(slot)? {
                Seat::Processor(processor) => Occupant::Processor(processor.bind(py).clone()),
                Seat::Observer(observer) => Occupant::Observer(observer.bind(py).clone()),
            })
        });
        let Some(occupant) = occupant else { return Ok(false) };
        let mut entered: Option<(Lane, Bound<'_, PyAny>)> = None;
        let mut result = Ok(false);
        for _ in 0..QUOTA {
            let Some(step) = slf.get().scheduler(py, |scheduler| scheduler.take(slot)) else { break };
            let lane = step.lane;
            if entered.as_ref().is_none_or(|(open, _)| *open != lane) {
                if let Some((_, context)) = entered.take() {
                    exit_context(&context)?;
                }
                let context = match &occupant {
                    Occupant::Processor(processor) => processor.get().context(py, lane)?,
                    Occupant::Observer(observer) => observer.get().context(py)?,
                };
                enter_context(&context)?;
                entered = Some((lane, context));
            }
            let done = match &occupant {
                Occupant::Processor(processor) => Self::step_processor(slf, processor, slot, step),
                Occupant::Observer(observer) => Self::step_observer(slf, observer, slot, step),
            };
            if let Err(error) = done {
                result = Err(error);
                break;
            }
            if allowance.spend() {
                result = Ok(true);
                break;
            }
            if allowance.steps & 15 == 0 {
                slf.get().scheduler(py, |scheduler| scheduler.set_now(now_ms()));
            }
        }
        if let Some((_, context)) = entered {
            exit_context(&context)?;
        }
        result
    }

    #[inline(always)]
    fn step_processor(
        slf: &Bound<'_, Self>,
        processor: &Bound<'_, ProcessorBase>,
        slot: u32,
        step: engine::Step<Asyncio>,
    ) -> PyResult<()> {
        let py = slf.py();
        let lane = step.lane;
        if step.cancel_data {
            Self::cancel_data(slf, processor, slot, lane)?;
        }
        let class = step.frame.class;
        let direction = crate::direction::object(py, step.frame.direction);
        let Some(frame) = frame::object(py, step.frame.payload)? else {
            slf.get().scheduler(py, |scheduler| scheduler.done(slot, lane));
            return Ok(());
        };
        let frame = frame.into_bound(py);
        Self::enter_task(slf)?;
        slf.get().state.with(py, |state| state.in_hand = (frame.as_ptr() as usize, class.kind));
        slf.get().pulse.begin(slot);
        let hooked = processor.get().is_hooked(py) || class.bits.has(engine::Bits::WRAPPED);
        let called = if hooked {
            processor.call_method1(intern!(py, "_process_hooked"), (&frame, direction))
        } else {
            call_method_2(processor.as_any(), intern!(py, "process_frame"), &frame, direction)
        };
        let (mut coroutine, mut sent) = match called {
            Ok(awaitable) => Self::first_step(slf, awaitable),
            Err(error) => (None, Sent::Raised(error)),
        };
        if let Sent::Raised(error) = sent {
            (coroutine, sent) = Self::failed(slf, processor, &frame, error)?;
        }
        match sent {
            Sent::Returned | Sent::Raised(_) => {
                slf.get().scheduler(py, |scheduler| scheduler.done(slot, lane));
                Self::check_current(slf)
            }
            Sent::Yielded(yielded) => {
                let context = processor.get().context(py, lane)?.unbind();
                let parked = Self::suspend(slf, slot, lane, coroutine, context, frame, yielded)?;
                if let Some(parked) = parked {
                    processor.get().set_suspended(py, lane, Some(parked));
                }
                Ok(())
            }
        }
    }

    /// The data callback that hangs here is over. Its own code for that runs before the one for the
    /// interruption, unless it waits for a task: nobody waits for that to end.
    #[cold]
    fn cancel_data(
        slf: &Bound<'_, Self>,
        processor: &Bound<'_, ProcessorBase>,
        slot: u32,
        lane: Lane,
    ) -> PyResult<()> {
        let py = slf.py();
        let Some(parked) = processor.get().suspended(py, Lane::Data) else { return Ok(()) };
        let parked = parked.bind(py);
        Parked::cancel_callback(parked)?;
        if Parked::take_cancelled(parked)? {
            slf.get().state.with(py, |state| {
                state.resumes.retain(|waiting| !waiting.is(parked));
                state.next_pass.retain(|waiting| !waiting.is(parked));
            });
            Self::go_on(slf, parked)?;
        }
        slf.get().scheduler(py, |scheduler| {
            scheduler.release(slot, Lane::Data);
            scheduler.resumed(slot, lane);
        });
        Ok(())
    }

    fn step_observer(
        slf: &Bound<'_, Self>,
        observer: &Bound<'_, ObserverSeat>,
        slot: u32,
        step: engine::Step<Asyncio>,
    ) -> PyResult<()> {
        let py = slf.py();
        let lane = step.lane;
        let Some(call) = frame::object(py, step.frame.payload)? else {
            slf.get().scheduler(py, |scheduler| scheduler.done(slot, lane));
            return Ok(());
        };
        let call = call.into_bound(py);
        Self::enter_task(slf)?;
        slf.get().pulse.begin(slot);
        let (coroutine, sent) = match call.call0() {
            Ok(awaitable) => Self::first_step(slf, awaitable),
            Err(error) => (None, Sent::Raised(error)),
        };
        match sent {
            Sent::Yielded(yielded) => {
                let context = observer.get().context(py)?.unbind();
                let parked = Self::suspend(slf, slot, lane, coroutine, context, call, yielded)?;
                observer.get().set_suspended(py, parked);
                return Ok(());
            }
            Sent::Raised(error) => observer.get().report(py, error)?,
            Sent::Returned => {}
        }
        slf.get().scheduler(py, |scheduler| scheduler.done(slot, lane));
        Self::check_current(slf)
    }

    /// Step what `process_frame` returned for the first time.
    #[inline(always)]
    fn first_step<'py>(
        slf: &Bound<'py, Self>,
        awaitable: Bound<'py, PyAny>,
    ) -> (Option<Bound<'py, PyAny>>, Sent<'py>) {
        let py = slf.py();
        if is_coroutine(&awaitable) || awaitable.is(&slf.get().ready) {
            let sent = Self::stepping(slf, || send(&awaitable));
            return (Some(awaitable), sent);
        }
        if awaitable.is_none() {
            let text = "the callback returned None, which cannot be awaited: define it with `async def`";
            return (None, Sent::Raised(PyTypeError::new_err(text)));
        }
        // Any other awaitable.
        match awaitable.call_method0(intern!(py, "__await__")) {
            Ok(iterator) => {
                let sent = Self::stepping(slf, || send(&iterator));
                (Some(iterator), sent)
            }
            Err(error) => (None, Sent::Raised(error)),
        }
    }

    #[inline(always)]
    fn stepping<'py>(slf: &Bound<'py, Self>, step: impl FnOnce() -> Sent<'py>) -> Sent<'py> {
        let py = slf.py();
        slf.get().mark_stepping(py, true);
        let sent = step();
        slf.get().mark_stepping(py, false);
        sent
    }

    #[inline(always)]
    fn mark_stepping(&self, py: Python<'_>, on: bool) {
        self.state.with(py, |state| {
            if let Some(current) = &state.current {
                current.get().state.with(py, |parked| parked.stepping = on);
            }
        });
    }

    /// An exception of a callback becomes an error frame: the processor's own coroutine for that
    /// goes on in the same lane.
    #[cold]
    fn failed<'py>(
        slf: &Bound<'py, Self>,
        processor: &Bound<'py, ProcessorBase>,
        frame: &Bound<'py, PyAny>,
        error: PyErr,
    ) -> PyResult<(Option<Bound<'py, PyAny>>, Sent<'py>)> {
        let py = slf.py();
        if error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py) {
            return Err(error);
        }
        if error.is_instance(py, slf.get().asyncio.cancelled_error.bind(py)) {
            return Ok((None, Sent::Returned));
        }
        let value = error.into_value(py);
        let reported = processor.call_method1(intern!(py, "_process_failed"), (frame, value));
        let (coroutine, sent) = match reported {
            Ok(awaitable) => Self::first_step(slf, awaitable),
            Err(error) => (None, Sent::Raised(error)),
        };
        match sent {
            Sent::Raised(error) => {
                Self::unhandled(slf, error)?;
                Ok((None, Sent::Returned))
            }
            sent => Ok((coroutine, sent)),
        }
    }

    /// Reporting an error failed too: the loop's own handler is the last that can say so.
    #[cold]
    pub(crate) fn unhandled(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        let py = slf.py();
        if error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py) {
            return Err(error);
        }
        let context = PyDict::new(py);
        context.set_item("message", "pipecat_rs: an exception while reporting an error")?;
        context.set_item("exception", error.into_value(py))?;
        slf.get().loop_.bind(py).call_method1("call_exception_handler", (context,))?;
        Ok(())
    }

    /// A step waits: its task stays with it. `None`: it ended after all, told of a bad yield.
    fn suspend(
        slf: &Bound<'_, Self>,
        slot: u32,
        lane: Lane,
        coroutine: Option<Bound<'_, PyAny>>,
        context: Py<PyAny>,
        frame: Bound<'_, PyAny>,
        yielded: Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<Parked>>> {
        let py = slf.py();
        Self::leave_task(slf)?;
        let parked = slf.get().state.with(py, |state| {
            state.scheduler.suspended(slot, lane);
            state.current.take()
        });
        let (Some(parked), Some(coroutine)) = (parked, coroutine) else {
            return Err(PyRuntimeError::new_err("a step suspended without a task"));
        };
        let parked = parked.into_bound(py);
        Parked::carry(&parked, (slot, lane), coroutine, context, frame.unbind())?;
        let hangs = Self::hang(slf, &parked, yielded)?;
        Ok(hangs.then(|| parked.unbind()))
    }

    /// Hang a callback on what it yielded. False: it ended instead.
    fn hang(slf: &Bound<'_, Self>, parked: &Bound<'_, Parked>, yielded: Bound<'_, PyAny>) -> PyResult<bool> {
        let mut yielded = yielded;
        loop {
            let Some(error) = Parked::wait_for(parked, yielded)? else { return Ok(true) };
            // It cannot be waited for: the coroutine is told, and may yield again.
            match Self::entered(slf, parked, || Parked::raise(parked, error))? {
                Sent::Yielded(again) => yielded = again,
                sent => {
                    Self::ended(slf, parked, sent)?;
                    return Ok(false);
                }
            }
        }
    }

    /// Run something with a parked task and its callback's context current.
    fn entered<'py>(
        slf: &Bound<'py, Self>,
        parked: &Bound<'py, Parked>,
        f: impl FnOnce() -> Sent<'py>,
    ) -> PyResult<Sent<'py>> {
        let py = slf.py();
        Self::set_aside(slf)?;
        slf.get().state.with(py, |state| state.current = Some(parked.clone().unbind()));
        Self::enter_task(slf)?;
        let (context, slot) = parked
            .get()
            .state
            .with(py, |state| (state.context.as_ref().map(|context| context.clone_ref(py)), state.slot));
        if let Some((slot, lane)) = slot {
            slf.get().pulse.begin(slot);
            slf.get().scheduler(py, |scheduler| scheduler.resumed(slot, lane));
        }
        let entered = context.as_ref().map(|context| enter_context(context.bind(py))).transpose();
        let sent = f();
        if let (Ok(_), Some(context)) = (entered, &context) {
            exit_context(context.bind(py))?;
        }
        Self::leave_task(slf)?;
        slf.get().state.with(py, |state| {
            state.current = None;
            if let Some((slot, lane)) = slot {
                state.scheduler.suspended(slot, lane);
            }
        });
        Ok(sent)
    }

    /// Put the task that the cascade has entered back into the pool.
    fn set_aside(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::leave_task(slf)?;
        slf.get().state.with(slf.py(), |state| {
            if let Some(current) = state.current.take() {
                state.pool.push(current);
            }
        });
        Ok(())
    }

    /// A callback that waited goes on.
    fn go_on(slf: &Bound<'_, Self>, parked: &Bound<'_, Parked>) -> PyResult<()> {
        let py = slf.py();
        if parked.get().state.with(py, |state| state.coroutine.is_none()) {
            return Ok(());
        }
        match Self::entered(slf, parked, || Parked::step(parked))? {
            Sent::Yielded(yielded) => {
                Self::hang(slf, parked, yielded)?;
                Ok(())
            }
            sent => Self::ended(slf, parked, sent),
        }
    }

    /// A callback that had waited is over.
    fn ended(slf: &Bound<'_, Self>, parked: &Bound<'_, Parked>, sent: Sent<'_>) -> PyResult<()> {
        let py = slf.py();
        let Some(((slot, lane), frame)) = Parked::put_down(parked)? else { return Ok(()) };
        let occupant = slf.get().scheduler(py, |scheduler| {
            Some(match scheduler.seat_of(slot)? {
                Seat::Processor(processor) => (Some(processor.clone_ref(py)), None),
                Seat::Observer(observer) => (None, Some(observer.clone_ref(py))),
            })
        });
        let (processor, observer) = occupant.unwrap_or_default();
        if let Some(processor) = &processor {
            processor.get().set_suspended(py, lane, None);
        }
        if let Some(observer) = &observer {
            observer.get().set_suspended(py, None);
        }
        if let Sent::Raised(error) = sent {
            if let (Some(processor), Some(frame)) = (&processor, &frame) {
                if Self::report_late(slf, parked, processor.bind(py), slot, lane, frame.bind(py), error)? {
                    return Ok(()); // its report waits for something, in the same lane
                }
            } else if let Some(observer) = &observer {
                observer.get().report(py, error)?;
            }
        }
        slf.get().scheduler(py, |scheduler| {
            scheduler.done(slot, lane);
            scheduler.poke(slot);
        });
        Self::pool_or_retire(slf, parked)
    }

    /// Report an exception of a callback that had waited. True: the report itself waits.
    fn report_late(
        slf: &Bound<'_, Self>,
        parked: &Bound<'_, Parked>,
        processor: &Bound<'_, ProcessorBase>,
        slot: u32,
        lane: Lane,
        frame: &Bound<'_, PyAny>,
        error: PyErr,
    ) -> PyResult<bool> {
        let py = slf.py();
        if error.is_instance(py, slf.get().asyncio.cancelled_error.bind(py)) {
            return Ok(false);
        }
        let context = processor.get().context(py, lane)?;
        // The report runs as a step of its own on a fresh task: the old one may be spent.
        Self::enter_task(slf)?;
        slf.get().scheduler(py, |scheduler| scheduler.resumed(slot, lane));
        enter_context(&context)?;
        let reported = Self::failed(slf, processor, frame, error);
        exit_context(&context)?;
        let (coroutine, sent) = reported?;
        let Sent::Yielded(yielded) = sent else { return Ok(false) };
        Self::pool_or_retire(slf, parked)?;
        let frame = frame.clone();
        let waiting = Self::suspend(slf, slot, lane, coroutine, context.unbind(), frame, yielded)?;
        let waits = waiting.is_some();
        if waits {
            processor.get().set_suspended(py, lane, waiting);
        }
        Ok(waits)
    }

    fn pool_or_retire(slf: &Bound<'_, Self>, parked: &Bound<'_, Parked>) -> PyResult<()> {
        let py = slf.py();
        if Parked::is_reusable(parked)? {
            slf.get().state.with(py, |state| state.pool.push(parked.clone().unbind()));
            return Ok(());
        }
        parked.get().state.with(py, |state| state.must_cancel = false);
        Parked::retire(parked)
    }

    /// After a step that ended at once: did it cancel its own task?
    #[inline(always)]
    fn check_current(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let current = slf.get().state.with(py, |state| state.current.as_ref().map(|c| c.clone_ref(py)));
        let Some(current) = current else { return Ok(()) };
        let current = current.into_bound(py);
        if !Parked::was_cancelled(&current)? {
            return Ok(());
        }
        Self::leave_task(slf)?;
        drop(slf.get().state.with(py, |state| state.current.take()));
        Self::pool_or_retire(slf, &current)
    }

    /// Make a borrowed task the current one.
    #[inline(always)]
    fn enter_task(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if slf.get().state.with(py, |state| state.entered) {
            return Ok(());
        }
        let current = slf.get().state.with(py, |state| {
            if state.current.is_none() {
                state.current = state.pool.pop();
            }
            state.current.as_ref().map(|current| current.clone_ref(py))
        });
        let current = match current {
            Some(current) => current.into_bound(py),
            None => {
                let fresh = Parked::create(slf)?;
                slf.get().state.with(py, |state| state.current = Some(fresh.clone().unbind()));
                fresh
            }
        };
        if let Some(task) = current.get().task(py) {
            slf.get().asyncio.enter_task.bind(py).call1((&slf.get().loop_, task))?;
            slf.get().state.with(py, |state| state.entered = true);
        }
        Ok(())
    }

    fn leave_task(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let current = slf.get().state.with(py, |state| {
            if !std::mem::replace(&mut state.entered, false) {
                return None;
            }
            state.current.as_ref().map(|current| current.clone_ref(py))
        });
        if let Some(task) = current.and_then(|current| current.get().task(py)) {
            slf.get().asyncio.leave_task.bind(py).call1((&slf.get().loop_, task))?;
        }
        Ok(())
    }

    /// Cancel the callback that hangs in a lane of a processor.
    #[cold]
    pub(crate) fn cancel_suspended(processor: &Bound<'_, ProcessorBase>, lane: Lane) -> PyResult<bool> {
        match processor.get().suspended(processor.py(), lane) {
            Some(parked) => Parked::cancel_callback(parked.bind(processor.py())).map(|()| true),
            None => Ok(false),
        }
    }

    /// Hand over what the engine has for Python besides steps.
    #[inline(always)]
    pub(crate) fn clear_up(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().scheduler(slf.py(), |scheduler| scheduler.has_news()) { Self::news(slf) } else { Ok(()) }
    }

    #[cold]
    fn news(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        for hop in slf.get().scheduler(py, engine::Scheduler::take_hops) {
            let task = slf.get().task_of(py, hop.graph);
            if let Some(task) = task {
                TaskBase::hop(task.bind(py), hop)?;
            }
        }
        for failure in slf.get().scheduler(py, engine::Scheduler::take_failures) {
            Self::native_failed(slf, failure)?;
        }
        while let Some((graph, edge, frame)) = slf.get().scheduler(py, engine::Scheduler::take_left) {
            match slf.get().task_of(py, graph) {
                Some(task) => TaskBase::left(task.bind(py), edge, frame)?,
                None => drop(frame),
            }
        }
        Ok(())
    }

    /// A native processor panicked: an error frame goes upstream from it.
    #[cold]
    fn native_failed(slf: &Bound<'_, Self>, failure: engine::Failure) -> PyResult<()> {
        let py = slf.py();
        let graph = slf.get().scheduler(py, |scheduler| scheduler.graph(failure.graph).cloned());
        let Some(graph) = graph else { return Ok(()) };
        let text = format!("{} panicked: {}", graph.nodes[failure.node as usize].name, failure.message);
        let error = py.import("pipecat_rs.frames.error")?.getattr("ErrorFrame")?.call1((text,))?;
        let frame = frame::wrap(&error, super::classes::class_of(&error)?, Direction::Upstream, true)?;
        slf.get().scheduler(py, |scheduler| graph.push_from(failure.node, frame, scheduler));
        Ok(())
    }

    /// Drop what goes no further: last of all, since it may be hundreds of frames.
    pub(crate) fn drop_discarded(&self, py: Python<'_>) {
        for frame in self.scheduler(py, engine::Scheduler::take_discarded) {
            if let engine::Payload::Foreign(object) = frame.payload {
                drop(object.into_inner());
            }
        }
        bury(py);
    }

    fn task_of(&self, py: Python<'_>, graph: u32) -> Option<Py<TaskBase>> {
        self.state.with(py, |state| state.tasks.get(&graph).map(|task| task.clone_ref(py)))
    }

    /// The stall watch found this loop silent. Called on the watch's thread.
    pub(crate) fn stalled(
        slf: &Bound<'_, Self>,
        slot: Option<u32>,
        thread: u64,
        silent_ms: u32,
    ) -> PyResult<()> {
        let py = slf.py();
        let frames = py.import("sys")?.call_method0("_current_frames")?;
        let frame = frames.call_method1("get", (thread,))?;
        let (processor, graph) = slf.get().scheduler(py, |scheduler| {
            let seat = slot.and_then(|slot| scheduler.seat_of(slot));
            let processor = match seat {
                Some(Seat::Processor(processor)) => Some(processor.clone_ref(py)),
                _ => None,
            };
            (processor, slot.and_then(|slot| scheduler.graph_of(slot)))
        });
        let tasks: Vec<Py<TaskBase>> = slf.get().state.with(py, |state| match graph {
            Some(graph) => state.tasks.get(&graph).map(|task| task.clone_ref(py)).into_iter().collect(),
            None => state.tasks.values().map(|task| task.clone_ref(py)).collect(),
        });
        // The loop is one: its log line is written once, its tasks are told each.
        for (place, task) in tasks.iter().enumerate() {
            let seconds = f64::from(silent_ms) / 1000.0;
            task.bind(py).call_method1("_stalled", (&processor, &frame, seconds, place == 0))?;
        }
        Ok(())
    }

    /// The loop's time in ms.
    pub(crate) fn loop_ms(&self, py: Python<'_>) -> PyResult<u64> {
        let seconds: f64 = self.loop_.bind(py).call_method0(intern!(py, "time"))?.extract()?;
        Ok((seconds * 1000.0).ceil() as u64)
    }
}

/// How much of a pass is left.
struct Allowance {
    steps: u32,
    until: Instant,
}

impl Allowance {
    fn new() -> Self {
        Self { steps: 0, until: Instant::now() + BUDGET }
    }

    /// Spend a step. True: hand control back to the loop.
    #[inline(always)]
    fn spend(&mut self) -> bool {
        self.steps += 1;
        // An exact look at the clock each 16th step costs 4 % of a hop, at each step 9 %.
        self.steps >= MAX_STEPS || (self.steps & 15 == 0 && Instant::now() >= self.until)
    }
}

#[pymethods]
impl Runner {
    /// What `call_soon` calls.
    fn _run(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().state.with(slf.py(), |state| {
            state.scheduled = false;
            let mut waiting = std::mem::take(&mut state.next_pass);
            state.resumes.append(&mut waiting);
        });
        Self::run_now(slf)
    }

    /// What the loop calls when another thread rang.
    fn _drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        slf.get().bell.silence();
        slf.get().pulse.answer();
        slf.get().scheduler(py, |scheduler| {
            scheduler.set_now(now_ms());
            scheduler.drain_inbox()
        });
        Self::clear_up(slf)?;
        Self::run_now(slf)
    }

    fn _give_room(slf: &Bound<'_, Self>, slot: u32, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        if future.call_method0("done")?.is_truthy()? {
            return Ok(());
        }
        slf.get().state.with(py, |state| {
            if let Some(waiters) = state.waiters.get_mut(&slot) {
                waiters.retain(|waiter| !waiter.is(future));
            }
        });
        future.call_method1("set_result", (py.None(),))?;
        Ok(())
    }

    /// (steps, hops, idle tasks, users): for tests and figures.
    fn _counts(&self, py: Python<'_>) -> (u64, u64, usize, usize) {
        self.state.with(py, |state| {
            let (steps, hops) = state.scheduler.counts();
            (steps, hops, state.pool.len(), state.users)
        })
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.loop_)?;
        visit.call(&self.call_soon)?;
        if let Some(bound) = self.run_bound.peek() {
            visit.call(&*bound)?;
        }
        let Some(state) = self.state.peek() else { return Ok(()) };
        for parked in state.pool.iter().chain(&state.resumes).chain(&state.next_pass).chain(&state.current) {
            visit.call(parked)?;
        }
        for task in state.tasks.values() {
            visit.call(task)?;
        }
        for future in state.waiters.values().flatten() {
            visit.call(future)?;
        }
        for seat in state.scheduler.seats() {
            match seat {
                Seat::Processor(processor) => visit.call(processor)?,
                Seat::Observer(observer) => visit.call(observer)?,
            }
        }
        for frame in state.scheduler.waiting_frames() {
            if let engine::Payload::Foreign(object) = &frame.payload {
                visit.call(object.get())?;
            }
        }
        Ok(())
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        let py = slf.py();
        let bound = slf.get().run_bound.with(py, Option::take);
        let dead = slf.get().state.with(py, |state| {
            (
                std::mem::take(&mut state.pool),
                std::mem::take(&mut state.resumes),
                std::mem::take(&mut state.next_pass),
                state.current.take(),
                std::mem::take(&mut state.tasks),
                std::mem::take(&mut state.waiters),
            )
        });
        drop((bound, dead));
    }
}
