//! Whether a graph computes what Silero computes.

use super::graph::Graph;
use super::onnx::NodeProto;

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
/// The place of one of them.
const LSTM: usize = 14;
/// On which nothing but the way of the numbers depends.
const MOVES: [&str; 18] = [
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
    "Unsqueeze",
];

/// The operations that compute, which are to be those of Silero.
pub(super) fn computing<'a>(graph: &Graph<'a>) -> Result<[&'a NodeProto; COMPUTES.len()], String> {
    let mut nodes: Vec<&NodeProto> = Vec::new();
    let mut is_at_end = false;
    for &node in graph.nodes() {
        let kind = &*node.op_type;
        if !node.domain.is_empty() || !(COMPUTES.contains(&kind) || MOVES.contains(&kind)) {
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
    if kinds != COMPUTES {
        return Err(refused(Vec::new()));
    }
    check_order(graph, &nodes)?;
    check_recurrence(graph, nodes[LSTM])?;
    Ok(nodes)
}

/// Each computes with what the one before it came to, which was only moved meanwhile.
fn check_order(graph: &Graph<'_>, nodes: &[&NodeProto; COMPUTES.len()]) -> Result<(), String> {
    let follows = |at: usize, input: usize, before: usize| {
        let origin = graph.origin(nodes[at].input(input));
        match origin.is_some_and(|origin| std::ptr::eq(origin, nodes[before])) {
            true => Ok(()),
            false => Err(format!("its {} is not made of its {}", COMPUTES[at], COMPUTES[before])),
        }
    };
    for (at, &kind) in COMPUTES.iter().enumerate().skip(1) {
        // Both squares are of the first convolution, and what is added are both.
        match kind {
            "Pow" => follows(at, 0, 1)?,
            "Add" => [0, 1].into_iter().try_for_each(|input| follows(at, input, 2 + input))?,
            _ => follows(at, 0, at - 1)?,
        }
    }
    let exponent = |at: usize| graph.tensor(nodes[at].input(1)).and_then(|tensor| tensor.floats());
    match [2, 3].into_iter().all(|at| exponent(at).as_deref() == Some(&[2.0])) {
        true => Ok(()),
        false => Err("it takes powers that are no squares".to_owned()),
    }
}

/// In one direction and with the usual functions, from the hidden state and that of the cells.
fn check_recurrence(graph: &Graph<'_>, lstm: &NodeProto) -> Result<(), String> {
    let is_half = |input: usize, half: i64| {
        let gather = graph.origin(lstm.input(input)).filter(|origin| origin.op_type == "Gather");
        gather.is_some_and(|gather| {
            let index = graph.tensor(gather.input(1)).and_then(|tensor| tensor.integers());
            gather.input(0) == "state" && index.as_deref() == Some(&[half])
        })
    };
    let is_plain = lstm.attribute.iter().all(|attribute| attribute.name == "hidden_size");
    let has_sequence = !lstm.input(4).is_empty() || lstm.input.len() > 7;
    if is_plain && !has_sequence && is_half(5, 0) && is_half(6, 1) {
        return Ok(());
    }
    Err("its LSTM is another than Silero's, or begins with another state".to_owned())
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
pub(super) fn check_padding(graph: &Graph<'_>, pad: &NodeProto, samples: usize) -> Result<(), String> {
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

pub(super) fn check_convolution(
    node: &NodeProto,
    kernel: usize,
    stride: i64,
    padding: i64,
) -> Result<(), String> {
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
