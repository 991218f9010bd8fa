//! What was measured, for each manner of calling and in all.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::manner::Manner;
use crate::stopwatch::Times;

/// What was measured of the callers of one manner.
#[derive(Clone, Default)]
pub(crate) struct Totals {
    /// Calls that were opened.
    pub(crate) opened: u64,
    /// Calls that could not be opened.
    pub(crate) refused: u64,
    /// Calls that the server ended, and that should have gone on.
    pub(crate) lost: u64,
    /// Calls that ended as they were meant to.
    pub(crate) ended: u64,
    /// Why calls were refused or lost, and how often.
    pub(crate) reasons: BTreeMap<String, u64>,
    /// Messages of audio that came.
    pub(crate) messages_in: u64,
    /// Messages that were sent.
    pub(crate) messages_out: u64,
    /// Messages that the network did not take at once.
    pub(crate) blocked: u64,
    /// Audio that came.
    pub(crate) audio: Duration,
    /// Turns after which the whole answer came, and others.
    pub(crate) answered: u64,
    /// Turns after which it did not.
    pub(crate) unanswered: u64,
    /// How late messages of audio came for a listener without any buffer.
    pub(crate) late: Times,
    /// How far they were behind the schedule of the earliest of their answer.
    pub(crate) behind: Times,
    /// From the end of a turn to the first of the answer.
    pub(crate) delay: Times,
    /// From sending to coming back.
    pub(crate) round_trip: Times,
}

impl Totals {
    /// Note why.
    pub(crate) fn reason(&mut self, reason: impl Into<String>) {
        *self.reasons.entry(reason.into()).or_default() += 1;
    }

    /// Add those of another time, or of other callers.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.opened += other.opened;
        self.refused += other.refused;
        self.lost += other.lost;
        self.ended += other.ended;
        for (reason, times) in &other.reasons {
            *self.reasons.entry(reason.clone()).or_default() += times;
        }
        self.messages_in += other.messages_in;
        self.messages_out += other.messages_out;
        self.blocked += other.blocked;
        self.audio += other.audio;
        self.answered += other.answered;
        self.unanswered += other.unanswered;
        self.late.extend(&other.late);
        self.behind.extend(&other.behind);
        self.delay.extend(&other.delay);
        self.round_trip.extend(&other.round_trip);
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "opened": self.opened, "refused": self.refused, "lost": self.lost, "ended": self.ended,
            "reasons": self.reasons, "messages_in": self.messages_in,
            "messages_out": self.messages_out, "blocked": self.blocked,
            "audio_secs": self.audio.as_secs_f64(), "answered": self.answered,
            "unanswered": self.unanswered, "late_ms": self.late.summary(), "behind_ms": self.behind.summary(),
            "delay_ms": self.delay.summary(), "round_trip_ms": self.round_trip.summary(),
        })
    }
}

/// What was measured of all callers.
#[derive(Default)]
pub(crate) struct Report {
    /// For each manner.
    pub(crate) of_manner: BTreeMap<Manner, Totals>,
    /// How late the sending itself was: the callers' own fault.
    pub(crate) ticks_late: Times,
    /// When each message of audio came (monotonic clock, ns), and how long it lasts (µs).
    pub(crate) arrivals: Vec<(u64, u64)>,
}

impl Report {
    /// The totals of a manner.
    pub(crate) fn of(&mut self, manner: Manner) -> &mut Totals {
        self.of_manner.entry(manner).or_default()
    }

    /// Add those of another time.
    pub(crate) fn extend(&mut self, other: &Self) {
        for (manner, totals) in &other.of_manner {
            self.of(*manner).extend(totals);
        }
        self.ticks_late.extend(&other.ticks_late);
        self.arrivals.extend(&other.arrivals);
    }

    /// As JSON; those whose arrival tells nothing of the server are not in what is said of all.
    pub(crate) fn json(&self, open: usize) -> Value {
        let mut all = Totals::default();
        for (manner, totals) in &self.of_manner {
            let mut counted = totals.clone();
            if !manner.hears_in_time() {
                (counted.late, counted.behind, counted.delay) = Default::default();
            }
            if !manner.expects_answers() {
                (counted.answered, counted.unanswered) = (0, 0);
            }
            all.extend(&counted);
        }
        let manners: serde_json::Map<_, _> =
            self.of_manner.iter().map(|(manner, totals)| (manner.name().to_owned(), totals.json())).collect();
        json!({
            "open": open, "all": all.json(), "manners": manners,
            "own_ticks_late_ms": self.ticks_late.summary(), "arrivals": self.arrivals,
        })
    }
}
