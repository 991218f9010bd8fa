//! The native base of `PipelineTask`: the graph, the way in, what comes out, and the life cycle's
//! state machine.

use std::sync::Arc;

use pipecat_engine as engine;
use pipecat_engine::{
    Action, Admission, Direction, Edge, Kind, Lane, Limits, Link, Progress, State, TaskMachine,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::host::ffi::GilCell;
use crate::host::runner::{Runner, now_ms, this_thread};
use crate::host::{Asyncio, Frame, Graph, classes, frame};
use crate::layout::Reader;
use crate::processor::ProcessorBase;

struct TaskState {
    runner: Option<Py<Runner>>,
    graph: Option<Arc<Graph>>,
    seated: Vec<(u32, Py<ProcessorBase>)>,
    machine: TaskMachine,
    /// Frames queued before the start frame has reached the sink.
    held: Vec<(Py<PyAny>, Direction)>,
    /// Classes that somebody wants to hear of when they reach the sink or the source.
    reached: [Option<Arc<engine::Interest>>; 2],
    timer: Option<(u64, Py<PyAny>)>,
    /// How often somebody said that work goes on which no frame shows.
    noted: u64,
}

/// Native base class of `PipelineTask`.
#[pyclass(subclass, weakref, frozen, module = "pipecat_rs._core")]
pub(crate) struct TaskBase {
    state: GilCell<TaskState>,
}

const DEFAULT_LIMITS: Limits =
    Limits { setup_ms: 20_000, start_ms: 20_000, end_ms: 60_000, cancel_ms: 20_000 };

impl TaskBase {
    fn runner<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Runner>> {
        self.state
            .with(py, |state| state.runner.as_ref().map(|runner| runner.clone_ref(py)))
            .map(|r| r.into_bound(py))
    }

    /// The graph, while the task runs.
    pub(crate) fn graph(&self, py: Python<'_>) -> Option<Arc<Graph>> {
        self.state.with(py, |state| state.graph.as_ref().map(Arc::clone))
    }

    fn tell_what_is_wanted_outside(&self, py: Python<'_>) {
        let Some(graph) = self.graph(py) else { return };
        let wanted = self.state.with(py, |state| [state.reached[0].is_some(), state.reached[1].is_some()]);
        graph.set_wanted_outside(Edge::Sink, wanted[0]);
        graph.set_wanted_outside(Edge::Source, wanted[1]);
    }

    fn seated(&self, py: Python<'_>) -> Vec<(u32, Py<ProcessorBase>)> {
        self.state.with(py, |state| {
            state.seated.iter().map(|(slot, processor)| (*slot, processor.clone_ref(py))).collect()
        })
    }

    /// A frame left the graph.
    pub(crate) fn left(slf: &Bound<'_, Self>, edge: Edge, frame: Frame) -> PyResult<()> {
        let py = slf.py();
        let class = frame.class;
        let at_sink = edge == Edge::Sink;
        let wanted = slf.get().state.with(py, |state| {
            state.reached[usize::from(!at_sink)].as_ref().is_some_and(|interest| interest.names(class))
        });
        let kind = class.kind;
        // Ordinary frames that nobody asked for end here without a look at Python.
        let needed = wanted || !matches!(kind, Kind::Other | Kind::Metrics | Kind::Interruption);
        if needed && let Some(object) = frame::object(py, frame.payload)? {
            slf.call_method1(intern!(py, "_frame_left"), (object, at_sink, kind as u8, wanted))?;
        }
        if at_sink && kind.is_lifecycle() {
            slf.get().state.with(py, |state| state.machine.arrived(kind));
            Self::carry_out(slf)?;
        }
        Ok(())
    }

    /// A hop that observers want to hear of.
    pub(crate) fn hop(slf: &Bound<'_, Self>, hop: engine::Hop<Asyncio>) -> PyResult<()> {
        let py = slf.py();
        let direction = hop.frame.direction;
        let target: i64 = match hop.target {
            Link::Node(index) => i64::from(index),
            Link::Edge(Edge::Source) => -1,
            Link::Edge(Edge::Sink) => -2,
            Link::End => return Ok(()),
        };
        let Some(object) = frame::object(py, hop.frame.payload)? else { return Ok(()) };
        let direction = crate::direction::object(py, direction);
        slf.call_method1(intern!(py, "_hop"), (hop.source, target, object, direction))?;
        Ok(())
    }

    /// Do what the state machine asks for, and set its next deadline.
    fn carry_out(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        loop {
            let actions = slf.get().state.with(py, |state| state.machine.take_actions());
            if actions.is_empty() {
                break;
            }
            for action in actions {
                Self::act(slf, action)?;
            }
        }
        Self::set_timer(slf)
    }

    fn act(slf: &Bound<'_, Self>, action: Action) -> PyResult<()> {
        let py = slf.py();
        match action {
            Action::Started => {
                slf.call_method1(intern!(py, "_act"), ("started", 0, true))?;
                for (frame, direction) in slf.get().state.with(py, |state| std::mem::take(&mut state.held)) {
                    Self::let_in(slf, frame.bind(py), direction)?;
                }
                Ok(())
            }
            Action::PushCancel => {
                Self::stop_lanes(slf, false)?;
                slf.call_method1(intern!(py, "_act"), ("cancel", 0, true)).map(drop)
            }
            Action::Force => Self::stop_lanes(slf, true),
            Action::SetupTimedOut => {
                slf.call_method1(intern!(py, "_act"), ("setup_timeout", 0, true)).map(drop)
            }
            Action::TimedOut(kind) => {
                slf.call_method1(intern!(py, "_act"), ("timeout", kind as u8, false)).map(drop)
            }
            Action::Finish(kind, arrived) => {
                slf.call_method1(intern!(py, "_act"), ("finish", kind as u8, arrived)).map(drop)
            }
        }
    }

    /// The control plane: every node hears of a cancel at once, whatever its neighbours do.
    fn stop_lanes(slf: &Bound<'_, Self>, system_too: bool) -> PyResult<()> {
        let py = slf.py();
        let Some(runner) = slf.get().runner(py) else { return Ok(()) };
        for (slot, processor) in slf.get().seated(py) {
            runner.get().scheduler(py, |scheduler| scheduler.halt(slot));
            Runner::cancel_suspended(processor.bind(py), Lane::Data)?;
            if system_too {
                Runner::cancel_suspended(processor.bind(py), Lane::System)?;
            }
        }
        Runner::clear_up(&runner)?;
        Runner::ensure_run(&runner)
    }

    fn set_timer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(runner) = slf.get().runner(py) else { return Ok(()) };
        let (deadline, old) = slf.get().state.with(py, |state| {
            let deadline = state.machine.deadline_ms();
            if state.timer.as_ref().map(|(at, _)| *at) == deadline {
                return (None, None);
            }
            (Some(deadline), state.timer.take())
        });
        let Some(deadline) = deadline else { return Ok(()) };
        if let Some((_, handle)) = old {
            handle.bind(py).call_method0("cancel")?;
        }
        if let Some(at) = deadline {
            let poll = slf.getattr(intern!(py, "_poll"))?;
            let handle = runner.get().loop_.bind(py).call_method1("call_at", (at as f64 / 1000.0, poll))?;
            slf.get().state.with(py, |state| state.timer = Some((at, handle.unbind())));
        }
        Ok(())
    }

    fn let_in(slf: &Bound<'_, Self>, object: &Bound<'_, PyAny>, direction: Direction) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let class = classes::class_of(object)?;
        if class.kind.is_terminal() {
            return Self::queue_terminal(slf, object, class, direction);
        }
        let admission = slf.get().state.with(py, |state| state.machine.admit(class.kind, 0));
        match admission {
            Admission::Enter => Self::enter(slf, object, class, direction),
            Admission::Hold => {
                slf.get().state.with(py, |state| state.held.push((object.clone().unbind(), direction)));
                crate::awaitable::ready(py)
            }
            Admission::Refuse => {
                slf.call_method1(intern!(py, "_refused"), (object,))?;
                crate::awaitable::ready(py)
            }
        }
    }

    #[cold]
    fn queue_terminal(
        slf: &Bound<'_, Self>,
        object: &Bound<'_, PyAny>,
        class: engine::Class,
        direction: Direction,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let Some(runner) = slf.get().runner(py) else {
            slf.get().state.with(py, |state| state.held.push((object.clone().unbind(), direction)));
            return crate::awaitable::ready(py);
        };
        let now = runner.get().loop_ms(py)?;
        let (admission, before) = slf.get().state.with(py, |state| {
            let before = state.machine.state();
            (state.machine.admit(class.kind, now), before)
        });
        let result = match admission {
            Admission::Enter => {
                slf.call_method1(intern!(py, "_ends_with"), (object,))?;
                Self::enter(slf, object, class, direction)?
            }
            Admission::Hold => {
                slf.get().state.with(py, |state| state.held.push((object.clone().unbind(), direction)));
                crate::awaitable::ready(py)?
            }
            Admission::Refuse => {
                let cancels = class.kind == Kind::Cancel && matches!(before, State::Running | State::Ending);
                if cancels {
                    slf.call_method1(intern!(py, "_ends_with"), (object,))?;
                } else {
                    slf.call_method1(intern!(py, "_refused"), (object,))?;
                }
                crate::awaitable::ready(py)?
            }
        };
        Self::carry_out(slf)?;
        Ok(result)
    }

    #[inline(always)]
    fn enter(
        slf: &Bound<'_, Self>,
        object: &Bound<'_, PyAny>,
        class: engine::Class,
        direction: Direction,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let place = slf.get().state.with(py, |state| {
            Some((state.runner.as_ref()?.clone_ref(py), Arc::clone(state.graph.as_ref()?)))
        });
        let Some((runner, graph)) = place else { return crate::awaitable::ready(py) };
        let frame = frame::wrap(object, class, direction, graph.entry_needs_id[direction as usize])?;
        let waits = Runner::enter(runner.bind(py), &graph, frame)?;
        if graph.tap.wants(class) {
            let direction = crate::direction::object(py, direction);
            slf.call_method1(intern!(py, "_entered"), (object, direction))?;
        }
        Ok(waits)
    }
}

