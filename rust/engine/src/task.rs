//! A task's life: a state machine with deadlines, no clock and no I/O.
//!
//! created → starting → running → ending | cancelling → finished. Whoever drives it tells it what
//! happened and when, carries out the [`Action`]s, and calls [`TaskMachine::poll`] at the deadline it
//! names. No wait is without an end, and [`Action::Finish`] comes exactly once.

use crate::frame::Kind;

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not run yet.
    Created,
    /// Processors are being set up, or the start frame is on its way.
    Starting,
    /// The start frame has reached the sink.
    Running,
    /// An end or stop frame is on its way behind all data.
    Ending,
    /// A cancel frame is on its way.
    Cancelling,
    /// Over.
    Finished,
}

/// What a queued frame's fate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Keep it until the start frame has reached the sink.
    Hold,
    /// Let it into the pipeline.
    Enter,
    /// The pipeline takes no more.
    Refuse,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The start frame has reached the sink: let held frames in, and tell.
    Started,
    /// Stop every node's data lane and let a cancel frame in.
    PushCancel,
    /// A frame of this kind did not arrive in time: tell.
    TimedOut(Kind),
    /// Setting up took too long: tell.
    SetupTimedOut,
    /// Cancel the system callbacks that hang too, as a last means.
    Force,
    /// The task is over. With which frame's kind; whether that frame did arrive.
    Finish(Kind, bool),
}

/// How long each wait may take, in ms.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Setting all processors up.
    pub setup_ms: u64,
    /// The start frame's way to the sink.
    pub start_ms: u64,
    /// An end that comes no nearer.
    pub end_ms: u64,
    /// The cancel frame's way to the sink.
    pub cancel_ms: u64,
}

impl Limits {
    /// Between two looks at an end.
    fn look_ms(self) -> u64 {
        self.end_ms.div_ceil(u64::from(LOOKS)).max(1)
    }
}

/// Into how many looks the time of an end without progress is divided.
const LOOKS: u8 = 4;
/// Looks without the end coming nearer before it is given up, though frames move somewhere: they
/// may be an answer that is still being made, or audio that would come for ever.
const LOOKS_WHILE_MOVING: u8 = 5 * LOOKS;

/// What shows that a task is not stuck. Only whether it changes matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where the terminal frame is, and what waits ahead of it.
    pub nearer: u64,
    /// Frames processed anywhere.
    pub moved: u64,
}

/// The state machine.
#[derive(Debug)]
pub struct TaskMachine {
    state: State,
    limits: Limits,
    deadline_ms: Option<u64>,
    set_up: bool,
    /// The terminal frame under way.
    terminal: Option<Kind>,
    progress: Progress,
    /// Looks in a row without the end coming nearer, and without any frame moving.
    looks: [u8; 2],
    forced: bool,
    actions: Vec<Action>,
}

