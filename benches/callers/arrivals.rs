//! When the bot's answers arrive, beside when a listener without any buffer needs them.

use std::time::{Duration, Instant};

/// An answer counts as whole when no more than this is missing: a resampler may keep its end.
const ROUNDING: Duration = Duration::from_millis(20);

/// What became of a turn.
pub(crate) enum Turn {
    /// The bot said all of its answer.
    Answered,
    /// The bot was still speaking, or had not begun.
    Unanswered,
}

/// An answer that is being heard.
struct Answer {
    /// When it began.
    begin: Instant,
    /// How much of it was heard.
    heard: Duration,
    /// The least that any message but the first came after its place in the answer, in µs; what is sent
    /// ahead comes before it.
    earliest: Option<i64>,
}

/// The answers of one call.
pub(crate) struct Hearing {
    whole: Option<Duration>,
    answer: Option<Answer>,
    said: Option<(Instant, bool)>,
    answered: bool,
    /// The caller speaks: what the bot still says is the end of an answer that does not count.
    speaking: bool,
}

/// What a message of audio says.
pub(crate) struct Heard {
    /// How much later it came than a listener without any buffer needed it. `None`: it is the first
    /// of an answer.
    pub(crate) late: Option<Duration>,
    /// How far it is behind the schedule of the one that came earliest, measured by the audio between
    /// them: nothing that was sent ahead makes up for it. `None`: it is one of the first two.
    pub(crate) behind: Option<Duration>,
    /// From the end of what the caller said to the first of the answer.
    pub(crate) delay: Option<Duration>,
}

impl Hearing {
    /// Hear answers of this length.
    pub(crate) fn new(whole: Option<Duration>) -> Self {
        Self { whole, answer: None, said: None, answered: false, speaking: false }
    }

    /// The caller begins to speak; what of the turn before, if its end was measured?
    pub(crate) fn turn_begins(&mut self) -> Option<Turn> {
        self.answer = None;
        self.speaking = true;
        let (_, measured) = self.said.take()?;
        let turn = if self.answered { Turn::Answered } else { Turn::Unanswered };
        self.answered = false;
        measured.then_some(turn)
    }

    /// The caller has spoken.
    pub(crate) fn said(&mut self, now: Instant, measured: bool) {
        self.said = Some((now, measured));
        (self.answer, self.answered) = (None, false);
        self.speaking = false;
    }

    /// How much of the answer that is not over yet was heard.
    pub(crate) fn speaking_for(&self) -> Duration {
        self.answer.as_ref().map_or(Duration::ZERO, |answer| answer.heard)
    }

    /// A message of audio came.
    pub(crate) fn audio(&mut self, now: Instant, lasts: Duration) -> Heard {
        if self.speaking || self.answered {
            return Heard { late: None, behind: None, delay: None };
        }
        let Some(answer) = &mut self.answer else {
            self.answer = Some(Answer { begin: now, heard: lasts, earliest: None });
            let delay = self.said.map(|(end, _)| now.saturating_duration_since(end));
            return Heard { late: None, behind: None, delay };
        };
        let after = micros(now.saturating_duration_since(answer.begin)) - micros(answer.heard);
        let late = Some(Duration::from_micros(after.max(0).unsigned_abs()));
        let behind =
            answer.earliest.map(|earliest| Duration::from_micros((after - earliest).max(0).unsigned_abs()));
        answer.earliest = Some(answer.earliest.map_or(after, |earliest| earliest.min(after)));
        answer.heard += lasts;
        if self.whole.is_some_and(|whole| answer.heard + ROUNDING >= whole) {
            self.answer = None;
            self.answered = true;
        }
        Heard { late, behind, delay: None }
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
