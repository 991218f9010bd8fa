//! When a chunk is due, if chunks are to follow each other without gap or overlap.

use std::time::Duration;

use tokio::time::Instant;

use super::settings::duration_of;

/// An absolute schedule: a chunk is due when all before it has been played, counted from the first
/// chunk after the last pause. So a late write delays itself alone, and neither lateness nor the
/// rounding of a chunk's length adds up.
#[derive(Debug)]
pub(super) struct Schedule {
    sample_rate: u32,
    lead: Duration,
    /// From here on writes ahead of their time are made in steps of [`GRID`].
    origin: Instant,
    /// When the row of chunks began, and the frames in it.
    row: Option<(Instant, u64)>,
}

/// A chunk that may be written ahead may as well be written together with those of other sessions:
/// the timer wakes a thread once for many of them.
const GRID: Duration = Duration::from_millis(5);

impl Schedule {
    pub(super) fn new(sample_rate: u32, lead: Duration, origin: Instant) -> Self {
        Self { sample_rate, lead, origin, row: None }
    }

    /// When all that was written has been played. None: nothing was written.
    pub(super) fn free_at(&self) -> Option<Instant> {
        self.row.map(|(start, frames)| start + duration_of(frames, self.sample_rate))
    }

    /// When a chunk is to be heard that was there from `ready` on. If that is after the end of what
    /// plays there was a pause, and the schedule starts anew.
    pub(super) fn due(&self, ready: Instant) -> Instant {
        self.free_at().map_or(ready, |free_at| free_at.max(ready))
    }

    /// When to write a chunk that was there from `ready` on, and is due then.
    pub(super) fn write_at(&self, due: Instant, ready: Instant) -> Instant {
        let Some(early) = due.checked_sub(self.lead) else { return due };
        if early <= ready {
            return ready;
        }
        let Some(since) = early.checked_duration_since(self.origin).filter(|_| self.lead >= GRID) else {
            return early;
        };
        let beyond = (since.as_nanos() % GRID.as_nanos()) as u64;
        match beyond {
            0 => early,
            _ => early + GRID - Duration::from_nanos(beyond),
        }
    }

    /// A chunk was written that was due then.
    pub(super) fn wrote(&mut self, due: Instant, frames: u64) {
        self.row = match self.row {
            Some((start, before)) if self.free_at() == Some(due) => Some((start, before + frames)),
            _ => Some((due, frames)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn chunks_follow_each_other_and_start_anew_after_a_pause() {
        let start = Instant::now();
        let mut schedule = Schedule::new(16_000, 20 * MS, start);
        assert_eq!(schedule.due(start), start);
        schedule.wrote(start, 640);
        assert_eq!(schedule.due(start), start + 40 * MS);
        assert_eq!(schedule.write_at(schedule.due(start), start), start + 20 * MS);
        assert_eq!(schedule.due(start + 50 * MS), start + 50 * MS);
        schedule.wrote(start + 50 * MS, 640);
        assert_eq!(schedule.free_at(), Some(start + 90 * MS));
    }

    #[test]
    fn writes_ahead_are_made_together_and_never_after_their_time() {
        let origin = Instant::now();
        let schedule = Schedule::new(16_000, 20 * MS, origin);
        for at in 0..100 {
            let due = origin + (100 + at) * MS;
            let write_at = schedule.write_at(due, origin);
            assert_eq!((write_at - origin).as_nanos() % GRID.as_nanos(), 0);
            assert!(due - 20 * MS <= write_at && write_at <= due - 15 * MS);
        }
        let ready = origin + 3 * MS;
        assert_eq!(schedule.write_at(origin + 10 * MS, ready), ready);
    }

    #[test]
    fn an_hour_of_chunks_with_an_odd_length_ends_after_an_hour() {
        let start = Instant::now();
        let mut schedule = Schedule::new(22_050, Duration::ZERO, start);
        for _ in 0..360_000 {
            schedule.wrote(schedule.due(start), 220);
        }
        let exact = duration_of(360_000 * 220, 22_050);
        assert_eq!(schedule.free_at(), Some(start + exact));
    }
}
