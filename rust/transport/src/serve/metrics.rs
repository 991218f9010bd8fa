//! What is counted: relaxed atomics, put together when somebody looks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::exposition::Exposition;
use super::session::Outcome;
use crate::websocket::Stats;

/// Why a peer was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There are as many sessions as there may be.
    Full,
    /// No more sessions are begun.
    Draining,
    /// What is served already comes late.
    Overloaded,
    /// The owner's hook refused.
    Unauthorized,
}

impl Refused {
    const ALL: [Self; 4] = [Self::Full, Self::Draining, Self::Overloaded, Self::Unauthorized];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Draining => "draining",
            Self::Overloaded => "overloaded",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// Upper ends of the buckets of how long sessions last, in seconds.
const DURATIONS: [u64; 10] = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600];

/// What a server's sessions have done so far.
#[derive(Default)]
pub(super) struct Metrics {
    started: AtomicU64,
    finished: [AtomicU64; Outcome::ALL.len()],
    refused: [AtomicU64; Refused::ALL.len()],
    /// In each bucket those that are in no smaller one.
    durations: [AtomicU64; DURATIONS.len() + 1],
    duration_ms: AtomicU64,
    messages_in: AtomicU64,
    bytes_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_out: AtomicU64,
}

impl Metrics {
    pub(super) fn started(&self) {
        self.started.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Relaxed);
    }

    /// A session is over, and its connection has carried this.
    pub(super) fn finished(&self, outcome: Outcome, lasted: Duration, stats: &Stats) {
        self.finished[outcome as usize].fetch_add(1, Relaxed);
        let bucket = DURATIONS.iter().position(|&end| lasted <= Duration::from_secs(end));
        self.durations[bucket.unwrap_or(DURATIONS.len())].fetch_add(1, Relaxed);
        self.duration_ms.fetch_add(lasted.as_millis() as u64, Relaxed);
        self.messages_in.fetch_add(stats.messages_in, Relaxed);
        self.bytes_in.fetch_add(stats.bytes_in, Relaxed);
        self.messages_out.fetch_add(stats.messages_out, Relaxed);
        self.bytes_out.fetch_add(stats.bytes_out, Relaxed);
    }

    pub(super) fn total_started(&self) -> u64 {
        self.started.load(Relaxed)
    }

    pub(super) fn total_finished(&self, outcome: Outcome) -> u64 {
        self.finished[outcome as usize].load(Relaxed)
    }

    pub(super) fn total_refused(&self, why: Refused) -> u64 {
        self.refused[why as usize].load(Relaxed)
    }

    /// Refusals by reason, with those that the port itself makes.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refused::ALL.iter().map(|&why| (why.name(), self.total_refused(why)))
    }

    /// Write what was counted. `open`: what the connections of running sessions have carried.
    pub(super) fn write(&self, text: &mut Exposition, open: &[Stats]) {
        text.single(
            "pipecat_rs_sessions_started_total",
            "counter",
            "Sessions that were begun.",
            self.total_started(),
        );
        let name = "pipecat_rs_sessions_finished_total";
        text.family(name, "counter", "Sessions that are over, by what became of their bot.");
        for outcome in Outcome::ALL {
            let label = format!("outcome=\"{}\"", outcome.name());
            text.sample(name, &label, self.total_finished(outcome));
        }
        self.write_durations(text);
        let mut sum = Stats::default();
        for stats in open {
            sum.messages_in += stats.messages_in;
            sum.bytes_in += stats.bytes_in;
            sum.messages_out += stats.messages_out;
            sum.bytes_out += stats.bytes_out;
        }
        let carried = [
            ("messages_received", "Messages from peers.", &self.messages_in, sum.messages_in),
            ("received_bytes", "Bytes of messages from peers.", &self.bytes_in, sum.bytes_in),
            ("messages_sent", "Messages to peers.", &self.messages_out, sum.messages_out),
            ("sent_bytes", "Bytes of messages to peers.", &self.bytes_out, sum.bytes_out),
        ];
        for (name, help, closed, open) in carried {
            let name = format!("pipecat_rs_websocket_{name}_total");
            text.single(&name, "counter", help, closed.load(Relaxed) + open);
        }
    }

    fn write_durations(&self, text: &mut Exposition) {
        let name = "pipecat_rs_session_duration_seconds";
        text.family(name, "histogram", "How long sessions lasted.");
        let mut below = 0;
        for (end, bucket) in DURATIONS.iter().zip(&self.durations) {
            below += bucket.load(Relaxed);
            text.sample(&format!("{name}_bucket"), &format!("le=\"{end}\""), below);
        }
        below += self.durations[DURATIONS.len()].load(Relaxed);
        text.sample(&format!("{name}_bucket"), "le=\"+Inf\"", below);
        text.sample(&format!("{name}_sum"), "", self.duration_ms.load(Relaxed) as f64 / 1e3);
        text.sample(&format!("{name}_count"), "", below);
    }
}
