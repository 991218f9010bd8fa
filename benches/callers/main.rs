//! Many callers of one voice agent, over WebSockets on this machine: speaks to it in real time, and
//! measures when what it answers arrives. Prints one line of JSON.
//!
//! It speaks the wire formats with code of its own, so that a mistake of the server's is not made
//! twice, and does it on one thread, so that it can be given a core beside the server's.

mod arrivals;
mod call;
mod format;
mod manner;
mod options;
mod report;
mod speech;
mod stopwatch;
mod wheel;
mod wire;

use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;

use options::Options;

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--help") {
        let _ = writeln!(io::stdout(), "{}", options::USAGE);
        return ExitCode::SUCCESS;
    }
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            let _ = writeln!(io::stderr(), "callers: {message}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime needs a few descriptors");
    let report = tokio::task::LocalSet::new().block_on(&runtime, wheel::run(Rc::new(options)));
    match report {
        Ok(report) => {
            let written = writeln!(io::stdout(), "{report}");
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => {
            let _ = writeln!(io::stderr(), "callers: {message}");
            ExitCode::FAILURE
        }
    }
}
