//! What peers that are broken, or mean it, may send.

#![expect(unreachable_pub, reason = "a part of two tests")]

use pipecat_rs_wire::Message;
use proptest::collection::vec;
use proptest::prelude::*;

/// What providers send.
pub const MESSAGES: [&str; 22] = [
    r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#,
    r#"{"event":"start","start":{"streamSid":"S","callSid":"C","customParameters":{"a":"b"}},"streamSid":"S"}"#,
    r#"{"event":"start","start":{"call_control_id":"C","media_format":{"encoding":"PCMU"}},"stream_id":"S"}"#,
    r#"{"event":"start","start":{"callId":"C","streamId":"S"}}"#,
    r#"{"event":"media","media":{"track":"inbound","payload":"//////////8="},"streamSid":"S"}"#,
    r#"{"event":"media","media":{"payload":"AQACAA=="},"stream_id":"S"}"#,
    r#"{"event":"dtmf","dtmf":{"digit":"5"},"streamSid":"S"}"#,
    r#"{"event":"mark","mark":{"name":"m"},"streamSid":"S"}"#,
    r#"{"event":"playedStream","name":"m","streamId":"S"}"#,
    r#"{"event":"stop","stop":{"reason":"x"}}"#,
    r#"{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}"#,
    r#"{"event":"websocket:dtmf","digit":"5","duration":100}"#,
    r#"{"event":"websocket:notify","payload":{"mark":"m"}}"#,
    r#"{"version":"2","id":"S","type":"open","seq":1,"position":"PT0S","parameters":{"conversationId":"C",
        "participant":{"ani":"1"},"media":[{"type":"audio","format":"PCMU","channels":["external","internal"]}]}}"#,
    r#"{"version":"2","id":"S","type":"ping","seq":2,"position":"PT1.5S","parameters":{}}"#,
    r#"{"version":"2","id":"S","type":"pause","seq":3,"parameters":{"reason":"hold"}}"#,
    r#"{"version":"2","id":"S","type":"resumed","seq":3,"parameters":{}}"#,
    r#"{"version":"2","id":"S","type":"update","seq":4,"parameters":{"participant":{"ani":"2"}}}"#,
    r#"{"version":"2","id":"S","type":"dtmf","seq":5,"parameters":{"digit":"1"}}"#,
    r#"{"version":"2","id":"S","type":"error","seq":6,"parameters":{"code":400,"message":"no"}}"#,
    r#"{"version":"2","id":"S","type":"close","seq":7,"position":"PT9S","parameters":{"reason":"end"}}"#,
    r#"{"event":"clearedAudio","streamId":"S"}"#,
];

/// Pieces that messages are spoiled with.
const SPOILS: [&str; 20] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "1e999",
    "-1",
    "true",
    "\\u0000",
    "\\ud800",
    "é",
    "\u{0}",
    "[[[[[[[[[[[[[[[[",
    "\"payload\":\"=\"",
    "99999999999999999999",
    "\"streamSid\":\"T\"",
    "NaN",
];

/// Messages of providers, spoiled.
pub fn spoiled() -> impl Strategy<Value = String> {
    let cut = (any::<prop::sample::Index>(), 0..12_usize, prop::sample::select(&SPOILS[..]));
    (prop::sample::select(&MESSAGES[..]), vec(cut, 0..4)).prop_map(|(message, cuts)| {
        let mut text = message.to_owned();
        for (at, length, spoil) in cuts {
            let from = text.floor_char_boundary(at.index(text.len() + 1));
            let to = text.floor_char_boundary((from + length).min(text.len())).max(from);
            text.replace_range(from..to, spoil);
        }
        text
    })
}

/// Messages of every kind.
pub fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        4 => spoiled().prop_map(Message::Text),
        2 => prop::sample::select(&MESSAGES[..]).prop_map(|text| Message::Text(text.to_owned())),
        1 => spoiled().prop_map(|text| Message::Binary(text.into_bytes().into())),
        1 => ".{0,200}".prop_map(Message::Text),
        2 => vec(any::<u8>(), 0..400).prop_map(|bytes| Message::Binary(bytes.into())),
        // The beginnings of protobuf frames, with lengths that may lie.
        1 => (1_u8..6, any::<u8>(), vec(any::<u8>(), 0..200)).prop_map(|(tag, length, rest)| {
            Message::Binary([vec![tag << 3 | 2, length], rest].concat().into())
        }),
    ]
}
