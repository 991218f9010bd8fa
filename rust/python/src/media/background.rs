//! Sound behind what is played, while Python turns its knobs.

use std::sync::{Arc, Mutex, PoisonError};

use pipecat_rs_audio as audio;
use pipecat_rs_transport::playout::Background;

use crate::audio::BackgroundSound;

/// A mixer that Python and a playout share.
pub(super) struct Behind(Arc<Mutex<audio::BackgroundSound>>);

impl Behind {
    pub(super) fn new(background: &BackgroundSound) -> Self {
        Self(background.shared())
    }
}

impl Background for Behind {
    fn mix(&mut self, chunk: &mut [i16]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).mix(chunk);
    }
}
