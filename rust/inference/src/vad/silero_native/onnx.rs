//! What of the ONNX format is needed to read weights: messages of `onnx.proto`, with few of their fields.

use prost::Message;

/// Bytes of a file at most; Silero's have 2.3 million. An empty message has two of them and some hundred when
/// it is decoded, so that a file that is made for it takes 300 MB for a moment, and no more.
const LARGEST_FILE: usize = 3 << 20;

/// Types of an element.
pub(super) const FLOAT: i32 = 1;
pub(super) const INT64: i32 = 7;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelProto {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<GraphProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<AttributeProto>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int64, tag = "3")]
    pub(super) i: i64,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) s: Vec<u8>,
    #[prost(message, optional, boxed, tag = "5")]
    pub(super) t: Option<Box<TensorProto>>,
    #[prost(message, optional, boxed, tag = "6")]
    pub(super) g: Option<Box<GraphProto>>,
    #[prost(int64, repeated, tag = "8")]
    pub(super) ints: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(super) float_data: Vec<f32>,
    #[prost(int64, repeated, tag = "7")]
    pub(super) int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) raw_data: Vec<u8>,
}

/// The graph of a file.
pub(super) fn decode(bytes: &[u8]) -> Result<GraphProto, String> {
    if bytes.len() > LARGEST_FILE {
        return Err(format!("it has {} bytes, and Silero's networks at most {LARGEST_FILE}", bytes.len()));
    }
    let model = ModelProto::decode(bytes).map_err(|error| format!("it is no ONNX file: {error}"))?;
    model.graph.ok_or_else(|| "it is an ONNX file without a graph".to_owned())
}

impl NodeProto {
    pub(super) fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn input(&self, index: usize) -> &str {
        self.input.get(index).map_or("", String::as_str)
    }

    /// The graphs in it, as of an `If`.
    pub(super) fn graphs(&self) -> impl Iterator<Item = &GraphProto> {
        self.attribute.iter().filter_map(|attribute| attribute.g.as_deref())
    }
}

impl TensorProto {
    /// Its elements, if they are of 32 bits and in this file.
    pub(super) fn floats(&self) -> Option<Vec<f32>> {
        let elements = match &*self.raw_data {
            _ if self.data_type != FLOAT => return None,
            [] => self.float_data.clone(),
            raw => raw.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        };
        self.holds(elements)
    }

    /// The same for whole numbers of 64 bits.
    pub(super) fn integers(&self) -> Option<Vec<i64>> {
        let elements = match &*self.raw_data {
            _ if self.data_type != INT64 => return None,
            [] => self.int64_data.clone(),
            raw => raw.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect(),
        };
        self.holds(elements)
    }

    fn holds<T>(&self, elements: Vec<T>) -> Option<Vec<T>> {
        let mut dims = self.dims.iter().map(|&dim| usize::try_from(dim).ok());
        let count = dims.try_fold(1_usize, |count, dim| count.checked_mul(dim?))?;
        (count == elements.len()).then_some(elements)
    }
}
