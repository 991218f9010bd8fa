//! The network at one sample rate: what it computes of a batch.

use pulp::{Arch, Simd, WithSimd};

use super::super::silero_memory::{SileroMemory, context};
use super::super::{VadRate, VadWindow};
use super::activation::{sigmoid, tanh};
use super::layer::{Finish, Group, Layer, Pass, Place};
use super::spectrum::{Spectrum, Workspace};
use super::weights::{Affine, STATE, Weights, bins, frame, mirrored};

const FULL_SCALE: f32 = 32_768.0;
/// Frames of a window.
const FRAMES: usize = 4;
/// Windows that are computed together at most: their numbers and the weights fit into a megabyte of cache.
const BLOCK: usize = 24;
/// Up to so many windows, to read weights once is worth more than to leave out zeros.
const FEW: usize = 2;

/// Outputs of the encoder's layers.
const FIRST: usize = 128;
const SECOND: usize = 64;
const THIRD: usize = 64;

/// The weights, laid out.
pub(super) struct Network {
    rate: VadRate,
    spectrum: Spectrum,
    encoder: [Layer; 4],
    gates: Layer,
    last: [f32; STATE],
    last_bias: f32,
}

/// Numbers on their way through the network, window by window.
pub(super) struct Buffers {
    workspace: Workspace,
    /// The context, one window, and its end mirrored.
    heard: Vec<f32>,
    /// Of four frames, between two of zeros.
    magnitudes: Vec<f32>,
    /// Of four frames, behind one of zeros.
    first: Vec<f32>,
    /// Of two frames.
    second: Vec<f32>,
    third: Vec<f32>,
    /// What the encoder says, and the state.
    to_gates: Vec<f32>,
    gates: Vec<f32>,
}

impl Network {
    /// # Errors
    ///
    /// If the transform is another than Silero's.
    pub(super) fn new(rate: VadRate, weights: Weights) -> Result<Self, String> {
        let Weights { basis, encoder: [first, second, third, fourth], gates, gates_bias, last } = weights;
        let [of_input, of_hidden] = gates;
        let gate = |output: usize, input: usize| match input.checked_sub(STATE) {
            None => of_input[output * STATE + input],
            Some(input) => of_hidden[output * STATE + input],
        };
        let mut weights = [0.0; STATE];
        weights.copy_from_slice(&last.weights);
        Ok(Self {
            rate,
            spectrum: Spectrum::of(&basis, frame(rate))?,
            encoder: [
                convolution(first, bins(rate), 0, 3),
                convolution(second, FIRST, 0, 3),
                // Of two frames, one is made: nothing stands before them, and of one frame, one.
                convolution(third, SECOND, 1, 2),
                convolution(fourth, THIRD, 1, 1),
            ],
            gates: Layer::new(2 * STATE, gates_bias, gate),
            last: weights,
            last_bias: last.bias[0],
        })
    }

    pub(super) fn buffers(&self) -> Buffers {
        let zeros = |numbers| vec![0.0; BLOCK * numbers];
        Buffers {
            workspace: self.spectrum.workspace(),
            heard: vec![0.0; context(self.rate) + self.rate.window() + mirrored(self.rate)],
            magnitudes: zeros((FRAMES + 2) * bins(self.rate)),
            first: zeros((FRAMES + 1) * FIRST),
            second: zeros(2 * SECOND),
            third: zeros(THIRD),
            to_gates: zeros(2 * STATE),
            gates: zeros(4 * STATE),
        }
    }

    /// Sets the confidences of windows of the right length.
    pub(super) fn run(&self, buffers: &mut Buffers, windows: &mut [VadWindow<'_, SileroMemory>]) {
        let arch = Arch::new();
        for windows in windows.chunks_mut(BLOCK) {
            arch.dispatch(Block { network: self, buffers, windows });
        }
    }
}

/// Some frames of a convolution's three, frame by frame as the numbers lie.
fn convolution(affine: Affine, inputs: usize, first: usize, frames: usize) -> Layer {
    let Affine { weights, bias } = affine;
    Layer::new(frames * inputs, bias, |output, input| {
        weights[(output * inputs + input % inputs) * 3 + first + input / inputs]
    })
}

/// What runs with the widest instructions that the machine has.
struct Block<'a, 'w> {
    network: &'a Network,
    buffers: &'a mut Buffers,
    windows: &'a mut [VadWindow<'w, SileroMemory>],
}

impl WithSimd for Block<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.hear();
        simd.vectorize(Encode {
            simd,
            network: self.network,
            buffers: self.buffers,
            windows: self.windows.len(),
        });
        self.remember();
    }
}

