//! G.711, the code of telephony: 8-bit µ-law and A-law to and from 16-bit linear samples.
//!
//! Every direction is a table look-up. The tables follow ITU-T G.711 and the reference code of
//! G.191, with the 14 (µ-law) or 13 (A-law) bits of the recommendation as the upper ones of a
//! sample.
//!
//! Python's `audioop`, and with it pipecat, codes negative samples for µ-law otherwise: it rounds
//! them away from zero to 14 bits first, so that -1 becomes -8 and not 0.
//! [`linear_to_ulaw_as_audioop`] is for those who must have the same bytes; no decoder can tell the
//! difference beyond a step of the code, and for A-law there is none.

use std::sync::LazyLock;

const ULAW_BIAS: i32 = 33;
const ULAW_LARGEST: i32 = 8191;

static ULAW_DECODING: [i16; 256] = ulaw_decoding();
static ALAW_DECODING: [i16; 256] = alaw_decoding();
// Made at their first use, in some 20 µs.
static ULAW_ENCODING: LazyLock<[u8; 1 << 14]> = LazyLock::new(|| ulaw_encoding(false));
static ULAW_ENCODING_AS_AUDIOOP: LazyLock<[u8; 1 << 14]> = LazyLock::new(|| ulaw_encoding(true));
static ALAW_ENCODING: LazyLock<[u8; 1 << 13]> = LazyLock::new(alaw_encoding);

/// Appends µ-law audio as 16-bit samples.
pub fn ulaw_to_linear(input: &[u8], output: &mut Vec<i16>) {
    output.extend(input.iter().map(|&code| ULAW_DECODING[usize::from(code)]));
}

/// Appends 16-bit samples as µ-law audio.
pub fn linear_to_ulaw(input: &[i16], output: &mut Vec<u8>) {
    let table = &*ULAW_ENCODING;
    output.extend(input.iter().map(|&sample| table[usize::from(sample as u16 >> 2)]));
}

/// Appends 16-bit samples as µ-law audio, byte for byte as Python's `audioop.lin2ulaw`.
pub fn linear_to_ulaw_as_audioop(input: &[i16], output: &mut Vec<u8>) {
    let table = &*ULAW_ENCODING_AS_AUDIOOP;
    output.extend(input.iter().map(|&sample| table[usize::from(sample as u16 >> 2)]));
}

/// Appends A-law audio as 16-bit samples.
pub fn alaw_to_linear(input: &[u8], output: &mut Vec<i16>) {
    output.extend(input.iter().map(|&code| ALAW_DECODING[usize::from(code)]));
}

/// Appends 16-bit samples as A-law audio.
pub fn linear_to_alaw(input: &[i16], output: &mut Vec<u8>) {
    let table = &*ALAW_ENCODING;
    output.extend(input.iter().map(|&sample| table[usize::from(sample as u16 >> 3)]));
}

/// The value of each code: four bits of a step within three bits of a segment, whose steps are
/// twice as wide as those of the segment below.
const fn ulaw_decoding() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = !(code as u8);
        let (segment, step) = ((bits >> 4) & 7, (bits & 15) as i32);
        let magnitude = (((2 * step + ULAW_BIAS) << segment) - ULAW_BIAS) * 4;
        table[code] = if bits & 0x80 == 0 { magnitude } else { -magnitude } as i16;
        code += 1;
    }
    table
}

const fn alaw_decoding() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = code as u8 ^ 0x55;
        let (segment, step) = ((bits >> 4) & 7, (bits & 15) as i32);
        // The two lowest segments have steps of one width.
        let magnitude = if segment == 0 { 2 * step + 1 } else { (2 * step + 33) << (segment - 1) } * 8;
        table[code] = if bits & 0x80 == 0 { -magnitude } else { magnitude } as i16;
        code += 1;
    }
    table
}

/// The code of each sample of 14 bits, at the index of its bits.
fn ulaw_encoding(as_audioop: bool) -> [u8; 1 << 14] {
    std::array::from_fn(|bits| {
        let sample = i32::from(((bits as u16) << 2) as i16 >> 2);
        let magnitude = match sample {
            0.. => sample,
            _ if as_audioop => -sample,
            // A sample was cut to 14 bits towards minus infinity: this is its magnitude, cut.
            _ => -1 - sample,
        };
        let biased = (magnitude + ULAW_BIAS).min(ULAW_LARGEST);
        let segment = 26 - biased.leading_zeros();
        let code = (segment << 4) as u8 | (biased >> (segment + 1) & 15) as u8;
        !if sample < 0 { code | 0x80 } else { code }
    })
}

