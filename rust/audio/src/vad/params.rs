/// When a voice counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VadParams {
    /// Least confidence of a window with speech, from 0 to 1.
    pub confidence: f64,
    /// Seconds of speech after which it counts as begun.
    pub start_secs: f64,
    /// Seconds without speech after which it counts as ended.
    pub stop_secs: f64,
    /// Least volume of a window with speech, from 0 to 1.
    pub min_volume: f64,
}

impl Default for VadParams {
    fn default() -> Self {
        Self { confidence: 0.7, start_secs: 0.2, stop_secs: 0.2, min_volume: 0.6 }
    }
}
