//! A session of Genesys AudioHook, from its opening to its end.

#![expect(clippy::unwrap_used, reason = "what helps a test is one")]

use bytes::Bytes;
use pipecat_rs_audio::dtmf::Key;
use pipecat_rs_wire::{Audio, Incoming, Message, Rates, Serializer, by_name};

const OPEN: &str = r#"{"version":"2","id":"e160e428","type":"open","seq":1,"position":"PT0S","serverseq":0,
    "parameters":{"organizationId":"d7934305","conversationId":"090eaa2f",
    "participant":{"id":"883efee8","ani":"+1-555-555-1234","aniName":"John","dnis":"+1-800"},
    "media":[{"type":"audio","format":"PCMU","channels":["external"],"rate":8000}],
    "inputVariables":{"b":1,"a":"x"}}}"#;

fn genesys(settings: &str) -> Box<dyn Serializer> {
    let mut made = by_name("genesys", settings).unwrap();
    made.set_rates(Rates { input: 8000, output: 8000 });
    made
}

fn decoded(serializer: &mut dyn Serializer, message: &str) -> Vec<Incoming> {
    let mut said = Vec::new();
    serializer.decode(&Message::Text(message.to_owned()), &mut said).unwrap();
    said
}

fn heard(serializer: &mut dyn Serializer, bytes: &'static [u8]) -> Vec<Incoming> {
    let mut said = Vec::new();
    serializer.decode(&Message::Binary(Bytes::from_static(bytes)), &mut said).unwrap();
    said
}

fn reply(text: &str) -> Incoming {
    Incoming::Reply(Message::Text(text.to_owned()))
}

fn audio(values: &[i16]) -> Audio {
    let samples: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Audio { samples: samples.into(), sample_rate: 8000, channels: 1 }
}

#[test]
fn from_its_opening_to_its_end() {
    let mut session = genesys(r#"{"supported_languages": ["en-US", "de"], "selected_language": "de"}"#);
    assert_eq!(heard(&mut *session, &[0xff]), [], "not open yet");
    assert_eq!(session.audio(&audio(&[0])).unwrap(), None);

    let said = decoded(&mut *session, OPEN);
    let opened = concat!(
        r#"{"version": "2", "type": "opened", "seq": 1, "clientseq": 1, "id": "e160e428", "parameters": "#,
        r#"{"startPaused": false, "media": [{"type": "audio", "format": "PCMU", "channels": ["external"], "#,
        r#""rate": 8000}], "supportedLanguages": ["en-US", "de"], "selectedLanguage": "de"}}"#
    );
    assert_eq!(said[0], reply(opened));
    let Incoming::Started(start) = &said[1] else { panic!("{said:?}") };
    assert_eq!((&*start.stream_id, &*start.call_id), ("e160e428", "090eaa2f"));
    assert_eq!(start.facts["participant.ani"], "+1-555-555-1234");

    assert_eq!(heard(&mut *session, &[0xff, 0xce]), [Incoming::Audio(audio(&[0, 988]))]);
    let sent = session.audio(&audio(&[0, 1000])).unwrap();
    assert_eq!(sent, Some(Message::Binary(Bytes::from_static(&[0xff, 0xce]))));
    let ping =
        r#"{"version":"2","id":"e160e428","type":"ping","seq":2,"position":"PT1.25S","parameters":{}}"#;
    let pong = concat!(
        r#"{"version": "2", "type": "pong", "seq": 2, "clientseq": 2, "id": "e160e428", "#,
        r#""position": "PT1.250S", "parameters": {}}"#
    );
    assert_eq!(decoded(&mut *session, ping), [reply(pong)]);
    let dtmf = r#"{"type":"dtmf","seq":3,"parameters":{"digit":"5"}}"#;
    assert_eq!(decoded(&mut *session, dtmf), [Incoming::Dtmf(Key::from_label('5').unwrap())]);
    let barge_in = concat!(
        r#"{"version": "2", "type": "event", "seq": 3, "clientseq": 3, "id": "e160e428", "#,
        r#""position": "PT1.250S", "parameters": {"entities": [{"type": "barge_in", "data": {}}]}}"#
    );
    assert_eq!(session.interruption(), Some(Message::Text(barge_in.to_owned())));

    assert_eq!(decoded(&mut *session, r#"{"type":"pause","seq":4,"parameters":{"reason":"hold"}}"#), []);
    assert_eq!(heard(&mut *session, &[0xff]), []);
    assert_eq!(session.audio(&audio(&[0])).unwrap(), None);
    session.control("resumed", "{}").unwrap();
    assert_eq!(heard(&mut *session, &[0xff]).len(), 1);

    session.control("output_variables", r#"{"intent": "billing"}"#);
    let known = session.session().unwrap();
    assert!(known.contains(r#""input_variables": {"b":1,"a":"x"}"#), "as it was written: {known}");
    let close = r#"{"type":"close","seq":5,"position":"PT9S","parameters":{"reason":"end"}}"#;
    let closed = concat!(
        r#"{"version": "2", "type": "closed", "seq": 5, "clientseq": 5, "id": "e160e428", "#,
        r#""position": "PT9.000S", "parameters": {"outputVariables": {"intent": "billing"}}}"#
    );
    let ended = Incoming::Stopped { reason: "end".to_owned() };
    assert_eq!(decoded(&mut *session, close), [reply(closed), ended]);
    assert_eq!(heard(&mut *session, &[0xff]), []);
}

#[test]
fn of_two_sides_the_customers_is_heard() {
    let mut session = genesys("{}");
    decoded(&mut *session, &OPEN.replace(r#"["external"]"#, r#"["external","internal"]"#));
    assert_eq!(heard(&mut *session, &[0xff, 0x80, 0xce, 0x80]), [Incoming::Audio(audio(&[0, 988]))]);
    let mut said = Vec::new();
    let half = Message::Binary(Bytes::from_static(&[0xff]));
    assert!(session.decode(&half, &mut said).unwrap_err().to_string().contains("frames of 2 bytes"));
}

#[test]
fn linear_samples() {
    let mut session = genesys(r#"{"media_format": "L16"}"#);
    decoded(&mut *session, OPEN);
    assert_eq!(heard(&mut *session, &[1, 0, 2, 0]), [Incoming::Audio(audio(&[1, 2]))]);
}

#[test]
fn the_bot_ends_the_session() {
    let ending = |variables: Option<&str>| {
        let mut session = genesys("{}");
        if let Some(variables) = variables {
            session.control("output_variables", variables);
        }
        let Some(Message::Text(text)) = session.ending() else { panic!() };
        text.split_once("\"outputVariables\": ").unwrap().1.to_owned()
    };
    assert_eq!(ending(None), "{\"action\": \"transfer\"}}}");
    assert_eq!(ending(Some("{}")), "{\"action\": \"transfer\"}}}");
    assert_eq!(ending(Some("{\"a\": 1}")), "{\"action\": \"transfer\", \"a\": 1}}}");
    assert_eq!(ending(Some("{\"action\": \"finished\"}")), "{\"action\": \"finished\"}}}");
}

#[test]
fn only_messages_of_the_protocol_are_sent() {
    let mut session = genesys("{}");
    assert_eq!(session.application(r#"{"type": "x"}"#), None);
    let own = r#"{"version": "2", "type": "event"}"#;
    assert_eq!(session.application(own), Some(Message::Text(own.to_owned())));
}
