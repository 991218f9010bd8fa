//! The one tokio runtime of a process.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The runtime, started on first use. Two workers: media work is short, and sessions share them.
///
/// # Panics
/// If the system refuses the threads.
pub fn runtime() -> &'static Runtime {
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("pipecat-media")
            .enable_all()
            .build()
            .expect("without worker threads there is no media")
    })
}
