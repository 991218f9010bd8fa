//! Silero's weights, from a graph whose architecture is seen to be Silero's.

use super::super::VadRate;
use super::architecture::{check_convolution, check_padding, computing};
use super::graph::{Constant, Graph};
use super::onnx::{GraphProto, NodeProto, decode};

/// Numbers of the recurrent state, and of what is heard by it.
pub(super) const STATE: usize = 128;
/// The encoder's convolutions: inputs (0 for the bins of the spectrum), outputs, and the stride in frames.
const ENCODER: [(usize, usize, i64); 4] = [(0, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1)];
/// Frames that an output of the encoder is made of.
const KERNEL: usize = 3;

/// A convolution of one kind, or a matrix with a bias.
pub(super) struct Affine {
    /// By output, then input, then frame.
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// For one sample rate.
pub(super) struct Weights {
    /// By output: those of the real part, then those of the imaginary one.
    pub(super) basis: Vec<f32>,
    pub(super) encoder: [Affine; 4],
    /// Of the input and of the hidden state, by gate: input, output, forget, cell.
    pub(super) gates: [Vec<f32>; 2],
    pub(super) gates_bias: Vec<f32>,
    pub(super) last: Affine,
}

/// Samples of a frame.
pub(super) fn frame(rate: VadRate) -> usize {
    rate.window() / 2
}

/// Frequencies of a spectrum.
pub(super) fn bins(rate: VadRate) -> usize {
    frame(rate) / 2 + 1
}

/// Samples that are mirrored behind a window.
pub(super) fn mirrored(rate: VadRate) -> usize {
    frame(rate) / 4
}

/// The weights of each rate that a file has: narrow, wide.
pub(super) fn read(file: &[u8]) -> Result<[Option<Weights>; 2], String> {
    let outer = decode(file)?;
    let Some((then, other)) = branches(&outer)? else {
        // Of one rate.
        let graph = Graph::new(&outer, &outer)?;
        return Ok([None, Some(weights(&graph, VadRate::Wide)?)]);
    };
    let read = |branch, rate: VadRate| {
        let weights = Graph::new(&outer, branch).and_then(|graph| weights(&graph, rate));
        weights.map_err(|cause| format!("at {} Hz, {cause}", rate.hz()))
    };
    Ok([Some(read(other, VadRate::Narrow)?), Some(read(then, VadRate::Wide)?)])
}

/// What runs if the sample rate is 16 000 Hz, and what else.
fn branches(outer: &GraphProto) -> Result<Option<(&GraphProto, &GraphProto)>, String> {
    let graph = Graph::new(outer, outer)?;
    let is_by_rate = |node: &&NodeProto| {
        let Some(equal) = graph.maker(node.input(0)).filter(|maker| maker.op_type == "Equal") else {
            return false;
        };
        let number = |name| graph.tensor(name).and_then(|tensor| tensor.integers());
        equal.input(0) == "sr" && number(equal.input(1)).as_deref() == Some(&[16_000])
    };
    let Some(node) = outer.node.iter().filter(|node| node.op_type == "If").find(is_by_rate) else {
        return Ok(None);
    };
    let graph = |name| node.attribute(name)?.g.as_deref();
    Ok(graph("then_branch").zip(graph("else_branch")))
}

fn weights(graph: &Graph<'_>, rate: VadRate) -> Result<Weights, String> {
    let nodes = computing(graph)?;
    let (frame, bins) = (frame(rate), bins(rate));
    check_padding(graph, nodes[0], mirrored(rate))?;
    let basis = nodes[1];
    check_convolution(basis, frame, frame as i64 / 2, 0)?;
    for (index, &(_, _, stride)) in ENCODER.iter().enumerate() {
        check_convolution(nodes[6 + 2 * index], KERNEL, stride, 1)?;
    }
    let (lstm, last) = (nodes[14], nodes[16]);
    check_convolution(last, 1, 1, 0)?;
    let affine = |node: &NodeProto, inputs: usize, outputs: usize, kernel: usize| {
        let dims: Vec<usize> = [outputs, inputs, kernel].into_iter().filter(|&dim| dim != 1).collect();
        Ok::<_, String>(Affine {
            weights: elements(graph, node.input(1), &dims)?,
            bias: elements(graph, node.input(2), if outputs == 1 { &[] } else { &dims[..1] })?,
        })
    };
    let encoder = |index: usize| {
        let (inputs, outputs, _) = ENCODER[index];
        affine(nodes[6 + 2 * index], if inputs == 0 { bins } else { inputs }, outputs, KERNEL)
    };
    let matrix = [4 * STATE, STATE];
    let biases = elements(graph, lstm.input(3), &[8 * STATE])?;
    let (of_input, of_hidden) = biases.split_at(4 * STATE);
    Ok(Weights {
        basis: elements(graph, basis.input(1), &[2 * bins, frame])?,
        encoder: [encoder(0)?, encoder(1)?, encoder(2)?, encoder(3)?],
        gates: [elements(graph, lstm.input(1), &matrix)?, elements(graph, lstm.input(2), &matrix)?],
        gates_bias: of_input.iter().zip(of_hidden).map(|(input, hidden)| input + hidden).collect(),
        last: affine(last, STATE, 1, 1)?,
    })
}

fn elements(graph: &Graph<'_>, name: &str, dims: &[usize]) -> Result<Vec<f32>, String> {
    let Constant { dims: found, elements } = graph.constant(name)?;
    if found != dims {
        return Err(format!("`{name}` is {found:?} numbers, and {dims:?} in Silero"));
    }
    if !elements.iter().all(|element| element.is_finite()) {
        return Err(format!("`{name}` has elements that are no numbers"));
    }
    Ok(elements)
}
