//! Prometheus' text format.

use std::fmt::{Display, Write};

use crate::lateness::LatenessCounts;

/// Metrics as text, family by family.
pub(super) struct Exposition {
    text: String,
    labels: String,
}

impl Exposition {
    /// With labels that every sample carries: `process="2"`, or nothing.
    pub(super) fn new(labels: &str) -> Self {
        Self { text: String::new(), labels: labels.to_owned() }
    }

    /// Begin a family.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        // Writing to a string cannot fail; nor below.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self
    }

    /// A sample of the family. `labels`: further ones, or nothing.
    pub(super) fn sample(&mut self, name: &str, labels: &str, value: impl Display) -> &mut Self {
        let both = match (self.labels.as_str(), labels) {
            ("", "") => String::new(),
            ("", one) | (one, "") => format!("{{{one}}}"),
            (first, second) => format!("{{{first},{second}}}"),
        };
        let _ = writeln!(self.text, "{name}{both} {value}");
        self
    }

    /// A family with one sample.
    pub(super) fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) -> &mut Self {
        self.family(name, kind, help).sample(name, "", value)
    }

    /// The samples of a histogram of lateness, in octaves.
    pub(super) fn lateness(&mut self, name: &str, labels: &str, counts: &LatenessCounts) -> &mut Self {
        let comma = if labels.is_empty() { "" } else { "," };
        for (end, below) in counts.octaves() {
            let le = format!("{labels}{comma}le=\"{}\"", end.as_secs_f64());
            self.sample(&format!("{name}_bucket"), &le, below);
        }
        self.sample(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"+Inf\""), counts.count());
        self.sample(&format!("{name}_sum"), labels, counts.sum().as_secs_f64());
        self.sample(&format!("{name}_count"), labels, counts.count())
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Several processes' metrics as one text: a family may stand in it only once.
#[must_use]
pub fn merge_expositions<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut families: Vec<(String, String)> = Vec::new(); // header, samples
    for text in texts {
        let mut current = None;
        let mut header = String::new();
        for line in text.lines() {
            if line.starts_with("# HELP") {
                header.clear();
            }
            if line.starts_with('#') {
                header.push_str(line);
                header.push('\n');
                current = None;
                continue;
            }
            let index = *current.get_or_insert_with(|| {
                families.iter().position(|(known, _)| *known == header).unwrap_or_else(|| {
                    families.push((header.clone(), String::new()));
                    families.len() - 1
                })
            });
            families[index].1.push_str(line);
            families[index].1.push('\n');
        }
    }
    families.into_iter().map(|(header, samples)| header + &samples).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lateness::Lateness;

    #[test]
    fn a_histogram_counts_what_is_not_later_than_each_bound() {
        let lateness = Lateness::default();
        lateness.record(Duration::from_micros(900));
        lateness.record(Duration::from_secs(9));
        let mut text = Exposition::new("process=\"1\"");
        text.family("late", "histogram", "How late.").lateness("late", "loop=\"0\"", &lateness.counts());
        let text = text.finish();
        assert!(text.starts_with("# HELP late How late.\n# TYPE late histogram\n"), "{text}");
        for line in [
            "late_bucket{process=\"1\",loop=\"0\",le=\"0.000512\"} 0",
            "late_bucket{process=\"1\",loop=\"0\",le=\"0.001024\"} 1",
            "late_bucket{process=\"1\",loop=\"0\",le=\"2.097152\"} 1",
            "late_bucket{process=\"1\",loop=\"0\",le=\"+Inf\"} 2",
            "late_sum{process=\"1\",loop=\"0\"} 9.0009",
            "late_count{process=\"1\",loop=\"0\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_family_of_several_processes_stands_there_once() {
        let of = |process: &str, sessions: u32| {
            let mut text = Exposition::new(&format!("process=\"{process}\""));
            text.single("sessions", "gauge", "Sessions.", sessions);
            text.single("up", "gauge", "Whether it is up.", 1);
            text.finish()
        };
        let merged = merge_expositions([of("0", 3).as_str(), of("1", 4).as_str()]);
        assert_eq!(
            merged,
            "# HELP sessions Sessions.\n# TYPE sessions gauge\n\
             sessions{process=\"0\"} 3\nsessions{process=\"1\"} 4\n\
             # HELP up Whether it is up.\n# TYPE up gauge\n\
             up{process=\"0\"} 1\nup{process=\"1\"} 1\n"
        );
    }
}
