//! Where tests find the ONNX runtime and the networks: in the Python environment that `make` builds.

use std::path::{Path, PathBuf};

/// A file of an installed package; none where there is no environment or no such package.
pub(crate) fn packaged(directory: &str, prefix: &str) -> Option<PathBuf> {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/lib");
    let pythons = std::fs::read_dir(lib).ok()?.flatten();
    let packages = pythons.map(|python| python.path().join("site-packages").join(directory));
    let files = packages.filter_map(|package| std::fs::read_dir(package).ok()).flatten().flatten();
    let mut found = files.filter(|file| file.file_name().to_string_lossy().starts_with(prefix));
    Some(found.next()?.path())
}

/// The library of the package `onnxruntime`.
pub(crate) fn onnx_runtime() -> Option<PathBuf> {
    packaged("onnxruntime/capi", "libonnxruntime.so.")
}
