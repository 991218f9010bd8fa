//! What a server says of itself, for load balancers and people.

use std::fmt::Write;
use std::time::Duration;

use super::overload::Overload;

/// How a server is.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Sessions that run.
    pub sessions: usize,
    /// The most there may be.
    pub max_sessions: usize,
    /// Whether no more are begun.
    pub draining: bool,
    /// Why no more are begun for now, if what is served comes late.
    pub overload: Option<Overload>,
    /// What one chunk of output in a hundred exceeded in the last seconds.
    pub output_lateness_p99: Duration,
    /// Of each event loop, its sessions and for how long it has not answered.
    pub loops: Vec<(usize, Duration)>,
    /// Since the server was made.
    pub uptime: Duration,
}

impl Health {
    /// One word: `ok`, `full`, `overloaded`, `draining`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.draining {
            "draining"
        } else if self.overload.is_some() {
            "overloaded"
        } else if self.sessions >= self.max_sessions {
            "full"
        } else {
            "ok"
        }
    }

    /// Whether a new session would be begun.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status() == "ok" && !self.loops.is_empty()
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let mut loops = String::new();
        for (sessions, silent) in &self.loops {
            let comma = if loops.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(loops, "{comma}{{\"sessions\": {sessions}, \"silent_ms\": {:.1}}}", ms(*silent));
        }
        let overload = match self.overload {
            None => "null",
            Some(Overload::Output(_)) => "\"output is late\"",
            Some(Overload::Loops(_)) => "\"no event loop answers\"",
        };
        format!(
            "{{\"status\": \"{}\", \"sessions\": {}, \"max_sessions\": {}, \"overload\": {overload}, \
             \"output_lateness_p99_ms\": {:.3}, \"loops\": [{loops}], \"uptime_secs\": {:.1}}}\n",
            self.status(),
            self.sessions,
            self.max_sessions,
            ms(self.output_lateness_p99),
            self.uptime.as_secs_f64(),
        )
    }
}

/// What several processes say of themselves, as one: they share the sessions of a port.
pub(super) fn merge_health(processes: &[(String, String)]) -> (bool, String) {
    let mut rank = STATES.len() - 1;
    let (mut sessions, mut max_sessions, mut each) = (0, 0, String::new());
    for (process, json) in processes {
        let status = field(json, "status").trim_matches('"');
        rank = rank.min(STATES.iter().position(|state| *state == status).unwrap_or(rank));
        sessions += field(json, "sessions").parse().unwrap_or(0);
        max_sessions += field(json, "max_sessions").parse().unwrap_or(0);
        let comma = if each.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(each, "{comma}\"{process}\": {}", json.trim_end());
    }
    let status = STATES[rank];
    let text = format!(
        "{{\"status\": \"{status}\", \"sessions\": {sessions}, \"max_sessions\": {max_sessions}, \
         \"processes\": {{{each}}}}}\n"
    );
    (status == STATES[0], text)
}

/// From the best one: several processes are as well as the best of them.
const STATES: [&str; 4] = ["ok", "full", "overloaded", "draining"];

/// The value of a field in what [`Health::json`] writes, where the name stands first.
fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let value = json.split_once(&format!("\"{name}\": ")).map_or("", |(_, value)| value);
    value.split([',', '}']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health {
            sessions: 1,
            max_sessions: 2,
            draining: false,
            overload: None,
            output_lateness_p99: Duration::from_micros(1_500),
            loops: vec![(1, Duration::ZERO), (0, Duration::from_millis(250))],
            uptime: Duration::from_secs(90),
        }
    }

    #[test]
    fn it_says_all_in_one_line_of_json() {
        assert_eq!(
            health().json(),
            "{\"status\": \"ok\", \"sessions\": 1, \"max_sessions\": 2, \"overload\": null, \
             \"output_lateness_p99_ms\": 1.500, \"loops\": [{\"sessions\": 1, \"silent_ms\": 0.0}, \
             {\"sessions\": 0, \"silent_ms\": 250.0}], \"uptime_secs\": 90.0}\n"
        );
    }

    #[test]
    fn a_drain_is_said_before_all_else_and_a_full_server_is_not_ready() {
        let full = Health { sessions: 2, ..health() };
        assert_eq!((full.status(), full.is_ready()), ("full", false));
        let late = Health { overload: Some(Overload::Output(Duration::from_secs(1))), ..full };
        assert_eq!((late.status(), late.is_ready()), ("overloaded", false));
        assert_eq!(Health { draining: true, ..late }.status(), "draining");
        assert!(health().is_ready());
        assert!(!Health { loops: Vec::new(), ..health() }.is_ready());
    }

    #[test]
    fn several_processes_are_as_well_as_the_best_and_their_sessions_add_up() {
        let full = Health { sessions: 2, ..health() }.json();
        let processes = [("0".to_owned(), full.clone()), ("1".to_owned(), health().json())];
        let (ready, json) = merge_health(&processes);
        assert!(ready);
        let begin = "{\"status\": \"ok\", \"sessions\": 3, \"max_sessions\": 4, \"processes\": {\"0\": {\"status\": \"full\",";
        assert!(json.starts_with(begin), "{json}");
        let (ready, json) = merge_health(&processes[..1]);
        assert!(!ready && json.starts_with("{\"status\": \"full\""), "{json}");
    }
}
