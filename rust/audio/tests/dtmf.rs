//! The keypad's tones through the detector: clean, noisy, twisted, too short, and spoken over.

use std::f64::consts::TAU;

use pipecat_rs_audio::dtmf::{DtmfDetector, DtmfEvent, Key, append_tone};
use pipecat_rs_audio::{Gain, Resampler, Stage, append_silence};

const RATES: [u32; 2] = [8_000, 16_000];

fn ms(milliseconds: u32, rate: u32) -> usize {
    (milliseconds * rate / 1000) as usize
}

fn key(label: char) -> Key {
    Key::from_label(label).expect("the label is on the keypad")
}

fn events(audio: &[i16], rate: u32) -> Vec<DtmfEvent> {
    let (mut detector, mut events) = (DtmfDetector::new(rate).expect("the rate is in range"), Vec::new());
    detector.process(audio, &mut events);
    detector.flush(&mut events);
    events
}

/// What was dialled, as its keys' labels.
fn dialled(audio: &[i16], rate: u32) -> String {
    let pressed = |event| match event {
        DtmfEvent::Pressed { key, .. } => Some(key.label()),
        DtmfEvent::Released { .. } => None,
    };
    events(audio, rate).into_iter().filter_map(pressed).collect()
}

/// A tone by its parts, with the edges of a switch.
fn sines(parts: &[(f64, f64)], rate: u32, samples: usize) -> Vec<i16> {
    let at = |n: usize| -> f64 {
        parts.iter().map(|(hz, amplitude)| amplitude * (TAU * hz * n as f64 / f64::from(rate)).sin()).sum()
    };
    (0..samples).map(|n| at(n).round() as i16).collect()
}

fn padded(tone: &[i16], rate: u32) -> Vec<i16> {
    let mut audio = vec![0; ms(100, rate)];
    audio.extend_from_slice(tone);
    append_silence(ms(100, rate), &mut audio);
    audio
}

struct Noise(u32);