impl Block<'_, '_> {
    /// Samples become magnitudes.
    #[inline(always)]
    fn hear(&mut self) {
        let Network { rate, spectrum, .. } = self.network;
        let (context, frame, bins, mirrored) = (context(*rate), frame(*rate), bins(*rate), mirrored(*rate));
        let end = context + rate.window();
        let buffers = &mut *self.buffers;
        let heard = &mut *buffers.heard;
        let magnitudes = buffers.magnitudes.chunks_exact_mut((FRAMES + 2) * bins);
        let to_gates = buffers.to_gates.chunks_exact_mut(2 * STATE);
        for ((window, magnitudes), to_gates) in self.windows.iter_mut().zip(magnitudes).zip(to_gates) {
            let memory = &mut *window.memory;
            memory.begin(*rate);
            heard[..context].copy_from_slice(&memory.context[..context]);
            for (heard, &sample) in heard[context..end].iter_mut().zip(window.samples) {
                *heard = f32::from(sample) * (1.0 / FULL_SCALE);
            }
            for at in 0..mirrored {
                heard[end + at] = heard[end - 2 - at];
            }
            memory.context[..context].copy_from_slice(&heard[end - context..end]);
            for (index, magnitudes) in magnitudes[bins..].chunks_exact_mut(bins).take(FRAMES).enumerate() {
                let frame = &heard[index * frame / 2..][..frame];
                spectrum.magnitudes(frame, &mut buffers.workspace, magnitudes);
            }
            to_gates[STATE..].copy_from_slice(&memory.state[0]);
        }
    }

    /// Gates become states and confidences.
    #[inline(always)]
    fn remember(&mut self) {
        let gates = self.buffers.gates.chunks_exact(4 * STATE);
        for (window, gates) in self.windows.iter_mut().zip(gates) {
            let [hidden, cell] = &mut window.memory.state;
            let (input, gates) = gates.split_at(STATE);
            let (output, gates) = gates.split_at(STATE);
            let (forget, new) = gates.split_at(STATE);
            for at in 0..STATE {
                cell[at] = sigmoid(forget[at]) * cell[at] + sigmoid(input[at]) * tanh(new[at]);
                hidden[at] = sigmoid(output[at]) * tanh(cell[at]);
            }
            let terms =
                hidden.iter().zip(&self.network.last).map(|(hidden, weight)| hidden.max(0.0) * weight);
            window.confidence = sigmoid(terms.sum::<f32>() + self.network.last_bias);
        }
    }
}

/// Magnitudes become gates.
struct Encode<'a, S> {
    simd: S,
    network: &'a Network,
    buffers: &'a mut Buffers,
    windows: usize,
}

impl<S: Simd> WithSimd for Encode<'_, S> {
    type Output = ();

    #[inline(always)]
    fn with_simd<T: Simd>(self, _simd: T) {
        let Self { simd, network, buffers, windows } = self;
        let [first, second, third, fourth] = &network.encoder;
        let bins = bins(network.rate);
        let group = |frames, inputs| Group { frames, inputs };
        let [all_four, all_two] = [group(0..4, 0..3 * bins), group(0..2, 0..3 * FIRST)];
        // Without the zeros before and behind a window.
        let four = [group(0..1, bins..3 * bins), group(1..3, 0..3 * bins), group(3..4, 0..2 * bins)];
        let two = [group(0..1, FIRST..3 * FIRST), group(1..2, 0..3 * FIRST)];
        let is_few = windows <= FEW;
        first.apply(
            simd,
            Pass {
                windows,
                groups: if is_few { std::slice::from_ref(&all_four) } else { &four },
                input: &buffers.magnitudes,
                from: Place { window: (FRAMES + 2) * bins, frame: bins },
                output: &mut buffers.first[FIRST..],
                to: Place { window: (FRAMES + 1) * FIRST, frame: FIRST },
                finish: Finish::Relu,
            },
        );
        second.apply(
            simd,
            Pass {
                windows,
                groups: if is_few { std::slice::from_ref(&all_two) } else { &two },
                input: &buffers.first,
                from: Place { window: (FRAMES + 1) * FIRST, frame: 2 * FIRST },
                output: &mut buffers.second,
                to: Place { window: 2 * SECOND, frame: SECOND },
                finish: Finish::Relu,
            },
        );
        third.apply(
            simd,
            Pass {
                windows,
                groups: &third.whole(),
                input: &buffers.second,
                from: Place { window: 2 * SECOND, frame: 0 },
                output: &mut buffers.third,
                to: Place { window: THIRD, frame: 0 },
                finish: Finish::Relu,
            },
        );
        fourth.apply(
            simd,
            Pass {
                windows,
                groups: &fourth.whole(),
                input: &buffers.third,
                from: Place { window: THIRD, frame: 0 },
                output: &mut buffers.to_gates,
                to: Place { window: 2 * STATE, frame: 0 },
                finish: Finish::Relu,
            },
        );
        network.gates.apply(
            simd,
            Pass {
                windows,
                groups: &network.gates.whole(),
                input: &buffers.to_gates,
                from: Place { window: 2 * STATE, frame: 0 },
                output: &mut buffers.gates,
                to: Place { window: 4 * STATE, frame: 0 },
                finish: Finish::Nothing,
            },
        );
    }
}
