//! From windows that speak or not to what the voice does.

use super::VadParams;

/// What the voice does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VadState {
    /// There is none.
    #[default]
    Quiet,
    /// It may have begun.
    Starting,
    /// It is there.
    Speaking,
    /// It may have ended.
    Stopping,
}

/// Follows windows, and settles what they mean once a piece of audio is over: a pause that ends
/// within the piece ends no speech.
#[derive(Debug, Clone)]
pub struct VadStateMachine {
    state: VadState,
    windows_in_state: u32,
    start_windows: u32,
    stop_windows: u32,
}

impl VadStateMachine {
    /// Makes a machine for windows of so many seconds. It is quiet.
    #[must_use]
    pub fn new(params: &VadParams, window_secs: f64) -> Self {
        let windows = |secs: f64| (secs / window_secs).round_ties_even() as u32;
        Self {
            state: VadState::Quiet,
            windows_in_state: 0,
            start_windows: windows(params.start_secs),
            stop_windows: windows(params.stop_secs),
        }
    }

    /// What the voice does.
    #[must_use]
    pub fn state(&self) -> VadState {
        self.state
    }

    /// Takes a window in.
    pub fn follow(&mut self, speaks: bool) {
        use VadState::{Quiet, Speaking, Starting, Stopping};
        match (self.state, speaks) {
            (Quiet, true) => self.begin(Starting),
            (Speaking, false) => self.begin(Stopping),
            (Starting, true) | (Stopping, false) => self.windows_in_state += 1,
            (Starting, false) => self.state = Quiet,
            (Stopping, true) => self.state = Speaking,
            (Quiet, false) | (Speaking, true) => {}
        }
    }

    fn begin(&mut self, state: VadState) {
        self.state = state;
        self.windows_in_state = 1;
    }

    /// Lets what has lasted long enough count, and returns what the voice does.
    pub fn settle(&mut self) -> VadState {
        match self.state {
            VadState::Starting if self.windows_in_state >= self.start_windows => {
                self.state = VadState::Speaking;
            }
            VadState::Stopping if self.windows_in_state >= self.stop_windows => self.state = VadState::Quiet,
            _ => {}
        }
        self.state
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const WINDOW_SECS: f64 = 0.032;

    fn machine(start: u32, stop: u32) -> VadStateMachine {
        let params = VadParams {
            start_secs: f64::from(start) * WINDOW_SECS,
            stop_secs: f64::from(stop) * WINDOW_SECS,
            ..VadParams::default()
        };
        VadStateMachine::new(&params, WINDOW_SECS)
    }

    /// What the voice does after windows that are settled one by one, from their last run alone:
    /// whether it speaks turns over when a run of the other kind is long enough.
    fn model(windows: &[bool], start: usize, stop: usize) -> VadState {
        let mut speaking = false;
        let mut run = 0;
        for (index, &speaks) in windows.iter().enumerate() {
            run = if index > 0 && windows[index - 1] == speaks { run + 1 } else { 1 };
            let enough = if speaking { stop } else { start };
            if speaks != speaking && run >= enough.max(1) {
                speaking = speaks;
            }
        }
        match (speaking, windows.last().copied().unwrap_or(false)) {
            (false, false) => VadState::Quiet,
            (false, true) => VadState::Starting,
            (true, true) => VadState::Speaking,
            (true, false) => VadState::Stopping,
        }
    }

    proptest! {
        #[test]
        fn windows_settled_one_by_one_do_what_their_runs_say(
            windows in vec(any::<bool>(), 0..60), start in 0_u32..6, stop in 0_u32..6,
        ) {
            let mut machine = machine(start, stop);
            for (index, &speaks) in windows.iter().enumerate() {
                machine.follow(speaks);
                machine.settle();
                let expected = model(&windows[..=index], start as usize, stop as usize);
                prop_assert_eq!(machine.state(), expected);
            }
        }

        #[test]
        fn a_piece_of_several_windows_turns_over_at_most_once(
            pieces in vec(vec(any::<bool>(), 1..9), 0..20), start in 0_u32..6, stop in 0_u32..6,
        ) {
            let mut machine = machine(start, stop);
            let mut counts = VadState::Quiet;
            for piece in pieces {
                piece.iter().for_each(|&speaks| machine.follow(speaks));
                let run = piece.iter().rev().take_while(|&&speaks| speaks == piece[piece.len() - 1]).count();
                let settled = machine.settle();
                if matches!(settled, VadState::Speaking | VadState::Quiet) && settled != counts {
                    // Its end says so, and said so for long enough if that was in one piece.
                    let speaks = settled == VadState::Speaking;
                    prop_assert_eq!(piece[piece.len() - 1], speaks);
                    let enough = if speaks { start } else { stop } as usize;
                    prop_assert!(run >= enough || run == piece.len());
                    counts = settled;
                }
            }
        }
    }

    #[test]
    fn a_number_of_windows_in_the_middle_goes_to_the_even_one() {
        // 0.2 s are 6.25 windows; 0.08 s are 2.5, and 0.112 s 3.5.
        for (secs, windows) in [(0.2, 6), (0.08, 2), (0.112, 4)] {
            let params = VadParams { start_secs: secs, ..VadParams::default() };
            let mut machine = VadStateMachine::new(&params, WINDOW_SECS);
            let needed = (1..).find(|_| {
                machine.follow(true);
                machine.settle() == VadState::Speaking
            });
            assert_eq!(needed, Some(windows), "{secs}");
        }
    }
}
