//! Sigmoid and hyperbolic tangent, in operations that the compiler makes vectors of.

use std::f32::consts::{LN_2, LOG2_E};

/// Added to a small number, it leaves the nearest whole one in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// To 2e-7 of it. Beyond 87 it does not grow any more.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * LOG2_E + ROUNDER;
    let rest = x - (shifted - ROUNDER) * LN_2;
    // Taylor's series at most ln 2 / 2 from zero.
    let mut sum = 1.0 / 5040.0;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * rest + factor;
    }
    sum * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    2.0 / (1.0 + exp(-2.0 * x)) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_their_names_say() {
        for step in -20_000..=20_000 {
            let x = step as f32 / 100.0;
            let wide = f64::from(x);
            let expected = 1.0 / (1.0 + (-wide).exp());
            assert!((f64::from(sigmoid(x)) - expected).abs() < 3e-7, "sigmoid({x}) is {}", sigmoid(x));
            assert!((f64::from(tanh(x)) - wide.tanh()).abs() < 6e-7, "tanh({x}) is {}", tanh(x));
        }
        assert_eq!((sigmoid(f32::INFINITY), tanh(f32::NEG_INFINITY)), (1.0, -1.0));
    }
}