#[pymethods]
impl TaskBase {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            state: GilCell::new(TaskState {
                runner: None,
                graph: None,
                seated: Vec::new(),
                machine: TaskMachine::new(DEFAULT_LIMITS),
                held: Vec::new(),
                reached: [None, None],
                timer: None,
                noted: 0,
            }),
        }
    }

    /// Set the limits of its waits, in seconds. Before it runs.
    fn _limits(&self, py: Python<'_>, setup: f64, start: f64, end: f64, cancel: f64) {
        let ms = |seconds: f64| (seconds.max(0.0) * 1000.0) as u64;
        let limits =
            Limits { setup_ms: ms(setup), start_ms: ms(start), end_ms: ms(end), cancel_ms: ms(cancel) };
        self.state.with(py, |state| state.machine = TaskMachine::new(limits));
    }

    /// Seat the processors of a layout on a loop and build the graph.
    fn _open(
        slf: &Bound<'_, Self>,
        loop_: &Bound<'_, PyAny>,
        layout: &Bound<'_, PyAny>,
        bound: usize,
    ) -> PyResult<()> {
        let py = slf.py();
        let runner = Runner::of_loop(loop_)?;
        let mut reader = Reader { runner: &runner, task: slf, bound, seated: Vec::new() };
        let read = reader.read(layout);
        let seated = reader.seated;
        let layout = match read {
            Ok(layout) => layout,
            Err(error) => {
                // Whoever was seated before the mistake stands up again.
                for (slot, processor) in &seated {
                    let seat = runner.get().scheduler(py, |scheduler| scheduler.unseat(*slot));
                    drop(seat);
                    processor.get().unbind_from_task(py);
                }
                return Err(error);
            }
        };
        let number = runner.get().scheduler(py, engine::Scheduler::reserve_graph);
        let graph = Graph::build(number, layout, Arc::clone(&runner.get().inbox));
        runner.get().scheduler(py, |scheduler| scheduler.adopt(&graph));
        runner.get().enlist(py, number, slf.clone().unbind());
        set_direct_neighbours(py, runner.get(), &graph, &seated)?;
        slf.get().state.with(py, |state| {
            state.runner = Some(runner.clone().unbind());
            state.graph = Some(Arc::clone(&graph));
            state.seated =
                seated.iter().map(|(slot, processor)| (*slot, processor.clone().unbind())).collect();
        });
        slf.get().tell_what_is_wanted_outside(py);
        for (_, processor) in &seated {
            ProcessorBase::deliver_early(processor)?;
        }
        Ok(())
    }

    /// Each node's name, and its processor if Python knows one: for `_hop`.
    fn _nodes(&self, py: Python<'_>) -> Vec<(String, Option<Py<ProcessorBase>>)> {
        self.state.with(py, |state| {
            let Some(graph) = &state.graph else { return Vec::new() };
            let processor_in = |seat: &engine::Seat<Asyncio>| match seat {
                engine::Seat::Slot(slot) => {
                    let found = state.seated.iter().find(|(seated, _)| seated == slot);
                    found.map(|(_, processor)| processor.clone_ref(py))
                }
                _ => None,
            };
            graph.nodes.iter().map(|node| (node.name.to_string(), processor_in(&node.seat))).collect()
        })
    }

    /// The first and the last node; `None` where the graph is empty.
    fn _edge_nodes(&self, py: Python<'_>) -> (Option<u32>, Option<u32>) {
        let node = |link: Link| match link {
            Link::Node(index) => Some(index),
            Link::Edge(_) | Link::End => None,
        };
        self.state.with(py, |state| match &state.graph {
            Some(graph) => (node(graph.entry), node(graph.exit)),
            None => (None, None),
        })
    }

    /// Begin: the start frame goes in, each processor takes it when it is set up.
    fn _begin(slf: &Bound<'_, Self>, start: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let Some(runner) = slf.get().runner(py) else {
            return Err(PyRuntimeError::new_err("the task is not open"));
        };
        let now = runner.get().loop_ms(py)?;
        slf.get().state.with(py, |state| state.machine.begin(now));
        let class = classes::class_of(start)?;
        Self::enter(slf, start, class, Direction::Downstream)?;
        Self::carry_out(slf)
    }

    /// All processors are set up.
    fn _all_set_up(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(runner) = slf.get().runner(py) else { return Ok(()) };
        let now = runner.get().loop_ms(py)?;
        slf.get().state.with(py, |state| state.machine.set_up(now));
        Self::carry_out(slf)
    }

    /// Let a frame in behind those before it.
    #[pyo3(signature = (frame, direction=None))]
    fn queue_frame(
        slf: &Bound<'_, Self>,
        frame: &Bound<'_, PyAny>,
        direction: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let elsewhere = slf
            .get()
            .state
            .with(py, |state| state.runner.as_ref().is_some_and(|r| r.get().thread != this_thread()));
        if elsewhere {
            return Ok(slf.call_method1(intern!(py, "_queue_from_thread"), (frame, direction))?.unbind());
        }
        Self::let_in(slf, frame, crate::direction::from_argument(direction)?)
    }

    /// Let several frames in; the awaitable of the last one that has to wait.
    fn _queue_all(
        slf: &Bound<'_, Self>,
        frames: &Bound<'_, PyAny>,
        direction: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let direction = crate::direction::from_argument(Some(direction))?;
        let ready = crate::awaitable::ready(py)?;
        let mut waits = ready.clone_ref(py);
        for frame in frames.try_iter()? {
            let one = Self::let_in(slf, &frame?, direction)?;
            if !one.is(&ready) {
                waits = one;
            }
        }
        Ok(waits)
    }

    /// Let a frame in at once, whatever the state: interruptions, heartbeats, the cancel frame.
    fn _enter(slf: &Bound<'_, Self>, frame: &Bound<'_, PyAny>, direction: &Bound<'_, PyAny>) -> PyResult<()> {
        let class = classes::class_of(frame)?;
        Self::enter(slf, frame, class, crate::direction::from_argument(Some(direction))?).map(drop)
    }

    /// Cancel, in whatever state.
    fn _cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let now = match slf.get().runner(py) {
            Some(runner) => runner.get().loop_ms(py)?,
            None => 0,
        };
        slf.get().state.with(py, |state| state.machine.cancel(now));
        Self::carry_out(slf)
    }

    /// Work goes on that no frame shows: audio is being played. It keeps an end from timing out.
    fn _note_progress(&self, py: Python<'_>) {
        self.state.with(py, |state| state.noted = state.noted.wrapping_add(1));
    }

    /// A deadline has come.
    fn _poll(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(runner) = slf.get().runner(py) else { return Ok(()) };
        let now = runner.get().loop_ms(py)?;
        let spent = slf.get().state.with(py, |state| {
            let (noted, seated) = (state.noted, &state.seated);
            let nearer = runner.get().scheduler(py, |scheduler| {
                seated.iter().map(|(slot, _)| scheduler.nearness_of_end(*slot)).fold(noted, u64::wrapping_add)
            });
            let moved = seated.iter().filter_map(|(_, p)| p.get().gauge(py)).map(|g| g.processed()).sum();
            state.machine.poll(now, Progress { nearer, moved });
            state.timer.take()
        });
        drop(spent);
        Self::carry_out(slf)
    }

    /// created, starting, running, ending, cancelling or finished.
    #[getter]
    fn _state(&self, py: Python<'_>) -> &'static str {
        match self.state.with(py, |state| state.machine.state()) {
            State::Created => "created",
            State::Starting => "starting",
            State::Running => "running",
            State::Ending => "ending",
            State::Cancelling => "cancelling",
            State::Finished => "finished",
        }
    }

    /// Which classes to report at the sink and at the source.
    fn _report_reached(
        &self,
        py: Python<'_>,
        down: &Bound<'_, PyTuple>,
        up: &Bound<'_, PyTuple>,
    ) -> PyResult<()> {
        let interest = |classes: &Bound<'_, PyTuple>| match classes.is_empty() {
            true => Ok(None),
            false => classes::interest_in(classes).map(Some),
        };
        let reached = [interest(down)?, interest(up)?];
        self.state.with(py, |state| state.reached = reached);
        self.tell_what_is_wanted_outside(py);
        Ok(())
    }

    /// Which classes observers want to hear of: `None` for all, an empty tuple for none.
    fn _listen(&self, py: Python<'_>, wanted: Option<&Bound<'_, PyTuple>>) -> PyResult<()> {
        let graph = self.state.with(py, |state| state.graph.as_ref().map(Arc::clone));
        let Some(graph) = graph else { return Ok(()) };
        match wanted {
            None => {
                graph.tap.set_everything(true);
                graph.tap.set_active(true);
            }
            Some(classes) => {
                graph.tap.set_everything(false);
                graph.tap.set_active(!classes.is_empty());
                classes::extend(classes, &graph.tap.classes)?;
            }
        }
        Ok(())
    }

    /// Processors whose callback still hangs.
    fn _hanging(&self, py: Python<'_>) -> Vec<Py<ProcessorBase>> {
        let seated = self.seated(py);
        seated
            .into_iter()
            .filter(|(_, processor)| {
                [Lane::System, Lane::Data].iter().any(|&lane| processor.get().suspended(py, lane).is_some())
            })
            .map(|(_, processor)| processor)
            .collect()
    }

    /// Cancel every callback that still hangs.
    fn _cancel_hanging(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::stop_lanes(slf, true)
    }

    /// Whether frames wait for processors.
    fn _has_waiting(&self, py: Python<'_>) -> bool {
        let waits = |lane| move |gauge: &Arc<engine::Gauge>| gauge.read(lane).depth > 0;
        self.seated(py)
            .iter()
            .filter_map(|(_, p)| p.get().gauge(py))
            .any(|gauge| [Lane::System, Lane::Data].into_iter().any(|lane| waits(lane)(&gauge)))
    }

    /// Let no more frames in to any processor: clean-up begins.
    fn _shut(&self, py: Python<'_>) {
        let Some(runner) = self.runner(py) else { return };
        for (slot, _) in self.seated(py) {
            runner.get().scheduler(py, |scheduler| scheduler.close_slot(slot));
        }
    }

    /// Let go of processors and graph. Never fails half-way.
    fn _close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let (runner, graph, seated, timer, held) = slf.get().state.with(py, |state| {
            (
                state.runner.take(),
                state.graph.take(),
                std::mem::take(&mut state.seated),
                state.timer.take(),
                std::mem::take(&mut state.held),
            )
        });
        if let Some((_, handle)) = timer {
            handle.bind(py).call_method0("cancel")?;
        }
        let Some(runner) = runner else { return Ok(()) };
        let runner = runner.bind(py);
        for (slot, processor) in seated {
            let seat = runner.get().scheduler(py, |scheduler| scheduler.unseat(slot));
            drop(seat);
            processor.get().unbind_from_task(py);
        }
        drop(held);
        match graph {
            Some(graph) => Runner::discharge(runner, graph.number),
            None => Ok(()),
        }
    }

    /// Each node: who holds what for how long. From any thread.
    fn _snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let graph = self.state.with(py, |state| state.graph.as_ref().map(Arc::clone));
        let nodes = PyList::empty(py);
        let Some(graph) = graph else { return Ok(nodes) };
        let now = now_ms();
        for node in &graph.nodes {
            let entry = PyDict::new(py);
            entry.set_item("name", &*node.name)?;
            entry.set_item("native", !matches!(node.seat, engine::Seat::Slot(_)))?;
            entry.set_item("processed", node.gauge.processed())?;
            for (lane, label) in [(Lane::System, "system"), (Lane::Data, "data")] {
                let reading = node.gauge.read(lane);
                let seconds = |since: u32| f64::from(now.wrapping_sub(since)) / 1000.0;
                let part = PyDict::new(py);
                part.set_item("depth", reading.depth)?;
                part.set_item("age", if reading.depth > 0 { seconds(reading.oldest_ms) } else { 0.0 })?;
                part.set_item("frame", reading.in_hand.map(|class| classes::class_name(py, class)))?;
                part.set_item("held_for", reading.in_hand.map_or(0.0, |_| seconds(reading.since_ms)))?;
                entry.set_item(label, part)?;
            }
            nodes.append(entry)?;
        }
        Ok(nodes)
    }

    /// Steps and hops of this task's loop, and frames processed in this task.
    fn _figures(&self, py: Python<'_>) -> (u64, u64, u64) {
        let Some(runner) = self.runner(py) else { return (0, 0, 0) };
        let (steps, hops) = runner.get().scheduler(py, |scheduler| scheduler.counts());
        let processed =
            self.seated(py).iter().filter_map(|(_, p)| p.get().gauge(py)).map(|g| g.processed()).sum();
        (steps, hops, processed)
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        let Some(state) = self.state.peek() else { return Ok(()) };
        visit.call(&state.runner)?;
        for (_, processor) in &state.seated {
            visit.call(processor)?;
        }
        for (frame, _) in &state.held {
            visit.call(frame)?;
        }
        if let Some((_, timer)) = &state.timer {
            visit.call(timer)?;
        }
        Ok(())
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        let dead = slf.get().state.with(slf.py(), |state| {
            (
                state.runner.take(),
                std::mem::take(&mut state.seated),
                std::mem::take(&mut state.held),
                state.timer.take(),
            )
        });
        drop(dead);
    }
}

