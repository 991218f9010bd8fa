//! Memory for a message is in proportion to it, and none of it is kept.

#![expect(clippy::unwrap_used, reason = "what helps a test is one")]

use std::alloc::System;
use std::sync::{Mutex, PoisonError};

use cap::Cap;
use hostile::{MESSAGES, message};
use pipecat_rs_wire::{FORMATS, MAX_MESSAGE, Message, Rates, Serializer, by_name};
use proptest::prelude::*;

mod hostile;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What is counted is all of the process: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A serializer whose stream has begun and has had audio, which makes its resampler.
fn begun(format: &str) -> Box<dyn Serializer> {
    let mut serializer = by_name(format, "{}").unwrap();
    serializer.set_rates(Rates { input: 16000, output: 16000 });
    for text in [MESSAGES[1], MESSAGES[4], MESSAGES[13]] {
        let _other_formats_refuse = serializer.decode(&Message::Text(text.to_owned()), &mut Vec::new());
    }
    serializer
}

proptest! {
    #[test]
    fn a_message_takes_memory_in_proportion(format in prop::sample::select(&FORMATS[..]), message in message()) {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut serializer = begun(format);
        let mut said = Vec::with_capacity(8);
        let before = ALLOCATOR.total_allocated();
        let _either = serializer.decode(&message, &mut said);
        let all = ALLOCATOR.total_allocated() - before;
        // A resampler of two channels is made for stereo frames.
        prop_assert!(all <= 64 * message.len() + 300_000, "{} bytes for {}", all, message.len());
    }
}

/// The longest messages, of the kinds that grow most when they are read.
#[test]
fn long_messages_leave_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let fill = |piece: &str, size: usize| piece.repeat(size / piece.len());
    let long = MAX_MESSAGE - 200;
    let description = (1 << 16) - 200;
    let messages = [
        format!(r#"{{"event":"media","streamSid":"S","media":{{"payload":"{}"}}}}"#, fill("////", long)),
        format!(r#"{{"event":"x","y":[{}0]}}"#, fill("0,", long)),
        fill("[", long),
        format!(r#"{{"event":"start","streamSid":"S","start":{{"x":[{}0]}}}}"#, fill("{},", description)),
        format!(
            r#"{{"type":"open","seq":1,"parameters":{{"inputVariables":[{}0]}}}}"#,
            fill("0,", description)
        ),
        format!(r#"{{"event":"websocket:connected","x":[{}0]}}"#, fill("0,", description)),
        format!(r#"{{"event":"mark","mark":{{"name":"{}"}}}}"#, fill("m", long)),
    ];
    for format in FORMATS {
        let mut serializer = begun(format);
        let before = ALLOCATOR.allocated();
        for text in &messages {
            for message in [Message::Text(text.clone()), Message::Binary(text.clone().into_bytes().into())] {
                let start = ALLOCATOR.total_allocated();
                let _either = serializer.decode(&message, &mut Vec::new());
                let all = ALLOCATOR.total_allocated() - start;
                assert!(all < 32 << 20, "{format}: {all} bytes for a message");
            }
        }
        let kept = ALLOCATOR.allocated().saturating_sub(before);
        assert!(kept < 512 << 10, "{format}: {kept} bytes kept");
    }
}
