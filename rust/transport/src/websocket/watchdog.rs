//! The deadlines of one connection, as a function of time.

use tokio::time::Instant;

use super::closed::Ending;
use super::limits::Limits;

/// When what happened last, and what follows from it.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// The last message of any kind from the peer. `None`: it is not listened to.
    heard: Option<Instant>,
    /// The last message of data in either direction.
    active: Instant,
    pinged: bool,
    /// Since when the socket has taken nothing.
    blocked: Option<Instant>,
    closing: Option<Instant>,
}

/// What is to be done now.
#[derive(Debug)]
pub(super) enum Due {
    Nothing,
    Ping,
    End(Ending),
}

impl Watchdog {
    pub(super) fn new(now: Instant) -> Self {
        Self { heard: None, active: now, pinged: false, blocked: None, closing: None }
    }

    /// The peer said something.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
        self.pinged = false;
    }

    /// A message of data passed.
    pub(super) fn active(&mut self, now: Instant) {
        self.active = now;
    }

    /// Whether the socket takes nothing now, and `progress` if it took something since the last call.
    pub(super) fn writing(&mut self, blocked: bool, progress: bool, now: Instant) {
        if !blocked {
            self.blocked = None;
        } else if progress || self.blocked.is_none() {
            self.blocked = Some(now);
        }
    }

    /// A close was asked for.
    pub(super) fn closing(&mut self, now: Instant) {
        self.closing.get_or_insert(now);
    }

    /// The earliest time at which [`due`](Self::due) may have something.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let ping = limits.ping_interval.zip(self.heard).map(|(interval, heard)| {
            heard + interval + if self.pinged { limits.pong_timeout } else { std::time::Duration::ZERO }
        });
        let times = [
            ping.filter(|_| self.closing.is_none()),
            limits.idle_timeout.filter(|_| self.heard.is_some()).map(|idle| self.active + idle),
            self.blocked.map(|since| since + limits.write_timeout),
            self.closing.map(|since| since + limits.close_timeout),
        ];
        times.into_iter().flatten().min()
    }

    /// What is to be done at `now`.
    pub(super) fn due(&mut self, limits: &Limits, now: Instant) -> Due {
        let passed = |since: Option<Instant>, limit| since.is_some_and(|since| now >= since + limit);
        if passed(self.closing, limits.close_timeout) {
            return Due::End(Ending::timed_out(format!(
                "the peer did not complete the close handshake within {:?}",
                limits.close_timeout
            )));
        }
        if passed(self.blocked, limits.write_timeout) {
            return Due::End(Ending::timed_out(format!(
                "the peer has read nothing for {:?}",
                limits.write_timeout
            )));
        }
        if let (Some(idle), Some(_)) = (limits.idle_timeout, self.heard)
            && now >= self.active + idle
        {
            let mut ending = Ending::timed_out(format!("no message for {idle:?}"));
            ending.closed.code = Some(1001);
            ending.farewell = true;
            return Due::End(ending);
        }
        if let (Some(interval), Some(heard), None) = (limits.ping_interval, self.heard, self.closing) {
            if self.pinged && now >= heard + interval + limits.pong_timeout {
                return Due::End(Ending::timed_out(format!(
                    "the peer did not answer a ping within {:?}",
                    limits.pong_timeout
                )));
            }
            if !self.pinged && now >= heard + interval {
                self.pinged = true;
                return Due::Ping;
            }
        }
        Due::Nothing
    }
}
