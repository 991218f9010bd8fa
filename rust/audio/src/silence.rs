//! Silence: to find, and to make.

/// Samples up to this magnitude are silence. Real speech reaches several hundred.
pub const SPEAKING_THRESHOLD: u16 = 20;

/// Whether no sample is louder than [`SPEAKING_THRESHOLD`], also if there is none.
#[must_use]
pub fn is_silence(samples: &[i16]) -> bool {
    samples.iter().all(|sample| sample.unsigned_abs() <= SPEAKING_THRESHOLD)
}

/// Appends silence.
pub fn append_silence(samples: usize, output: &mut Vec<i16>) {
    output.resize(output.len() + samples, 0);
}

/// Measures how long a stream has been silent, for those who must know when it has paused.
#[derive(Debug, Clone)]
pub struct SilenceDetector {
    threshold: u16,
    silent: u64,
    heard: bool,
}

impl Default for SilenceDetector {
    /// Takes samples up to [`SPEAKING_THRESHOLD`] for silence.
    fn default() -> Self {
        Self::new(SPEAKING_THRESHOLD)
    }
}

impl SilenceDetector {
    /// Makes a detector that takes samples up to this magnitude for silence.
    #[must_use]
    pub fn new(threshold: u16) -> Self {
        Self { threshold, silent: 0, heard: false }
    }

    /// Takes audio in.
    pub fn process(&mut self, input: &[i16]) {
        let loud = |sample: &i16| sample.unsigned_abs() > self.threshold;
        match input.iter().rposition(loud) {
            Some(last) => {
                self.heard = true;
                self.silent = (input.len() - 1 - last) as u64;
            }
            None => self.silent += input.len() as u64,
        }
    }

    /// Samples since the last one that was not silent, or since the beginning.
    #[must_use]
    pub fn silent_samples(&self) -> u64 {
        self.silent
    }

    /// Whether anything but silence was heard.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.heard
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        *self = Self::new(self.threshold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_samples_are_silence() {
        assert!(is_silence(&[]));
        assert!(is_silence(&[20, -20, 0]));
        assert!(!is_silence(&[0, 21]));
        assert!(!is_silence(&[i16::MIN]));
    }

    #[test]
    fn silence_is_counted_from_the_last_sound() {
        let mut detector = SilenceDetector::default();
        detector.process(&[0; 5]);
        assert_eq!((detector.silent_samples(), detector.has_heard()), (5, false));
        detector.process(&[0, 500, 0, 0]);
        detector.process(&[1; 3]);
        assert_eq!((detector.silent_samples(), detector.has_heard()), (5, true));
        detector.reset();
        assert_eq!((detector.silent_samples(), detector.has_heard()), (0, false));
    }

    #[test]
    fn silence_is_appended() {
        let mut output = vec![7];
        append_silence(2, &mut output);
        assert_eq!(output, [7, 0, 0]);
    }
}