impl TaskMachine {
    /// A task that has not run.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            state: State::Created,
            limits,
            deadline_ms: None,
            set_up: false,
            terminal: None,
            progress: Progress::default(),
            looks: [0; 2],
            forced: false,
            actions: Vec::new(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// When to call [`TaskMachine::poll`] next.
    #[must_use]
    pub fn deadline_ms(&self) -> Option<u64> {
        self.deadline_ms
    }

    /// What is to be done, in order.
    #[must_use]
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Run begins: processors are set up and the start frame is let in.
    pub fn begin(&mut self, now_ms: u64) {
        if self.state == State::Created {
            self.state = State::Starting;
            self.deadline_ms = Some(now_ms + self.limits.setup_ms);
        }
    }

    /// All processors are set up: from now on the start frame's own time counts.
    pub fn set_up(&mut self, now_ms: u64) {
        self.set_up = true;
        if self.state == State::Starting {
            self.deadline_ms = Some(now_ms + self.limits.start_ms);
        }
    }

    /// Whether a frame of this kind may enter now.
    pub fn admit(&mut self, kind: Kind, now_ms: u64) -> Admission {
        match self.state {
            State::Created | State::Starting => Admission::Hold,
            State::Running => {
                if kind == Kind::Cancel {
                    self.cancel(now_ms);
                    return Admission::Refuse; // the machine lets one in by itself
                }
                if kind.is_terminal() {
                    self.state = State::Ending;
                    self.terminal = Some(kind);
                    self.deadline_ms = Some(now_ms + self.limits.look_ms());
                }
                Admission::Enter
            }
            State::Ending if kind == Kind::Cancel => {
                self.cancel(now_ms);
                Admission::Refuse
            }
            // An interruption gets through while an end drains.
            State::Ending if kind == Kind::Interruption => Admission::Enter,
            State::Ending | State::Cancelling | State::Finished => Admission::Refuse,
        }
    }

    /// A lifecycle frame has reached the sink.
    pub fn arrived(&mut self, kind: Kind) {
        match (self.state, kind) {
            (State::Starting, Kind::Start) => {
                self.state = State::Running;
                self.deadline_ms = None;
                self.actions.push(Action::Started);
            }
            (State::Ending, kind) if self.terminal == Some(kind) => self.finish(kind, true),
            (State::Cancelling, Kind::Cancel) => self.finish(Kind::Cancel, true),
            _ => {}
        }
    }

    /// Cancel, in whatever state.
    pub fn cancel(&mut self, now_ms: u64) {
        match self.state {
            // Nothing was let in but the start frame: there is nothing to drain.
            State::Created | State::Starting => self.finish(Kind::Cancel, false),
            State::Running | State::Ending => {
                self.state = State::Cancelling;
                self.terminal = Some(Kind::Cancel);
                // Half of the time for good will, then by force.
                self.deadline_ms = Some(now_ms + self.limits.cancel_ms / 2);
                self.actions.push(Action::PushCancel);
            }
            State::Cancelling | State::Finished => {}
        }
    }

    /// The moment is `now_ms`.
    pub fn poll(&mut self, now_ms: u64, progress: Progress) {
        let Some(deadline_ms) = self.deadline_ms else { return };
        if now_ms < deadline_ms {
            return;
        }
        match self.state {
            State::Starting if !self.set_up => {
                self.actions.push(Action::SetupTimedOut);
                self.cancel(now_ms);
            }
            State::Starting => {
                self.actions.push(Action::TimedOut(Kind::Start));
                self.cancel(now_ms);
            }
            State::Ending => {
                let nearer = progress.nearer != self.progress.nearer;
                let moved = nearer || progress.moved != self.progress.moved;
                self.progress = progress;
                for (looks, progressed) in self.looks.iter_mut().zip([nearer, moved]) {
                    *looks = if progressed { 0 } else { *looks + 1 };
                }
                if self.looks[0] < LOOKS_WHILE_MOVING && self.looks[1] < LOOKS {
                    self.deadline_ms = Some(now_ms + self.limits.look_ms());
                } else {
                    self.actions.push(Action::TimedOut(self.terminal.unwrap_or(Kind::End)));
                    self.cancel(now_ms);
                }
            }
            State::Cancelling if !self.forced => {
                self.forced = true;
                self.deadline_ms = Some(now_ms + self.limits.cancel_ms.div_ceil(2));
                self.actions.push(Action::Force);
            }
            State::Cancelling => {
                self.actions.push(Action::TimedOut(Kind::Cancel));
                self.finish(Kind::Cancel, false);
            }
            State::Created | State::Running | State::Finished => self.deadline_ms = None,
        }
    }

    fn finish(&mut self, kind: Kind, arrived: bool) {
        self.state = State::Finished;
        self.deadline_ms = None;
        self.actions.push(Action::Finish(kind, arrived));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { setup_ms: 20, start_ms: 20, end_ms: 52, cancel_ms: 10 };

    fn running() -> TaskMachine {
        let mut machine = TaskMachine::new(LIMITS);
        machine.begin(0);
        machine.set_up(0);
        machine.arrived(Kind::Start);
        assert_eq!(machine.take_actions(), [Action::Started]);
        machine
    }

    #[test]
    fn frames_wait_for_the_start_and_none_follow_the_end() {
        let mut machine = TaskMachine::new(LIMITS);
        assert_eq!(machine.admit(Kind::Other, 0), Admission::Hold);
        let mut machine = running();
        assert_eq!(machine.admit(Kind::End, 1), Admission::Enter);
        assert_eq!(machine.admit(Kind::Other, 1), Admission::Refuse);
        assert_eq!(machine.admit(Kind::Interruption, 1), Admission::Enter);
        machine.arrived(Kind::End);
        assert_eq!(machine.take_actions(), [Action::Finish(Kind::End, true)]);
    }

    #[test]
    fn a_cancel_gets_through_an_end_that_is_stuck() {
        let mut machine = running();
        machine.admit(Kind::End, 0);
        machine.cancel(1);
        assert_eq!(machine.take_actions(), [Action::PushCancel]);
        machine.arrived(Kind::Cancel);
        assert_eq!(machine.take_actions(), [Action::Finish(Kind::Cancel, true)]);
    }

    /// Look until the end is given up, or often enough to believe that it is not.
    fn give_up(machine: &mut TaskMachine, mut progress: impl FnMut(u64) -> Progress) -> Option<u64> {
        for look in 0..100 {
            let deadline = machine.deadline_ms().unwrap();
            machine.poll(deadline, progress(look));
            if machine.state() != State::Ending {
                return Some(deadline);
            }
        }
        None
    }

    #[test]
    fn an_end_that_comes_nearer_is_not_cut_off() {
        let mut machine = running();
        machine.admit(Kind::End, 0);
        assert_eq!(give_up(&mut machine, |look| Progress { nearer: look, moved: 0 }), None);
    }

    #[test]
    fn an_end_that_is_stuck_is_given_up_in_its_time() {
        let mut machine = running();
        machine.admit(Kind::End, 0);
        let given_up = give_up(&mut machine, |_| Progress { nearer: 1, moved: 1 });
        assert_eq!(given_up, Some(LIMITS.end_ms + LIMITS.look_ms()), "what came before counts once");
        assert_eq!(machine.take_actions(), [Action::TimedOut(Kind::End), Action::PushCancel]);
    }

    #[test]
    fn an_end_that_is_stuck_while_frames_move_is_given_up_later() {
        let mut machine = running();
        machine.admit(Kind::End, 0);
        let given_up = give_up(&mut machine, |look| Progress { nearer: 1, moved: look });
        assert_eq!(given_up, Some(5 * LIMITS.end_ms + LIMITS.look_ms()));
    }

    #[test]
    fn a_cancel_that_nobody_answers_is_forced_and_then_over() {
        let mut machine = running();
        machine.cancel(0);
        machine.poll(5, Progress::default());
        machine.poll(10, Progress::default());
        assert_eq!(
            machine.take_actions(),
            [
                Action::PushCancel,
                Action::Force,
                Action::TimedOut(Kind::Cancel),
                Action::Finish(Kind::Cancel, false)
            ]
        );
    }

    proptest! {
        /// Whatever happens in whatever order, once cancelled and polled the task is over, once.
        #[test]
        fn every_task_finishes_exactly_once(events in proptest::collection::vec(0u8..9, 0..60)) {
            let mut machine = TaskMachine::new(LIMITS);
            let (mut now, mut finished) = (0, 0);
            let mut count = |machine: &mut TaskMachine| {
                finished += machine.take_actions().iter().filter(|a| matches!(a, Action::Finish(..))).count();
            };
            for event in events {
                now += 7;
                match event {
                    0 => machine.begin(now),
                    1 => machine.set_up(now),
                    2 => machine.arrived(Kind::Start),
                    3 => { machine.admit(Kind::End, now); }
                    4 => { machine.admit(Kind::Other, now); }
                    5 => machine.arrived(Kind::End),
                    6 => machine.cancel(now),
                    7 => machine.arrived(Kind::Cancel),
                    _ => machine.poll(now, Progress::default()),
                }
                count(&mut machine);
            }
            machine.cancel(now);
            for _ in 0..3 {
                if let Some(deadline) = machine.deadline_ms() {
                    machine.poll(deadline, Progress::default());
                }
            }
            count(&mut machine);
            prop_assert_eq!(machine.state(), State::Finished);
            prop_assert_eq!(finished, 1);
        }
    }
}
