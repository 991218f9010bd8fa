use crate::InferenceError;

/// The sample rates at which networks hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VadRate {
    /// 8000 Hz.
    Narrow,
    /// 16000 Hz.
    Wide,
}

impl VadRate {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Narrow, Self::Wide];

    /// The one of so many Hz.
    #[must_use]
    pub fn of(hz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.hz() == hz)
    }

    /// In Hz.
    #[must_use]
    pub fn hz(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
        }
    }

    /// Samples of a window: 32 ms.
    #[must_use]
    pub fn window(self) -> usize {
        match self {
            Self::Narrow => 256,
            Self::Wide => 512,
        }
    }
}

/// A window of one stream, in a batch.
pub struct VadWindow<'a, M> {
    /// As many as the rate says.
    pub samples: &'a [i16],
    /// What the network keeps of the stream.
    pub memory: &'a mut M,
    /// How sure it is that there is speech, from 0 to 1: its answer.
    pub confidence: f32,
}

/// Tells how sure it is of speech in windows of many streams.
pub trait VadNetwork: Send + Sync + 'static {
    /// What it keeps of a stream from one window to the next.
    type Memory: Send + 'static;

    /// Whether it hears at a rate.
    fn hears(&self, rate: VadRate) -> bool;

    /// For a stream that begins.
    fn memory(&self) -> Self::Memory;

    /// Hears windows of different streams, all at one rate, and sets their confidences.
    ///
    /// # Errors
    ///
    /// If the runtime fails, or a window has another length. No memory is changed then.
    fn run(&self, rate: VadRate, windows: &mut [VadWindow<'_, Self::Memory>]) -> Result<(), InferenceError>;
}

/// An error if a window has another length than those of its rate.
pub(super) fn check_length<M>(rate: VadRate, windows: &[VadWindow<'_, M>]) -> Result<(), InferenceError> {
    match windows.iter().find(|window| window.samples.len() != rate.window()) {
        None => Ok(()),
        Some(window) => Err(InferenceError::Window {
            rate: rate.hz(),
            needed: rate.window(),
            given: window.samples.len(),
        }),
    }
}
