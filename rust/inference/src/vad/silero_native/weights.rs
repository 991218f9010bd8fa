//! Silero's weights, from a graph that is seen to be Silero's.

use super::super::VadRate;
use super::graph::{Constant, Graph};
use super::onnx::{GraphProto, NodeProto, decode};

/// Numbers of the recurrent state, and of what is heard by it.
pub(super) const STATE: usize = 128;
/// The encoder's convolutions: inputs (0 for the bins of the spectrum), outputs, and the stride in frames.
const ENCODER: [(usize, usize, i64); 4] = [(0, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1)];
/// Frames that an output of the encoder is made of.
const KERNEL: usize = 3;

/// Operations that compute, in their order. The others move numbers about.
const COMPUTES: [&str; 19] = [
    "Pad",
    "Conv",
    "Pow",
    "Pow",
    "Add",
    "Sqrt",
    "Conv",
    "Relu",
    "Conv",
    "Relu",
    "Conv",
    "Relu",
    "Conv",
    "Relu",
    "LSTM",
    "Relu",
    "Conv",
    "Sigmoid",
    "ReduceMean",
];
/// Of which nothing but the way of the numbers depends.
const MOVES: [&str; 17] = [
    "Cast",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Equal",
    "Gather",
    "Identity",
    "If",
    "Mul",
    "Not",
    "Reshape",
    "Shape",
    "Size",
    "Slice",
    "Squeeze",
    "Sub",
    "Transpose",
];

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
        let (convolution, before) = (nodes[6 + 2 * index], nodes[5 + 2 * index]);
        check_convolution(convolution, KERNEL, stride, 1)?;
        if convolution.input(0) != before.output() || nodes[7 + 2 * index].input(0) != convolution.output() {
            return Err("its convolutions are not one after the other".to_owned());
        }
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

/// The operations that compute, which are to be those of Silero.
fn computing<'a>(graph: &Graph<'a>) -> Result<[&'a NodeProto; COMPUTES.len()], String> {
    let mut nodes: Vec<&NodeProto> = Vec::new();
    let mut is_at_end = false;
    for &node in graph.nodes() {
        let kind = &*node.op_type;
        if !node.domain.is_empty()
            || !(COMPUTES.contains(&kind) || MOVES.contains(&kind) || kind == "Unsqueeze")
        {
            return Err(format!("it has an operation `{kind}`, which Silero has not"));
        }
        // One export adds zero to the state in the end.
        if !COMPUTES.contains(&kind) || is_at_end {
            continue;
        }
        is_at_end = kind == "ReduceMean";
        match nodes.last() {
            // One for a state that is given and one for none; the weights are the same.
            Some(last) if last.op_type == "LSTM" && kind == "LSTM" => check_same(graph, last, node)?,
            _ => nodes.push(node),
        }
    }
    let kinds: Vec<&str> = nodes.iter().map(|node| &*node.op_type).collect();
    let refused =
        |_| format!("it computes {}, and Silero computes {}", kinds.join(", "), COMPUTES.join(", "));
    let nodes: [&NodeProto; COMPUTES.len()] = nodes.clone().try_into().map_err(refused)?;
    if kinds == COMPUTES { Ok(nodes) } else { Err(refused(Vec::new())) }
}

fn check_same(graph: &Graph<'_>, one: &NodeProto, other: &NodeProto) -> Result<(), String> {
    for input in 1..4 {
        let [one, other] = [one, other].map(|node| graph.constant(node.input(input)));
        if one?.elements != other?.elements {
            return Err("it has two LSTMs with weights of their own".to_owned());
        }
    }
    Ok(())
}

/// The end is mirrored, and not the beginning.
fn check_padding(graph: &Graph<'_>, pad: &NodeProto, samples: usize) -> Result<(), String> {
    let amounts = numbers_behind(graph, pad.input(1));
    let samples = samples as i64;
    let is_right =
        amounts.iter().any(|amount| matches!(&**amount, [0, end] | [0, 0, 0, end] if *end == samples));
    let mode = pad.attribute("mode").map(|mode| &*mode.s);
    if pad.input(0) == "input" && mode == Some(b"reflect") && is_right {
        return Ok(());
    }
    Err(format!("it does not mirror the last {samples} samples of its input"))
}

/// The whole numbers in the file from which others are made.
fn numbers_behind(graph: &Graph<'_>, name: &str) -> Vec<Vec<i64>> {
    let mut names = vec![name];
    let mut found = Vec::new();
    // Those of Silero are 15 operations.
    for _ in 0..64 {
        let Some(name) = names.pop() else { break };
        if let Some(tensor) = graph.tensor(name) {
            found.extend(tensor.integers());
        } else if let Some(maker) = graph.maker(name) {
            names.extend(maker.input.iter().take(4).map(String::as_str));
        }
    }
    found
}

fn check_convolution(node: &NodeProto, kernel: usize, stride: i64, padding: i64) -> Result<(), String> {
    let is = |name, wanted: &[i64]| node.attribute(name).is_none_or(|attribute| attribute.ints == wanted);
    let has_stride = node.attribute("strides").map_or(stride == 1, |strides| strides.ints == [stride]);
    let has_padding = node.attribute("pads").map_or(padding == 0, |pads| pads.ints == [padding; 2]);
    let has_one_group = node.attribute("group").is_none_or(|group| group.i == 1);
    let is_plain = is("kernel_shape", &[kernel as i64]) && is("dilations", &[1]) && has_one_group;
    if is_plain && has_stride && has_padding && node.attribute("auto_pad").is_none() {
        return Ok(());
    }
    let found: Vec<String> =
        node.attribute.iter().map(|attribute| format!("{} {:?}", attribute.name, attribute.ints)).collect();
    Err(format!(
        "it has a convolution of {}, where Silero has one of {kernel} frames with stride {stride} and padding {padding}",
        found.join(", ")
    ))
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
