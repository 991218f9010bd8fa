use super::VadRate;

/// Numbers of each vector of its recurrent state.
pub(super) const STATE: usize = 128;

/// Samples before a window that the network hears with it.
pub(super) fn context(rate: VadRate) -> usize {
    rate.window() / 8
}

/// What Silero keeps of a stream, whoever runs it.
#[derive(Debug, Clone)]
pub struct SileroMemory {
    /// At which it heard last; another one begins anew.
    rate: Option<VadRate>,
    pub(super) context: [f32; 64],
    /// The hidden state, and that of the cells.
    pub(super) state: [[f32; STATE]; 2],
}

impl Default for SileroMemory {
    fn default() -> Self {
        Self { rate: None, context: [0.0; 64], state: [[0.0; STATE]; 2] }
    }
}

impl SileroMemory {
    /// Before each window.
    pub(super) fn begin(&mut self, rate: VadRate) {
        if self.rate != Some(rate) {
            *self = Self { rate: Some(rate), ..Self::default() };
        }
    }
}
