//! What can go wrong with a network.

use std::path::PathBuf;

/// Why there is no network, or no answer of it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InferenceError {
    /// The ONNX runtime cannot be used.
    #[error(
        "{} is no ONNX runtime that can be used: {cause}. Give libonnxruntime of version 1.{} or later, \
         as the Python package onnxruntime has it",
        path.display(), ort::MINOR_VERSION
    )]
    Runtime {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        cause: String,
    },
    /// The file of a network cannot be used.
    #[error("{} is no network for {purpose}: {cause}", path.display())]
    Network {
        /// The ONNX file.
        path: PathBuf,
        /// What it was to do.
        purpose: &'static str,
        /// What was wrong with it.
        cause: String,
    },
    /// The network gave no answer.
    #[error("{network} gave no answer: {cause}")]
    Run {
        /// Its name.
        network: &'static str,
        /// What the runtime said.
        cause: String,
    },
    /// A window of another length than the network hears.
    #[error("a window at {rate} Hz has {needed} samples, not {given}")]
    Window {
        /// In Hz.
        rate: u32,
        /// Samples of a window.
        needed: usize,
        /// Samples that were given.
        given: usize,
    },
}