impl Noise {
    /// From -1 to 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        f64::from(self.0) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}

/// All keys in turn, so long each and so far apart.
fn keypad(rate: u32, on: u32, off: u32) -> Vec<i16> {
    let mut audio = vec![0; ms(50, rate)];
    for key in Key::all() {
        append_tone(key, rate, ms(on, rate), &mut audio);
        append_silence(ms(off, rate), &mut audio);
    }
    audio
}

const ALL: &str = "123A456B789C*0#D";

#[test]
fn all_keys_are_told_apart_also_at_their_shortest() {
    for rate in RATES {
        for (on, off) in [(100, 100), (50, 50), (40, 40), (300, 60)] {
            assert_eq!(dialled(&keypad(rate, on, off), rate), ALL, "{on} ms at {rate} Hz");
        }
    }
}

#[test]
fn all_keys_at_other_rates() {
    for rate in [22_050, 24_000, 44_100, 48_000] {
        assert_eq!(dialled(&keypad(rate, 60, 60), rate), ALL, "{rate} Hz");
    }
}

#[test]
fn all_keys_after_telephony() {
    // 16 kHz, down to a telephone's 8, through µ-law.
    let (mut narrow, mut code, mut heard) = (Vec::new(), Vec::new(), Vec::new());
    let mut resampler = Resampler::new(16_000, 8_000, 1).expect("the rates are in range");
    resampler.process(&keypad(16_000, 60, 60), &mut narrow);
    resampler.flush(&mut narrow);
    pipecat_rs_audio::g711::linear_to_ulaw(&narrow, &mut code);
    pipecat_rs_audio::g711::ulaw_to_linear(&code, &mut heard);
    assert_eq!(dialled(&heard, 8_000), ALL);
}

#[test]
fn places_are_those_of_the_tone() {
    for rate in RATES {
        let mut tone = Vec::new();
        append_tone(key('7'), rate, ms(120, rate), &mut tone);
        let found = events(&padded(&tone, rate), rate);
        let [DtmfEvent::Pressed { at: begin, .. }, DtmfEvent::Released { at: end, key: released }] =
            found[..]
        else {
            panic!("{found:?}");
        };
        assert_eq!(released, key('7'));
        assert!((begin as usize).abs_diff(ms(100, rate)) <= ms(6, rate), "{begin}");
        assert!((end as usize).abs_diff(ms(220, rate)) <= ms(6, rate), "{end}");
    }
}

#[test]
fn tones_from_40_ms_count_and_up_to_23_do_not() {
    for rate in RATES {
        // Wherever the tone lies between the windows.
        for offset in 0..ms(7, rate) {
            for (length, counts) in [(40, true), (36, true), (26, false), (23, false), (10, false)] {
                let mut audio = vec![0; ms(100, rate) + offset];
                audio.extend(sines(&[(770.0, 6_000.0), (1336.0, 6_000.0)], rate, ms(length, rate)));
                append_silence(ms(100, rate), &mut audio);
                let expected = if counts { "5" } else { "" };
                assert_eq!(dialled(&audio, rate), expected, "{length} ms, {offset} samples, {rate} Hz");
            }
        }
    }
}

#[test]
fn a_key_twice_is_two_keys_and_a_dropout_is_none() {
    for rate in RATES {
        for (gap, expected) in [(40, "99"), (30, "99"), (15, "9"), (10, "9")] {
            let mut audio = vec![0; ms(50, rate)];
            for _ in 0..2 {
                audio.extend(sines(&[(852.0, 6_000.0), (1477.0, 6_000.0)], rate, ms(80, rate)));
                append_silence(ms(gap, rate), &mut audio);
            }
            append_silence(ms(100, rate), &mut audio);
            assert_eq!(dialled(&audio, rate), expected, "{gap} ms at {rate} Hz");
        }
    }
}

#[test]
fn keys_without_a_pause_follow_each_other() {
    let mut audio = Vec::new();
    for label in ['1', '2', '3'] {
        append_tone(key(label), 8_000, 640, &mut audio);
    }
    let found = events(&audio, 8_000);
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(dialled(&audio, 8_000), "123");
}

#[test]
fn twist_is_allowed_as_far_as_q24_says() {
    for rate in RATES {
        let twisted = |column_over_row_db: f64| {
            let amplitude = 10_f64.powf(column_over_row_db / 20.0) * 4_000.0;
            dialled(
                &padded(&sines(&[(697.0, 4_000.0), (1209.0, amplitude)], rate, ms(100, rate)), rate),
                rate,
            )
        };
        for allowed in [-8.0, -4.0, 0.0, 2.0, 4.0] {
            assert_eq!(twisted(allowed), "1", "{allowed} dB at {rate} Hz");
        }
        for refused in [-12.0, 8.0] {
            assert_eq!(twisted(refused), "", "{refused} dB at {rate} Hz");
        }
    }
}

#[test]
fn frequencies_may_be_off_by_one_and_a_half_percent() {
    for rate in RATES {
        for key in Key::all() {
            let (row, column) = key.frequencies();
            for off in [0.985, 1.015] {
                let parts = [(f64::from(row) * off, 5_000.0), (f64::from(column) * off, 5_000.0)];
                let audio = padded(&sines(&parts, rate, ms(80, rate)), rate);
                assert_eq!(dialled(&audio, rate), key.label().to_string(), "{off} at {rate} Hz");
            }
        }
    }
}

#[test]
fn quiet_tones_count_down_to_their_limit() {
    for rate in RATES {
        for (db, expected) in [(-20.0, ALL), (-50.0, "")] {
            let mut audio = Vec::new();
            Gain::from_db(db).process(&keypad(rate, 80, 80), &mut audio);
            assert_eq!(dialled(&audio, rate), expected, "{db} dB at {rate} Hz");
        }
    }
}

#[test]
fn all_keys_in_noise() {
    for rate in RATES {
        for seed in 1..=10 {
            let mut noise = Noise(seed * 7919);
            // Noise of even power: 12 dB below the tones' own. As loud as it can be in a call that
            // is still understood.
            let amplitude = 0.355 * 32767.0 * 3_f64.sqrt() * 10_f64.powf(-12.0 / 20.0);
            let audio: Vec<i16> = keypad(rate, 60, 60)
                .into_iter()
                .map(|sample| (f64::from(sample) + amplitude * noise.next()) as i16)
                .collect();
            assert_eq!(dialled(&audio, rate), ALL, "seed {seed} at {rate} Hz");
        }
    }
}

#[test]
fn noise_and_music_are_no_keys() {
    for rate in RATES {
        let mut noise = Noise(99);
        let hiss: Vec<i16> = (0..rate * 20).map(|_| (20_000.0 * noise.next()) as i16).collect();
        assert_eq!(dialled(&hiss, rate), "");
        // A scale in the keypad's range, with thirds and fifths above each note.
        for semitone in 0..24 {
            let note = 440.0 * 2_f64.powf(f64::from(semitone) / 12.0);
            let chord = [(note, 6_000.0), (note * 1.26, 5_000.0), (note * 1.498, 4_000.0)];
            assert_eq!(dialled(&sines(&chord, rate, ms(300, rate)), rate), "", "{note} Hz");
        }
    }
}

/// Something like speech: a buzz whose pitch glides, through formants that move, in syllables, with
/// hisses between. Nearly two minutes of it.
fn speech(rate: u32, seed: u32) -> Vec<i16> {
    let mut noise = Noise(seed);
    let mut audio = Vec::new();
    let rate_hz = f64::from(rate);
    for _ in 0..400 {
        let samples = ms(100 + (200.0 * noise.next().abs()) as u32, rate);
        let pitch = 90.0 + 130.0 * noise.next().abs();
        let glide = 0.3 * noise.next();
        let formants =
            [500.0 + 300.0 * noise.next(), 1_400.0 + 600.0 * noise.next(), 2_600.0 + 300.0 * noise.next()];
        let mut phase = 0.0;
        for n in 0..samples {
            let part = n as f64 / samples as f64;
            let now = pitch * (1.0 + glide * part);
            phase += TAU * now / rate_hz;
            let mut value = 0.0;
            for harmonic in 1..=(3_400.0 / now) as u32 {
                let frequency = now * f64::from(harmonic);
                let loudness: f64 =
                    formants.iter().map(|formant| 1.0 / (1.0 + ((frequency - formant) / 90.0).powi(2))).sum();
                value += loudness * (phase * f64::from(harmonic)).sin();
            }
            audio.push((5_000.0 * (std::f64::consts::PI * part).sin() * value) as i16);
        }
        audio.extend((0..ms(60, rate)).map(|_| (3_000.0 * noise.next()) as i16));
    }
    audio
}

/// The calls that come with the demo, at another rate.
fn recorded_speech(rate: u32) -> Vec<i16> {
    let mut speech = Vec::new();
    for call in ["human", "scripted"] {
        let path = format!("{}/../../python/pipecat_rs/demo/calls/{call}.wav", env!("CARGO_MANIFEST_DIR"));
        let mut reader = hound::WavReader::open(path).expect("the demo's calls are in the repository");
        let spec = reader.spec();
        let samples: Vec<i16> = reader.samples().map(|sample| sample.expect("a sample")).collect();
        let mut resampler =
            Resampler::new(spec.sample_rate, rate, usize::from(spec.channels)).expect("a usual rate");
        assert_eq!(spec.channels, 1);
        resampler.process(&samples, &mut speech);
        resampler.flush(&mut speech);
    }
    speech
}

#[test]
fn recorded_speech_is_no_key() {
    for rate in RATES {
        assert_eq!(dialled(&recorded_speech(rate), rate), "", "{rate} Hz");
    }
}

#[test]
fn what_is_worse_than_speech_is_seldom_a_key() {
    // Three formants, purer than a voice's, and nothing between them.
    for rate in RATES {
        let false_keys: usize = (1..=4).map(|seed| dialled(&speech(rate, seed * 4_242), rate).len()).sum();
        assert!(false_keys <= 3, "{false_keys} in seven minutes at {rate} Hz");
    }
}

#[test]
fn keys_within_speech_are_found() {
    // Somebody talks in the background, 15 dB below.
    for rate in RATES {
        for talk in [speech(rate, 4_242), recorded_speech(rate)] {
            let mut quiet = Vec::new();
            Gain::from_db(-15.0).process(&talk, &mut quiet);
            let pairs = keypad(rate, 100, 100).into_iter().zip(quiet);
            let audio: Vec<i16> = pairs.map(|(tone, talk)| tone.saturating_add(talk)).collect();
            assert_eq!(dialled(&audio, rate), ALL, "{rate} Hz");
        }
    }
}
