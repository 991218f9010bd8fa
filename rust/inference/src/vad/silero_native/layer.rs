//! A matrix with a bias, applied to many frames at once.

use std::ops::Range;

use pulp::{Simd, as_arrays, as_arrays_mut};

/// Outputs that are computed together.
const PANEL: usize = 16;
/// Frames that are computed together: with two vectors for the outputs, twelve sums fill the registers.
const TILE: usize = 6;

/// Its weights are laid out once, as they are read: for each panel of outputs, input after input. A product
/// of matrices from a library (`matrixmultiply`) does that anew each time: its products alone take 97 µs for
/// one window, and 16 µs each for eight, where the whole network takes 15 µs and 9 µs with these.
pub(super) struct Layer {
    inputs: usize,
    panels: Vec<f32>,
    bias: Vec<f32>,
}

/// Where the frames of windows are in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Numbers from one window to the next.
    pub(super) window: usize,
    /// From one frame to the next.
    pub(super) frame: usize,
}

/// Frames that are made of the same of their inputs; of the others, which are zero, are none.
#[derive(Clone)]
pub(super) struct Group {
    pub(super) frames: Range<usize>,
    pub(super) inputs: Range<usize>,
}

/// What becomes of a sum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Nothing,
    /// No less than zero.
    Relu,
}

/// One pass of a layer.
pub(super) struct Pass<'a> {
    pub(super) windows: usize,
    pub(super) groups: &'a [Group],
    pub(super) input: &'a [f32],
    pub(super) from: Place,
    pub(super) output: &'a mut [f32],
    pub(super) to: Place,
    pub(super) finish: Finish,
}

impl Layer {
    /// # Arguments
    ///
    /// * `weight` - That of an output and an input.
    pub(super) fn new(inputs: usize, bias: Vec<f32>, weight: impl Fn(usize, usize) -> f32) -> Self {
        assert!(bias.len().is_multiple_of(PANEL), "panels are whole");
        let mut panels = Vec::with_capacity(inputs * bias.len());
        for first in (0..bias.len()).step_by(PANEL) {
            for input in 0..inputs {
                panels.extend((first..first + PANEL).map(|output| weight(output, input)));
            }
        }
        Self { inputs, panels, bias }
    }

    /// All inputs for one frame.
    pub(super) fn whole(&self) -> [Group; 1] {
        [Group { frames: 0..1, inputs: 0..self.inputs }]
    }

    /// Computes frames of all windows.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(&self, simd: S, pass: Pass<'_>) {
        match S::F32_LANES {
            16 => self.apply_with::<S, 1>(simd, pass),
            8 => self.apply_with::<S, 2>(simd, pass),
            4 => self.apply_with::<S, 4>(simd, pass),
            2 => self.apply_with::<S, 8>(simd, pass),
            _ => self.apply_with::<S, PANEL>(simd, pass),
        }
    }

    /// Panel by panel, each of which stays in the nearest cache for all frames.
    #[inline(always)]
    fn apply_with<S: Simd, const V: usize>(&self, simd: S, pass: Pass<'_>) {
        let Pass { windows, groups, input, from, output, to, finish } = pass;
        for (index, (panel, bias)) in
            self.panels.chunks_exact(self.inputs * PANEL).zip(self.bias.chunks_exact(PANEL)).enumerate()
        {
            let bias = as_arrays::<V, _>(S::as_simd_f32s(bias).0).0[0];
            for group in groups {
                let weights = &panel[group.inputs.start * PANEL..group.inputs.end * PANEL];
                let weights = as_arrays::<V, _>(S::as_simd_f32s(weights).0).0;
                let mut tiles = Tiles { simd, group, input, from, output, to, finish, index, weights, bias };
                let frames = windows * group.frames.len();
                let mut frame = 0;
                while frames - frame >= TILE {
                    tiles.tile::<TILE>(frame);
                    frame += TILE;
                }
                match frames - frame {
                    0 => {}
                    1 => tiles.single(frame),
                    2 => tiles.tile::<2>(frame),
                    3 => tiles.tile::<3>(frame),
                    4 => tiles.tile::<4>(frame),
                    _ => tiles.tile::<5>(frame),
                }
            }
        }
    }
}

struct Tiles<'a, S: Simd, const V: usize> {
    simd: S,
    group: &'a Group,
    input: &'a [f32],
    from: Place,
    output: &'a mut [f32],
    to: Place,
    finish: Finish,
    index: usize,
    weights: &'a [[S::f32s; V]],
    bias: [S::f32s; V],
}

impl<'a, S: Simd, const V: usize> Tiles<'a, S, V> {
    #[inline(always)]
    fn place(&self, at: usize, place: Place) -> usize {
        let frames = self.group.frames.len();
        at / frames * place.window + (self.group.frames.start + at % frames) * place.frame
    }

