use std::f64::consts::{PI, TAU};

use super::Key;

/// Of each sine: -9 dBFS, so that the two together stay below -3.
const AMPLITUDE: f64 = 0.355 * 32767.0;
/// The tone rises and falls for so long, which keeps its spectrum to itself.
const RAMP_SECS: f64 = 0.002;

/// Appends a key's tone, `samples` long, in mono.
///
/// Receivers want 40 ms at least, and as long a pause before the next key; 100 ms of each are usual.
pub fn append_tone(key: Key, sample_rate: u32, samples: usize, output: &mut Vec<i16>) {
    let rate = f64::from(sample_rate);
    let (row, column) = key.frequencies();
    let ramp = ((RAMP_SECS * rate) as usize).min(samples / 2).max(1);
    output.extend((0..samples).map(|n| {
        let time = n as f64 / rate;
        let sines = (TAU * f64::from(row) * time).sin() + (TAU * f64::from(column) * time).sin();
        let from_edge = n.min(samples - 1 - n);
        let envelope = 0.5 - 0.5 * (PI * from_edge.min(ramp) as f64 / ramp as f64).cos();
        (AMPLITUDE * envelope * sines).round() as i16
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_begins_and_ends_in_silence_and_does_not_clip() {
        let mut output = vec![5];
        append_tone(Key::from_label('5').unwrap(), 8_000, 800, &mut output);
        assert_eq!((output.len(), output[1], output[800]), (801, 0, 0));
        let peak = output.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((20_000..24_000).contains(&peak), "{peak}");
    }

    #[test]
    fn a_tone_of_any_length() {
        for samples in [0, 1, 2, 3, 17] {
            let mut output = Vec::new();
            append_tone(Key::from_label('1').unwrap(), 8_000, samples, &mut output);
            assert_eq!(output.len(), samples);
        }
    }
}
