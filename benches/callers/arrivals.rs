//! When the bot's answers arrive, beside when a listener without any buffer needs them.

use std::time::{Duration, Instant};

/// An answer counts as whole when no more than this is missing.
const ROUNDING: Duration = Duration::from_millis(5);

/// What became of a turn.
pub(crate) enum Turn {
    /// The bot said all of its answer.
    Answered,
    /// The bot was still speaking, or had not begun.
    Unanswered,
}

/// The answers of one call.
pub(crate) struct Hearing {
    whole: Option<Duration>,
    /// When the answer began, and how much of it was heard.
    answer: Option<(Instant, Duration)>,
    said: Option<(Instant, bool)>,
    answered: bool,
}

/// What a message of audio says.
pub(crate) struct Heard {
    /// How much later it came than it was needed. `None`: it is the first of an answer.
    pub(crate) late: Option<Duration>,
    /// From the end of what the caller said to the first of the answer.
    pub(crate) delay: Option<Duration>,
}

impl Hearing {
    /// Hear answers of this length.
    pub(crate) fn new(whole: Option<Duration>) -> Self {
        Self { whole, answer: None, said: None, answered: false }
    }

    /// The caller begins to speak; what of the turn before, if its end was measured?
    pub(crate) fn turn_begins(&mut self) -> Option<Turn> {
        self.answer = None;
        let (_, measured) = self.said.take()?;
        let turn = if self.answered { Turn::Answered } else { Turn::Unanswered };
        self.answered = false;
        measured.then_some(turn)
    }

    /// The caller has spoken.
    pub(crate) fn said(&mut self, now: Instant, measured: bool) {
        self.said = Some((now, measured));
    }

    /// Since when the bot has been speaking without an end, as far as was heard.
    pub(crate) fn speaking_for(&self) -> Duration {
        self.answer.map_or(Duration::ZERO, |(_, heard)| heard)
    }

    /// A message of audio came.
    pub(crate) fn audio(&mut self, now: Instant, lasts: Duration) -> Heard {
        let Some((begin, heard)) = &mut self.answer else {
            self.answer = Some((now, lasts));
            let delay = self.said.map(|(end, _)| now.saturating_duration_since(end));
            return Heard { late: None, delay };
        };
        let late = now.saturating_duration_since(*begin + *heard);
        *heard += lasts;
        if self.whole.is_some_and(|whole| *heard + ROUNDING >= whole) {
            self.answer = None;
            self.answered = true;
        }
        Heard { late: Some(late), delay: None }
    }
}
