//! Libraries that are no ONNX runtime, and then one that is.

use std::path::Path;

use pipecat_rs_inference::Runtime;

mod support;

// In one test: the first library that can be used stays for the whole process.
#[test]
fn what_is_no_runtime_is_an_error_that_names_it_and_the_next_one_may_be_better() {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    for (library, cause) in [
        (Path::new("/nowhere/libonnxruntime.so"), "/nowhere/libonnxruntime.so"),
        (&text, "Cargo.toml"),
        // A library, but another one.
        (Path::new("libc.so.6"), "does not export"),
    ] {
        let error = Runtime::open(library).expect_err("it is no ONNX runtime").to_string();
        assert!(error.contains(cause), "{error}");
        assert!(error.contains("version 1.24 or later"), "{error}");
    }
    let Some(library) = support::onnx_runtime() else {
        eprintln!("skipped: the Python package onnxruntime is not installed");
        return;
    };
    let runtime = Runtime::open(&library).expect("it is one");
    for (network, cause) in [(Path::new("/nowhere/network.onnx"), "No such file"), (&text, "protobuf")] {
        let error = runtime.session(network, "tests").expect_err("it is no network").to_string();
        assert!(error.contains(cause) && error.contains("tests"), "{error}");
    }
    Runtime::open(Path::new("/nowhere/other.so")).expect("the one that is open stays");
}