/// The code of each sample of 13 bits, at the index of its bits.
fn alaw_encoding() -> [u8; 1 << 13] {
    std::array::from_fn(|bits| {
        let sample = i32::from(((bits as u16) << 3) as i16 >> 3);
        let magnitude = if sample < 0 { -1 - sample } else { sample };
        let segment = 27_u32.saturating_sub(magnitude.leading_zeros());
        let code = (segment << 4) as u8 | (magnitude >> segment.max(1) & 15) as u8;
        0x55 ^ if sample < 0 { code } else { code | 0x80 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIN2ULAW: u32 = 0x3b7c_3a3e;
    const LIN2ALAW: u32 = 0x9133_796e;
    const ULAW2LIN: u32 = 0x0c84_7a9f;
    const ALAW2LIN: u32 = 0x9d76_4657;

    /// µ-law after the flow chart of G.191's `ulaw_compress`: ones' complement of negative samples,
    /// a clipped and biased magnitude, and a search for its segment.
    fn reference_ulaw(sample: i16) -> u8 {
        let magnitude = if sample < 0 { (!sample >> 2) + 33 } else { (sample >> 2) + 33 }.min(0x1fff);
        let (mut rest, mut segment) = (magnitude >> 6, 1);
        while rest != 0 {
            segment += 1;
            rest >>= 1;
        }
        let high = 8 - segment;
        let low = 0xf - ((magnitude >> segment) & 0xf);
        let code = ((high << 4) | low) as u8;
        if sample >= 0 { code | 0x80 } else { code }
    }

    /// A-law after the flow chart of G.191's `alaw_compress`, on 12 bits of magnitude.
    fn reference_alaw(sample: i16) -> u8 {
        let mut rest = if sample < 0 { !sample >> 4 } else { sample >> 4 };
        if rest > 15 {
            let mut exponent = 1;
            while rest > 16 + 15 {
                rest >>= 1;
                exponent += 1;
            }
            rest = rest - 16 + (exponent << 4);
        }
        let code = if sample >= 0 { rest | 0x80 } else { rest };
        code as u8 ^ 0x55
    }

    /// The expansions of G.191, which give 16 bits.
    fn reference_ulaw_value(code: u8) -> i16 {
        let sign = if code < 0x80 { -1 } else { 1 };
        let inverted = !i32::from(code);
        let exponent = (inverted >> 4) & 7;
        let step = 4 << (exponent + 1);
        (sign * ((0x80 << exponent) + step * (inverted & 0xf) + step / 2 - 4 * 33)) as i16
    }

    fn reference_alaw_value(code: u8) -> i16 {
        let bits = i32::from(code ^ 0x55) & 0x7f;
        let (exponent, mut mantissa) = (bits >> 4, bits & 15);
        if exponent > 0 {
            mantissa += 16;
        }
        mantissa = (mantissa << 4) + 8;
        if exponent > 1 {
            mantissa <<= exponent - 1;
        }
        (if code > 127 { mantissa } else { -mantissa }) as i16
    }

    fn every_sample() -> Vec<i16> {
        (i16::MIN..=i16::MAX).collect()
    }

    fn every_code() -> Vec<u8> {
        (0..=255).collect()
    }

    fn coded(code: fn(&[i16], &mut Vec<u8>)) -> Vec<u8> {
        let mut output = Vec::new();
        code(&every_sample(), &mut output);
        output
    }

    fn decoded(decode: fn(&[u8], &mut Vec<i16>)) -> Vec<i16> {
        let mut output = Vec::new();
        decode(&every_code(), &mut output);
        output
    }

    #[test]
    fn every_sample_is_coded_as_by_the_itu_reference() {
        let ulaw: Vec<u8> = every_sample().into_iter().map(reference_ulaw).collect();
        let alaw: Vec<u8> = every_sample().into_iter().map(reference_alaw).collect();
        assert_eq!(coded(linear_to_ulaw), ulaw);
        assert_eq!(coded(linear_to_alaw), alaw);
    }

    #[test]
    fn every_code_is_decoded_as_by_the_itu_reference() {
        let ulaw: Vec<i16> = every_code().into_iter().map(reference_ulaw_value).collect();
        let alaw: Vec<i16> = every_code().into_iter().map(reference_alaw_value).collect();
        assert_eq!(decoded(ulaw_to_linear), ulaw);
        assert_eq!(decoded(alaw_to_linear), alaw);
    }

    #[test]
    fn values_of_a_code_are_coded_as_it() {
        for (code, value) in every_code().into_iter().zip(decoded(alaw_to_linear)) {
            assert_eq!(reference_alaw(value), code);
        }
        // µ-law has two zeros; the positive one is taken.
        for (code, value) in every_code().into_iter().zip(decoded(ulaw_to_linear)) {
            assert_eq!(reference_ulaw(value), if code == 0x7f { 0xff } else { code });
        }
    }

    /// Sums of the results of CPython 3.11's `audioop` over all samples, or codes, in rising order:
    /// `zlib.crc32(audioop.lin2ulaw(array("h", range(-32768, 32768)).tobytes(), 2))` and so on.
    #[test]
    fn all_results_of_audioop() {
        let bytes = |samples: Vec<i16>| samples.into_iter().flat_map(i16::to_le_bytes).collect::<Vec<u8>>();
        assert_eq!(crc32(&coded(linear_to_ulaw_as_audioop)), LIN2ULAW);
        assert_eq!(crc32(&coded(linear_to_alaw)), LIN2ALAW);
        assert_eq!(crc32(&bytes(decoded(ulaw_to_linear))), ULAW2LIN);
        assert_eq!(crc32(&bytes(decoded(alaw_to_linear))), ALAW2LIN);
    }

    #[test]
    fn audioop_differs_by_one_step_of_negative_samples() {
        let pairs = coded(linear_to_ulaw).into_iter().zip(coded(linear_to_ulaw_as_audioop));
        for (sample, (ours, theirs)) in every_sample().into_iter().zip(pairs) {
            assert!(ours == theirs || (sample < 0 && ours == theirs + 1), "{sample}");
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, &byte| {
            (0..8).fold(sum ^ u32::from(byte), |sum, _| sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
        })
    }
}
