use std::f32::consts::TAU;

use super::Key;
use super::goertzel::Goertzel;
use super::key::{COLUMNS_HZ, ROWS_HZ};
use crate::AudioError;

/// Length of the window that is looked at, which makes neighbouring frequencies just separable.
const WINDOW_SECS: f32 = 0.0256;
/// Windows begin a quarter of one apart.
const HOPS: usize = 4;
/// So many windows in a row must hold the same key. A window holds it once about half of it does,
/// so a tone of 34 ms is always enough, and one of 26 ms never is (Q.24 wants 40, and 23).
const ON: u32 = 5;
/// So many in a row must not hold it: a gap of 26 ms ends it, and one of 20 ms does not.
const OFF: u32 = 4;

/// Where a tone begins in the first window that holds it and ends in the last one, as a share of it
/// and in the middle of what is possible.
const BEGIN: f32 = 0.275;
const END: f32 = 0.725;

/// Least power of either sine: -36 dBFS.
const QUIETEST: f32 = 2.5e-4;
/// Least share of the window's power that the two sines have. Speech has its other harmonics; from
/// 0.66 on, tones of 36 ms are lost, without fewer false ones.
const PURITY: f32 = 0.62;
/// A frequency counts if it is nearer to the key's than to one so far from it: off by 1.75 % at
/// most (Q.24 wants 1.5 to be accepted, and 3.5 to be refused).
const NEIGHBOUR: f32 = 0.035;
/// By how much a sine exceeds the others of its group: 8 dB.
const DISTINCT: f32 = 6.3;
/// How much stronger the column's sine may be, and the row's: 4 and 8 dB (Q.24), and one more.
const TWIST: f32 = 3.16;
const REVERSE_TWIST: f32 = 7.94;

/// What happened on the keypad. Places are in samples from the beginning of the stream, to within
/// 7 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtmfEvent {
    /// A key went down. This is known some 40 ms later.
    Pressed {
        /// Which one.
        key: Key,
        /// Where its tone begins.
        at: u64,
    },
    /// It went up again.
    Released {
        /// Which one.
        key: Key,
        /// Where its tone ends.
        at: u64,
    },
}

/// Finds the tones of a telephone's keys in mono audio.
#[derive(Debug, Clone)]
pub struct DtmfDetector {
    rows: [Band; 4],
    columns: [Band; 4],
    taper: Vec<f32>,
    hop: usize,
    /// The latest samples, up to a window of them, and how many went before.
    samples: Vec<f32>,
    begin: u64,
    windowed: Vec<f32>,
    candidate: Option<Candidate>,
    pressed: Option<Pressed>,
}

/// One of the keypad's frequencies, and what lies on either side of it.
#[derive(Debug, Clone)]
struct Band {
    centre: Goertzel,
    sides: [Goertzel; 2],
}

/// A key that the latest windows hold.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    key: Key,
    first: u64,
    windows: u32,
}

#[derive(Debug, Clone, Copy)]
struct Pressed {
    key: Key,
    /// Where the last window that holds it begins, and how many have not held it since.
    last: u64,
    missed: u32,
}

impl DtmfDetector {
    /// Makes a detector.
    ///
    /// # Errors
    ///
    /// If the rate is outside of 4 to 384 kHz.
    pub fn new(sample_rate: u32) -> Result<Self, AudioError> {
        if !(4_000..=384_000).contains(&sample_rate) {
            return Err(AudioError::SampleRate { rate: sample_rate, allowed: "4000 to 384000 Hz are" });
        }
        let rate = sample_rate as f32;
        let hop = (WINDOW_SECS * rate / HOPS as f32).round() as usize;
        let length = hop * HOPS;
        let hann = |n: usize| (0.5 - 0.5 * (TAU * (n as f32 + 0.5) / length as f32).cos()) / 32768.0;
        Ok(Self {
            rows: ROWS_HZ.map(|frequency| Band::new(frequency, rate)),
            columns: COLUMNS_HZ.map(|frequency| Band::new(frequency, rate)),
            taper: (0..length).map(hann).collect(),
            hop,
            samples: Vec::with_capacity(length),
            begin: 0,
            windowed: vec![0.0; length],
            candidate: None,
            pressed: None,
        })
    }

