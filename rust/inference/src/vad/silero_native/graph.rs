//! A graph in which names can be looked up, and what its constants come to.

use std::collections::HashMap;

use super::onnx::{GraphProto, NodeProto, TensorProto};

/// A constant comes of so many operations and tensors at most; those of Silero of sixteen.
const MOST_STEPS: usize = 64;
/// Elements that a constant comes to at most; the largest of Silero has 66 048.
const LARGEST: usize = 1 << 17;

/// A graph with those in it. A name must mean the same in all of them, as it does in the files of Silero.
#[derive(Default)]
pub(super) struct Graph<'a> {
    /// In the order in which they run.
    nodes: Vec<&'a NodeProto>,
    makers: HashMap<&'a str, &'a NodeProto>,
    tensors: HashMap<&'a str, &'a TensorProto>,
}

/// A constant. Of its dimensions only those count that are not 1.
pub(super) struct Constant {
    pub(super) dims: Vec<usize>,
    pub(super) elements: Vec<f32>,
}

impl<'a> Graph<'a> {
    /// A branch of an outer graph, whose constants it sees.
    ///
    /// # Errors
    ///
    /// If a name has two meanings.
    pub(super) fn new(outer: &'a GraphProto, branch: &'a GraphProto) -> Result<Self, String> {
        let mut graph = Self::default();
        if !std::ptr::eq(outer, branch) {
            graph.add_tensors(outer)?;
        }
        graph.add(branch)?;
        Ok(graph)
    }

    fn add(&mut self, graph: &'a GraphProto) -> Result<(), String> {
        self.add_tensors(graph)?;
        for node in &graph.node {
            self.nodes.push(node);
            for output in node.output.iter().filter(|output| !output.is_empty()) {
                is_new(output, self.makers.insert(output, node).is_none())?;
            }
            node.graphs().try_for_each(|inner| self.add(inner))?;
        }
        Ok(())
    }

    fn add_tensors(&mut self, graph: &'a GraphProto) -> Result<(), String> {
        let mut tensors = graph.initializer.iter();
        tensors
            .try_for_each(|tensor| is_new(&tensor.name, self.tensors.insert(&tensor.name, tensor).is_none()))
    }

    /// Its operations.
    pub(super) fn nodes(&self) -> &[&'a NodeProto] {
        &self.nodes
    }

    /// The operation whose output has this name.
    pub(super) fn maker(&self, name: &str) -> Option<&'a NodeProto> {
        self.makers.get(name).copied()
    }

    /// A tensor that stands in the file, as an initializer or as an operation of its own.
    pub(super) fn tensor(&self, name: &str) -> Option<&'a TensorProto> {
        let of_node = |node: &'a NodeProto| match &*node.op_type {
            "Constant" => node.attribute("value")?.t.as_deref(),
            _ => None,
        };
        self.tensors.get(name).copied().or_else(|| of_node(self.maker(name)?))
    }

    /// The operation that computed what a name means, before it was moved about. Of two ways the first is
    /// followed; both come from there.
    pub(super) fn origin(&self, name: &'a str) -> Option<&'a NodeProto> {
        let mut name = name;
        for _ in 0..MOST_STEPS {
            let maker = self.maker(name)?;
            name = match &*maker.op_type {
                "Cast" | "Identity" | "Slice" | "Squeeze" | "Unsqueeze" => maker.input(0),
                "If" => {
                    let output = maker.output.iter().position(|output| output == name)?;
                    let branch = maker.attribute("then_branch")?.g.as_deref()?;
                    &branch.output.get(output)?.name
                }
                _ => return Some(maker),
            };
        }
        None
    }

    /// What a name comes to. Exports put the gates of PyTorch's order into that of ONNX when they run.
    pub(super) fn constant(&self, name: &str) -> Result<Constant, String> {
        self.fold(name, &mut MOST_STEPS.clone())
            .ok_or_else(|| format!("`{name}` is no constant that is understood"))
    }

    fn fold(&self, name: &str, steps: &mut usize) -> Option<Constant> {
        *steps = steps.checked_sub(1)?;
        if let Some(tensor) = self.tensor(name) {
            let elements = tensor.floats().filter(|elements| elements.len() <= LARGEST)?;
            let dims = tensor.dims.iter().filter_map(|&dim| usize::try_from(dim).ok());
            return Some(Constant { dims: dims.filter(|&dim| dim != 1).collect(), elements });
        }
        let node = self.maker(name)?;
        match &*node.op_type {
            // Of numbers that are of 32 bits before and afterwards, as is seen in the end.
            "Identity" | "Cast" | "Unsqueeze" | "Squeeze" => self.fold(node.input(0), steps),
            "Slice" => self.slice(node, steps),
            "Concat" => self.concat(node, steps),
            _ => None,
        }
    }

    /// Rows of a matrix.
    fn slice(&self, node: &NodeProto, steps: &mut usize) -> Option<Constant> {
        let one = |index| match *self.tensor(node.input(index))?.integers()? {
            [number] => usize::try_from(number).ok(),
            _ => None,
        };
        let (start, end) = (one(1)?, one(2)?);
        if node.input.len() < 4 || one(3)? != 0 || (node.input.len() > 4 && one(4)? != 1) {
            return None;
        }
        let of = self.fold(node.input(0), steps)?;
        let rows = of.dims.first().copied().filter(|&rows| rows > 0)?;
        let row = of.elements.len() / rows;
        let elements = of.elements.get(start.checked_mul(row)?..end.min(rows).checked_mul(row)?)?.to_vec();
        let mut dims = of.dims;
        dims[0] = end.min(rows).checked_sub(start)?;
        Some(Constant { dims, elements })
    }

    /// Rows of several matrices.
    fn concat(&self, node: &NodeProto, steps: &mut usize) -> Option<Constant> {
        if node.attribute("axis").is_none_or(|axis| axis.i != 0) {
            return None;
        }
        let mut all: Option<Constant> = None;
        for input in &node.input {
            let next = self.fold(input, steps)?;
            let Some(so_far) = &mut all else {
                all = Some(next);
                continue;
            };
            let is_like = !next.dims.is_empty() && so_far.dims.get(1..) == next.dims.get(1..);
            if !is_like || so_far.elements.len() + next.elements.len() > LARGEST {
                return None;
            }
            so_far.dims[0] += next.dims[0];
            so_far.elements.extend(next.elements);
        }
        all
    }
}

fn is_new(name: &str, is_new: bool) -> Result<(), String> {
    if is_new { Ok(()) } else { Err(format!("`{name}` is defined twice")) }
}
