//! What callers say, as messages ready to be sent.

use std::path::Path;

use crate::format::{Format, RATE, SAMPLES};

/// What a caller says in a turn, in one format.
pub(crate) struct Script {
    /// Speech, a message each 20 ms.
    pub(crate) speech: Vec<Vec<u8>>,
    /// A message of silence.
    pub(crate) silence: Vec<u8>,
}

impl Script {
    /// Cut speech into messages.
    pub(crate) fn new(format: Format, speech: &[i16]) -> Self {
        let piece = |samples: &[i16]| {
            let mut whole = samples.to_vec();
            whole.resize(SAMPLES, 0);
            format.audio(&whole)
        };
        Self { speech: speech.chunks(SAMPLES).map(piece).collect(), silence: format.audio(&[0; SAMPLES]) }
    }
}

/// The samples of a WAV file.
pub(crate) fn read_wav(path: &Path) -> Result<Vec<i16>, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
    let wrong = || format!("{name} is no WAV file of 16-bit mono at {RATE} Hz");
    let mut rest = bytes.get(12..).filter(|_| bytes.starts_with(b"RIFF")).ok_or_else(wrong)?;
    let mut fits = false;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let body = &after[..length.min(after.len())];
        match &head[..4] {
            b"fmt " => {
                let wanted = [1u16.to_le_bytes(), 1u16.to_le_bytes()].concat();
                fits = body.starts_with(&wanted)
                    && body.get(4..8) == Some(&RATE.to_le_bytes()[..])
                    && body.get(14..16) == Some(&16u16.to_le_bytes()[..]);
            }
            b"data" if fits => {
                return Ok(body.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect());
            }
            _ => {}
        }
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    Err(wrong())
}