    /// Takes audio in, and appends what happens in it to `events`.
    pub fn process(&mut self, mut input: &[i16], events: &mut Vec<DtmfEvent>) {
        let length = self.taper.len();
        while !input.is_empty() {
            let (taken, rest) = input.split_at(input.len().min(length - self.samples.len()));
            self.samples.extend(taken.iter().map(|&sample| f32::from(sample)));
            input = rest;
            if self.samples.len() == length {
                let key = self.key();
                self.advance(key, events);
                self.samples.drain(..self.hop);
                self.begin += self.hop as u64;
            }
        }
    }

    /// Ends the stream: a key that is still down goes up, and the detector is as new.
    pub fn flush(&mut self, events: &mut Vec<DtmfEvent>) {
        self.release(events);
        self.reset();
    }

    /// Forgets the stream.
    pub fn reset(&mut self) {
        self.samples.clear();
        self.begin = 0;
        self.candidate = None;
        self.pressed = None;
    }

    /// The key in the window, if there is one.
    fn key(&mut self) -> Option<Key> {
        for ((place, sample), taper) in self.windowed.iter_mut().zip(&self.samples).zip(&self.taper) {
            *place = sample * taper;
        }
        // A Hann window sums up to a half of its length, and its squares to three eighths.
        let length = self.taper.len() as f32;
        let total = self.windowed.iter().map(|sample| sample * sample).sum::<f32>() / (0.375 * length);
        if total < 2.0 * QUIETEST {
            return None;
        }
        let power = |band: &Band| band.centre.power(&self.windowed);
        let mean_square = |power: f32| power * 2.0 / (0.5 * length).powi(2);
        let (row, low) = distinct(self.rows.each_ref().map(power))?;
        let (column, high) = distinct(self.columns.each_ref().map(power))?;
        let centred = || {
            self.rows[row].is_centred(low, &self.windowed)
                && self.columns[column].is_centred(high, &self.windowed)
        };
        let found = mean_square(low.min(high)) >= QUIETEST
            && high <= low * TWIST
            && low <= high * REVERSE_TWIST
            && mean_square(low + high) >= total * PURITY
            && centred();
        found.then(|| Key::at(row, column))
    }

    fn advance(&mut self, key: Option<Key>, events: &mut Vec<DtmfEvent>) {
        self.candidate = key.map(|key| match self.candidate {
            Some(candidate) if candidate.key == key => {
                Candidate { windows: candidate.windows + 1, ..candidate }
            }
            _ => Candidate { key, first: self.begin, windows: 1 },
        });
        if let Some(pressed) = &mut self.pressed {
            if key == Some(pressed.key) {
                (pressed.last, pressed.missed) = (self.begin, 0);
            } else {
                pressed.missed += 1;
            }
        }
        if self.pressed.is_some_and(|pressed| pressed.missed >= OFF) {
            self.release(events);
        }
        if let Some(Candidate { key, first, windows }) = self.candidate
            && windows >= ON
            && self.pressed.is_none_or(|pressed| pressed.key != key)
        {
            self.release(events);
            let at = first + self.edge(BEGIN);
            events.push(DtmfEvent::Pressed { key, at });
            self.pressed = Some(Pressed { key, last: self.begin, missed: 0 });
        }
    }

    fn release(&mut self, events: &mut Vec<DtmfEvent>) {
        if let Some(Pressed { key, last, .. }) = self.pressed.take() {
            events.push(DtmfEvent::Released { key, at: last + self.edge(END) });
        }
    }

    fn edge(&self, part: f32) -> u64 {
        (part * self.taper.len() as f32) as u64
    }
}

impl Band {
    fn new(frequency: f32, rate: f32) -> Self {
        let side = |part: f32| Goertzel::new(frequency * part, rate);
        Self { centre: side(1.0), sides: [side(1.0 - NEIGHBOUR), side(1.0 + NEIGHBOUR)] }
    }

    fn is_centred(&self, power: f32, block: &[f32]) -> bool {
        self.sides.iter().all(|side| side.power(block) <= power)
    }
}

/// The strongest of a group, if it is well above the others.
fn distinct(powers: [f32; 4]) -> Option<(usize, f32)> {
    let mut best = 0;
    for place in 1..4 {
        if powers[place] > powers[best] {
            best = place;
        }
    }
    let others = powers.iter().enumerate().filter(|&(place, _)| place != best);
    let clear = others.map(|(_, power)| power).all(|power| power * DISTINCT <= powers[best]);
    clear.then_some((best, powers[best]))
}
