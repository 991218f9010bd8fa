//! Whatever a peer sends: an answer, nothing or an error, and never a panic.
//!
//! `PROPTEST_CASES=100000 cargo test --release -p pipecat-rs-wire` looks further.

use bytes::Bytes;
use pipecat_rs_audio::dtmf::Key;
use pipecat_rs_wire::{Audio, FORMATS, Incoming, Message, Rates, Serializer, by_name};
use proptest::collection::vec;
use proptest::prelude::*;

mod hostile;

use hostile::{message, spoiled};

#[derive(Clone, Debug)]
enum Step {
    Hear(Message),
    Say(Audio),
    Interrupt,
    Mark(String),
    Key,
    Tell(String),
    Forget,
    End,
}

fn audio() -> impl Strategy<Value = Audio> {
    let rate = prop_oneof![
        4 => prop::sample::select(vec![8000, 16000, 24000]),
        1 => prop::sample::select(vec![0, 1, 22050, 1_000_000]),
    ];
    (vec(any::<u8>(), 0..300), rate, 0..4_u32).prop_map(|(bytes, sample_rate, channels)| Audio {
        samples: bytes.into(),
        sample_rate,
        channels,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => message().prop_map(Step::Hear),
        2 => audio().prop_map(Step::Say),
        1 => Just(Step::Interrupt),
        1 => ".{0,20}".prop_map(Step::Mark),
        1 => Just(Step::Key),
        1 => spoiled().prop_map(Step::Tell),
        1 => Just(Step::Forget),
        1 => Just(Step::End),
    ]
}

fn take(serializer: &mut dyn Serializer, step: &Step) {
    let mut said = Vec::new();
    match step {
        Step::Hear(message) => {
            let result = serializer.decode(message, &mut said);
            assert!(result.is_ok() || said.is_empty(), "an error says nothing");
            for each in &said {
                if let Incoming::Audio(audio) = each {
                    assert!(!audio.samples.is_empty() && audio.channels > 0 && audio.sample_rate > 0);
                    assert!(audio.samples.len().is_multiple_of(2 * audio.channels as usize));
                }
            }
        }
        Step::Say(audio) => drop(serializer.audio(audio)),
        Step::Interrupt => drop(serializer.interruption()),
        Step::Mark(name) => is_json(serializer.mark(name)),
        Step::Key => is_json(Key::from_label('1').and_then(|key| serializer.dtmf(key))),
        Step::Tell(json) => drop(serializer.application(json)),
        Step::Forget => serializer.forget_audio(),
        Step::End => is_json(serializer.ending()),
    }
    is_json(serializer.session().map(Message::Text));
}

fn is_json(message: Option<Message>) {
    if let Some(Message::Text(text)) = message {
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    }
}

fn settings() -> impl Strategy<Value = (&'static str, &'static str, Option<Rates>)> {
    let given = prop::sample::select(
        &["{}", r#"{"stream_id": "S", "wire_sample_rate": 16000}"#, r#"{"channels": 2}"#][..],
    );
    let rates = prop::option::of((8000_u32..48_000, 8000_u32..48_000));
    (prop::sample::select(&FORMATS[..]), given, rates).prop_map(|(format, given, rates)| {
        // A telephone's pipeline has one of a few rates.
        (format, given, rates.map(|(i, o)| Rates { input: i / 8000 * 8000, output: o / 8000 * 8000 }))
    })
}

proptest! {
    #[test]
    fn nothing_panics((format, settings, rates) in settings(), steps in vec(step(), 0..24)) {
        let mut serializer = by_name(format, settings).unwrap();
        if let Some(rates) = rates {
            serializer.set_rates(rates);
        }
        for step in &steps {
            take(&mut *serializer, step);
        }
    }

    #[test]
    fn what_was_sent_is_heard(bytes in vec(any::<u8>(), 1..400), rate in prop::sample::select(vec![8000_u32, 16000])) {
        let samples: Bytes = bytes[..bytes.len() / 2 * 2].to_vec().into();
        prop_assume!(!samples.is_empty());
        let audio = Audio { samples, sample_rate: rate, channels: 1 };
        for (format, settings) in [("protobuf", "{}"), ("raw_pcm", "{}"), ("vonage", "{}")] {
            let settings = if format == "vonage" { format!("{{\"wire_sample_rate\": {rate}}}") } else { settings.to_owned() };
            let mut serializer = by_name(format, &settings).unwrap();
            serializer.set_rates(Rates { input: rate, output: rate });
            let sent = serializer.audio(&audio).unwrap().unwrap();
            let mut said = Vec::new();
            serializer.decode(&sent, &mut said).unwrap();
            prop_assert_eq!(said, [Incoming::Audio(audio.clone())]);
        }
    }

    #[test]
    fn marks_come_back_by_their_name(name in ".{0,60}") {
        for (format, event, played) in [
            ("twilio", "mark", "mark"), ("telnyx", "mark", "mark"), ("exotel", "mark", "mark"),
            ("plivo", "checkpoint", "playedStream"), ("vonage", "\"action\": \"notify\"", "\"event\": \"websocket:notify\""),
        ] {
            let mut serializer = by_name(format, "{\"stream_id\": \"S\"}").unwrap();
            let Some(Message::Text(mark)) = serializer.mark(&name) else { panic!("{format}") };
            let mut said = Vec::new();
            serializer.decode(&Message::Text(mark.replacen(event, played, 1)), &mut said).unwrap();
            prop_assert_eq!(said, [Incoming::Played(name.clone())]);
        }
    }
}
