//! Frames in pipecat's `frames.proto`, against bytes that its own serializer has written.

#![expect(clippy::unwrap_used, reason = "what helps a test is one")]

use bytes::Bytes;
use pipecat_rs_wire::protobuf::{AudioRawFrame, Kind, TextFrame, decode, encode};
use pipecat_rs_wire::{Audio, Incoming, Message, Rates, Serializer, by_name};

/// `frames_pb2.Frame` with a text frame 7, `TextFrame#0`, "hi é".
const TEXT: &[u8] = b"\x0a\x16\x08\x07\x12\x0bTextFrame#0\x1a\x05hi \xc3\xa9";
/// With audio of four bytes at 16000 Hz in one channel, at 5 ns.
const AUDIO: &[u8] = b"\x12\x0d\x1a\x04\x01\x00\x02\x00\x20\x80\x7d\x28\x01\x30\x05";

fn protobuf(settings: &str) -> Box<dyn Serializer> {
    by_name("protobuf", settings).unwrap()
}

fn decoded(serializer: &mut dyn Serializer, bytes: &[u8]) -> Vec<Incoming> {
    let mut said = Vec::new();
    serializer.decode(&Message::Binary(Bytes::copy_from_slice(bytes)), &mut said).unwrap();
    said
}

#[test]
fn bytes_are_those_of_pipecat() {
    let text = Kind::Text(TextFrame { id: 7, name: "TextFrame#0".to_owned(), text: "hi é".to_owned() });
    assert_eq!(encode(text.clone()), TEXT);
    assert_eq!(decode(Bytes::from_static(TEXT)), Ok(Some(text)));
    let samples = Bytes::from_static(&[1, 0, 2, 0]);
    let audio = Kind::Audio(AudioRawFrame {
        audio: samples.clone(),
        sample_rate: 16000,
        num_channels: 1,
        pts: Some(5),
        ..AudioRawFrame::default()
    });
    assert_eq!(encode(audio.clone()), AUDIO);
    assert_eq!(decode(Bytes::from_static(AUDIO)), Ok(Some(audio)));

    let mut serializer = protobuf("{}");
    assert_eq!(decoded(&mut *serializer, TEXT), [Incoming::Text("hi é".to_owned())]);
    let audio = Audio { samples, sample_rate: 16000, channels: 1 };
    assert_eq!(decoded(&mut *serializer, AUDIO), [Incoming::Audio(audio.clone())]);
    let Some(Message::Binary(sent)) = serializer.audio(&audio).unwrap() else { panic!() };
    assert_eq!(sent[2..], AUDIO[2..13], "without the time");
}

#[test]
fn messages_and_interruptions() {
    let mut serializer = protobuf("{}");
    let Some(Message::Binary(sent)) = serializer.application(r#"{"label": "rtvi-ai"}"#) else { panic!() };
    assert_eq!(
        decoded(&mut *serializer, &sent),
        [Incoming::Application(r#"{"label": "rtvi-ai"}"#.to_owned())]
    );
    assert_eq!(protobuf(r#"{"ignore_rtvi_messages": true}"#).application(r#"{"label": "rtvi-ai"}"#), None);
    let Some(Message::Binary(sent)) = serializer.interruption() else { panic!() };
    assert_eq!(decoded(&mut *serializer, &sent), [Incoming::Interruption]);
}

#[test]
fn audio_of_another_rate_is_converted_once_the_pipelines_is_known() {
    let mut serializer = protobuf("{}");
    serializer.set_rates(Rates { input: 8000, output: 8000 });
    let audio = |rate: u32| {
        let samples = vec![0; rate as usize].into();
        let frame =
            AudioRawFrame { audio: samples, sample_rate: rate, num_channels: 2, ..Default::default() };
        encode(Kind::Audio(frame))
    };
    let [Incoming::Audio(heard)] = &decoded(&mut *serializer, &audio(16000))[..] else { panic!() };
    assert_eq!((heard.sample_rate, heard.channels), (8000, 2));

    // A new filter each time would be work for the peer to give.
    let mut said = Vec::new();
    let refused = (0..40)
        .find_map(|n| serializer.decode(&Message::Binary(audio(16000 + 4000 * (n % 2))), &mut said).err());
    assert!(refused.unwrap().to_string().contains("changed its rate too often"));
}

#[test]
fn what_is_no_frame_is_refused() {
    let mut serializer = protobuf("{}");
    let mut said = Vec::new();
    let mut refused = |bytes: &'static [u8]| {
        let message = Message::Binary(Bytes::from_static(bytes));
        serializer.decode(&message, &mut said).unwrap_err().to_string()
    };
    assert!(refused(b"").contains("no frame of a known kind"));
    assert!(refused(b"\xff\xff").starts_with("protobuf: "));
    assert!(refused(b"\x12\x00").contains("audio of 0 Hz and 0 channels"));
    assert!(refused(b"\x22\x03\x0a\x01{").contains("EOF"), "a message that is no JSON");
    assert!(refused(b"\x12\x08\x1a\x01\x01\x20\x80\x7d\x28\x01").contains("no whole number"));
    assert!(serializer.decode(&Message::Text("x".to_owned()), &mut said).is_err());
    assert!(said.is_empty());
}
