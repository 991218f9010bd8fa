//! The ONNX runtime: one library and one environment for each process.
//!
//! The library is loaded while the program runs, from a path that the caller found. One that is
//! missing, no library, another library or too old is an error, and a later call may give a better
//! one. The first good one stays.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::Session;

use crate::InferenceError;

static OPENED: Mutex<Option<Runtime>> = Mutex::new(None);

/// The ONNX runtime of this process.
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
}

impl Runtime {
    /// Returns the runtime, loading it from this library if there is none yet.
    ///
    /// # Errors
    ///
    /// If the file is no ONNX runtime, or one of an older version than the bindings need.
    pub fn open(library: &Path) -> Result<Self, InferenceError> {
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*opened {
            return Ok(runtime.clone());
        }
        let refused = |cause: String| InferenceError::Runtime { path: library.to_owned(), cause };
        // The bindings panic where a library lies about its version.
        let environment = catch_unwind(AssertUnwindSafe(|| {
            let builder = ort::init_from(library).map_err(|error| error.to_string())?;
            let builder = builder.with_name("pipecat_rs").with_telemetry(false);
            builder.build().map_err(|error| error.to_string())
        }));
        let environment = environment
            .map_err(|_panic| refused("it has not the interface that its version promises".to_owned()))?
            .map_err(refused)?;
        Ok(opened.insert(Self { environment }).clone())
    }

    /// Loads a network that runs on the thread that asks it: the batches of a voice agent are too
    /// small to be shared out, and idle threads would spin.
    ///
    /// # Errors
    ///
    /// If the file is not there or holds no network.
    pub fn session(&self, network: &Path, purpose: &'static str) -> Result<Session, InferenceError> {
        self.session_with_threads(network, purpose, 1)
    }

    /// Loads a network whose runs are shared out over this many threads, that which asks among them.
    ///
    /// # Errors
    ///
    /// If the file is not there or holds no network.
    pub fn session_with_threads(
        &self,
        network: &Path,
        purpose: &'static str,
        threads: usize,
    ) -> Result<Session, InferenceError> {
        let refused = |cause: String| InferenceError::Network { path: network.to_owned(), purpose, cause };
        let bytes = std::fs::read(network).map_err(|error| refused(error.to_string()))?;
        let builder = Session::builder(&self.environment).map_err(|error| refused(error.to_string()))?;
        let builder = builder.with_intra_threads(threads).map_err(|error| refused(error.to_string()))?;
        let mut builder = builder.with_inter_threads(1).map_err(|error| refused(error.to_string()))?;
        builder.commit_from_memory(&bytes).map_err(|error| refused(error.to_string()))
    }
}
