use super::VadRate;

const RESET_SECS: u64 = 2;
const RESET_CONFIDENCE: f32 = 0.1;
const RESET_WINDOWS: u32 = 5;

/// When a network should forget what it heard.
///
/// What is no speech shifts Silero's state so that it under-reports the speech after it: music
/// strongly, long silence at 8 kHz too. So it forgets now and then, but only where that cannot cost
/// a word: while it is quiet and a run of windows was clearly no speech.
#[derive(Debug, Clone, Default)]
pub struct ResetRule {
    windows: u64,
    quiet_windows: u32,
}

impl ResetRule {
    /// Takes a window's confidence in, and says whether to forget.
    pub fn heard(&mut self, rate: VadRate, confidence: f32, is_quiet: bool) -> bool {
        self.windows += 1;
        self.quiet_windows = if confidence < RESET_CONFIDENCE { self.quiet_windows + 1 } else { 0 };
        let is_due = self.windows * rate.window() as u64 >= RESET_SECS * u64::from(rate.hz());
        let forgets = is_due && is_quiet && self.quiet_windows >= RESET_WINDOWS;
        if forgets {
            self.windows = 0;
        }
        forgets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_after_two_seconds_of_clear_silence() {
        let mut rule = ResetRule::default();
        let forgot: Vec<u32> = (1..=130).filter(|_| rule.heard(VadRate::Wide, 0.05, true)).collect();
        assert_eq!(forgot, [63, 126], "62.5 windows are two seconds");
    }

    #[test]
    fn it_waits_for_a_run_of_silence_and_for_the_end_of_speech() {
        let mut rule = ResetRule::default();
        assert!((0..80).all(|_| !rule.heard(VadRate::Narrow, 0.2, true)));
        assert!((0..6).all(|_| !rule.heard(VadRate::Narrow, 0.0, false)), "somebody may speak");
        assert!(rule.heard(VadRate::Narrow, 0.0, true));
        assert!((0..60).all(|_| !rule.heard(VadRate::Narrow, 0.0, true)));
    }
}