    #[inline(always)]
    fn frame(&self, at: usize) -> &'a [f32] {
        &self.input[self.place(at, self.from) + self.group.inputs.start..][..self.weights.len()]
    }

    #[inline(always)]
    fn tile<const N: usize>(&mut self, first: usize) {
        let simd = self.simd;
        let frames: [&[f32]; N] = std::array::from_fn(|n| self.frame(first + n));
        let mut sums = [self.bias; N];
        for (k, weights) in self.weights.iter().enumerate() {
            for n in 0..N {
                let x = simd.splat_f32s(frames[n][k]);
                for v in 0..V {
                    sums[n][v] = simd.mul_add_e_f32s(weights[v], x, sums[n][v]);
                }
            }
        }
        for (n, sums) in sums.into_iter().enumerate() {
            self.finish(first + n, sums);
        }
    }

    /// One frame, as four sums that do not wait for each other.
    #[inline(always)]
    fn single(&mut self, at: usize) {
        let simd = self.simd;
        let frame = self.frame(at);
        let zero = [simd.splat_f32s(0.0); V];
        let mut sums = [self.bias, zero, zero, zero];
        let (fours, rest) = as_arrays::<4, _>(self.weights);
        let (frame_fours, frame_rest) = frame.as_chunks::<4>();
        for (weights, frame) in fours.iter().zip(frame_fours) {
            for n in 0..4 {
                let x = simd.splat_f32s(frame[n]);
                for v in 0..V {
                    sums[n][v] = simd.mul_add_e_f32s(weights[n][v], x, sums[n][v]);
                }
            }
        }
        for (weights, &x) in rest.iter().zip(frame_rest) {
            for v in 0..V {
                sums[0][v] = simd.mul_add_e_f32s(weights[v], simd.splat_f32s(x), sums[0][v]);
            }
        }
        let [a, b, c, d] = sums;
        let all =
            std::array::from_fn(|v| simd.add_f32s(simd.add_f32s(a[v], b[v]), simd.add_f32s(c[v], d[v])));
        self.finish(at, all);
    }

    #[inline(always)]
    fn finish(&mut self, at: usize, mut sums: [S::f32s; V]) {
        let simd = self.simd;
        if self.finish == Finish::Relu {
            sums = sums.map(|sum| simd.max_f32s(sum, simd.splat_f32s(0.0)));
        }
        let begin = self.place(at, self.to) + self.index * PANEL;
        let output = S::as_mut_simd_f32s(&mut self.output[begin..begin + PANEL]).0;
        as_arrays_mut::<V, _>(output).0[0] = sums;
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::*;

    const INPUTS: usize = 7;
    const OUTPUTS: usize = 32;
    const FROM: Place = Place { window: 20, frame: 3 };
    const TO: Place = Place { window: 3 * OUTPUTS, frame: OUTPUTS };

    struct Run<'a>(&'a Layer, Pass<'a>);

    impl WithSimd for Run<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.0.apply(simd, self.1);
        }
    }

    fn number(seed: usize) -> f32 {
        (seed * 7_919 % 201) as f32 / 100.0 - 1.0
    }

    #[test]
    fn it_is_a_matrix_with_a_bias_on_every_machine() {
        let layer = Layer::new(INPUTS, (0..OUTPUTS).map(number).collect(), |o, i| number(100 + o * 13 + i));
        let groups = [Group { frames: 0..1, inputs: 2..INPUTS }, Group { frames: 1..3, inputs: 0..INPUTS }];
        for windows in 1..9 {
            let input: Vec<f32> = (0..windows * FROM.window).map(|n| number(n * 3)).collect();
            let mut outputs = [vec![9.0; windows * TO.window], vec![9.0; windows * TO.window]];
            let [vectors, scalars] = &mut outputs;
            let pass = |output| {
                let (input, groups, finish) = (&*input, &groups[..], Finish::Relu);
                Pass { windows, groups, input, from: FROM, output, to: TO, finish }
            };
            Arch::new().dispatch(Run(&layer, pass(vectors)));
            Scalar::new().vectorize(Run(&layer, pass(scalars)));
            for at in 0..windows * TO.window {
                let (window, frame, output) = (at / TO.window, at % TO.window / OUTPUTS, at % OUTPUTS);
                let heard = &input[window * FROM.window + frame * FROM.frame..];
                let first = if frame == 0 { 2 } else { 0 };
                let terms = (first..INPUTS).map(|i| number(100 + output * 13 + i) * heard[i]);
                let expected = (terms.sum::<f32>() + number(output)).max(0.0);
                for outputs in &outputs {
                    assert!((outputs[at] - expected).abs() < 1e-5, "{} is not {expected}", outputs[at]);
                }
            }
        }
    }
}
