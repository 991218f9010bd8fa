//! Whether what is served already comes late: measured, over the last seconds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::lateness::{Lateness, LatenessCounts};

/// How far back is looked.
const WINDOW: Duration = Duration::from_secs(5);
/// A look is kept this often.
const LOOK: Duration = Duration::from_secs(1);
/// Chunks that say something: a second of four calls.
const ENOUGH: u64 = 200;

/// Above this, nobody new is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverloadLimits {
    /// The lateness that one chunk of output in a hundred may exceed. `None`: any.
    pub output_lateness: Option<Duration>,
    /// How long every loop may take to answer. `None`: any time.
    pub loop_delay: Option<Duration>,
}

impl Default for OverloadLimits {
    fn default() -> Self {
        Self {
            output_lateness: Some(Duration::from_millis(20)),
            loop_delay: Some(Duration::from_millis(500)),
        }
    }
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// Audio goes out late.
    Output(Duration),
    /// No loop answers in time.
    Loops(Duration),
}

/// Output lateness in a sliding window.
pub(super) struct Recent {
    looks: VecDeque<(Instant, LatenessCounts)>,
    p99: Duration,
    chunks: u64,
}

impl Recent {
    pub(super) fn new(lateness: &Lateness, now: Instant) -> Self {
        Self { looks: VecDeque::from([(now, lateness.counts())]), p99: Duration::ZERO, chunks: 0 }
    }

    /// Look again.
    pub(super) fn look(&mut self, lateness: &Lateness, now: Instant) {
        let counts = lateness.counts();
        let is_old = |looks: &VecDeque<(Instant, LatenessCounts)>| {
            looks.get(1).is_some_and(|(when, _)| now.saturating_duration_since(*when) >= WINDOW)
        };
        while is_old(&self.looks) {
            self.looks.pop_front();
        }
        if let Some((_, earliest)) = self.looks.front() {
            let recent = counts.since(earliest);
            (self.p99, self.chunks) = (recent.quantile(0.99), recent.count());
        }
        if self.looks.back().is_none_or(|(when, _)| now.saturating_duration_since(*when) >= LOOK) {
            self.looks.push_back((now, counts));
        }
    }

    /// What one chunk in a hundred exceeded.
    pub(super) fn p99(&self) -> Duration {
        self.p99
    }

    /// What is too much, if something is. `loop_delay`: of the loop that answers soonest.
    pub(super) fn overload(&self, limits: &OverloadLimits, loop_delay: Duration) -> Option<Overload> {
        if self.chunks >= ENOUGH && limits.output_lateness.is_some_and(|limit| self.p99 > limit) {
            return Some(Overload::Output(self.p99));
        }
        if limits.loop_delay.is_some_and(|limit| loop_delay > limit) {
            return Some(Overload::Loops(loop_delay));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn record(lateness: &Lateness, chunks: usize, late: Duration) {
        (0..chunks).for_each(|_| lateness.record(late));
    }

    #[test]
    fn late_output_is_overload_for_as_long_as_it_is_recent() {
        let (lateness, limits, start) = (Lateness::default(), OverloadLimits::default(), Instant::now());
        let mut recent = Recent::new(&lateness, start);
        record(&lateness, 500, Duration::from_millis(2));
        recent.look(&lateness, start + SECOND);
        assert_eq!(recent.overload(&limits, Duration::ZERO), None);
        record(&lateness, 20, Duration::from_millis(60));
        recent.look(&lateness, start + 2 * SECOND);
        assert!(matches!(recent.overload(&limits, Duration::ZERO), Some(Overload::Output(_))));
        for second in 3..12 {
            record(&lateness, 200, Duration::from_millis(2));
            recent.look(&lateness, start + second * SECOND);
        }
        assert_eq!(recent.overload(&limits, Duration::ZERO), None);
    }

    #[test]
    fn a_few_late_chunks_alone_say_nothing() {
        let (lateness, start) = (Lateness::default(), Instant::now());
        let mut recent = Recent::new(&lateness, start);
        record(&lateness, 20, SECOND);
        recent.look(&lateness, start + SECOND);
        assert_eq!(recent.overload(&OverloadLimits::default(), Duration::ZERO), None);
    }

    #[test]
    fn loops_that_do_not_answer_are_overload_unless_any_delay_is_allowed() {
        let recent = Recent::new(&Lateness::default(), Instant::now());
        assert_eq!(recent.overload(&OverloadLimits::default(), SECOND), Some(Overload::Loops(SECOND)));
        let any = OverloadLimits { output_lateness: None, loop_delay: None };
        assert_eq!(recent.overload(&any, SECOND), None);
    }
}