/// Processors in direct mode run inside their neighbours' awaits.
fn set_direct_neighbours(
    py: Python<'_>,
    runner: &Runner,
    graph: &Graph,
    seated: &[(u32, Bound<'_, ProcessorBase>)],
) -> PyResult<()> {
    let processor_at = |link: Link| match link {
        Link::Node(index) => match graph.nodes[index as usize].seat {
            engine::Seat::Slot(slot) => seated.iter().find(|(s, _)| *s == slot).map(|(_, p)| p),
            _ => None,
        },
        Link::Edge(_) | Link::End => None,
    };
    let is_direct = |processor: &Bound<'_, ProcessorBase>| {
        let flag = processor.getattr(intern!(py, "_enable_direct_mode"));
        flag.is_ok_and(|flag| flag.is_truthy().unwrap_or(false))
    };
    for (slot, processor) in seated {
        if is_direct(processor) {
            runner.scheduler(py, |scheduler| scheduler.set_direct(*slot));
        }
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let Some(processor) = processor_at(Link::Node(index as u32)) else { continue };
        for (direction, link) in [(Direction::Downstream, node.next), (Direction::Upstream, node.previous)] {
            if let Some(neighbour) = processor_at(link)
                && is_direct(neighbour)
            {
                processor.get().set_direct(py, direction, Some(neighbour.clone().unbind()));
                if let engine::Seat::Slot(slot) = node.seat {
                    runner.scheduler(py, |scheduler| scheduler.handle_everything(slot));
                }
            }
        }
    }
    Ok(())
}
