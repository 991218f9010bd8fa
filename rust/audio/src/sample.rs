//! Between 16-bit samples and numbers with a fraction.

/// Rounds to the nearest sample, clamping at full scale. NaN is silence.
#[inline]
pub(crate) fn to_sample(value: f32) -> i16 {
    // `f32::round` is a library call where SSE 4.1 may not be assumed; the cast saturates.
    (value + 0.5_f32.copysign(value)) as i16
}
