//! What providers send and are sent, message by message, as they and pipecat write it.

#![expect(clippy::unwrap_used, reason = "what helps a test is one")]

use bytes::Bytes;
use pipecat_rs_audio::dtmf::Key;
use pipecat_rs_wire::{Audio, Incoming, Message, Rates, Serializer, WireError, by_name};

const RATES: Rates = Rates { input: 8000, output: 8000 };

fn serializer(format: &str, settings: &str) -> Box<dyn Serializer> {
    let mut made = by_name(format, settings).unwrap();
    made.set_rates(RATES);
    made
}

fn samples(values: &[i16], sample_rate: u32) -> Audio {
    let samples: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Audio { samples: samples.into(), sample_rate, channels: 1 }
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

fn decoded(serializer: &mut dyn Serializer, message: &str) -> Vec<Incoming> {
    let mut said = Vec::new();
    serializer.decode(&text(message), &mut said).unwrap();
    said
}

fn refused(serializer: &mut dyn Serializer, message: &Message) -> String {
    let mut said = Vec::new();
    let error = serializer.decode(message, &mut said).unwrap_err();
    assert!(said.is_empty());
    error.to_string()
}

#[test]
fn twilio_is_sent_what_pipecat_sends() {
    let mut twilio = serializer("twilio", r#"{"stream_sid": "MZ1"}"#);
    let audio = twilio.audio(&samples(&[0, 1000, -1000, -1], 8000)).unwrap();
    let expected = r#"{"event": "media", "streamSid": "MZ1", "media": {"payload": "/85Ofg=="}}"#;
    assert_eq!(audio, Some(text(expected)));
    assert_eq!(twilio.interruption(), Some(text(r#"{"event": "clear", "streamSid": "MZ1"}"#)));
    let mark = r#"{"event": "mark", "streamSid": "MZ1", "mark": {"name": "a\"b"}}"#;
    assert_eq!(twilio.mark("a\"b"), Some(text(mark)));
    assert_eq!(twilio.dtmf(Key::from_label('1').unwrap()), None);
    assert_eq!(twilio.application(r#"{"label": "x"}"#), Some(text(r#"{"label": "x"}"#)));
    assert_eq!(twilio.application(r#"{"label": "rtvi-ai"}"#), None);
}

#[test]
fn a_call_of_twilios() {
    let mut twilio = serializer("twilio", "{}");
    assert_eq!(twilio.audio(&samples(&[0], 8000)).unwrap(), None, "there is no stream to send it to");
    assert_eq!(twilio.interruption(), None);
    assert_eq!(decoded(&mut *twilio, r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#), []);
    assert_eq!(
        decoded(&mut *twilio, r#"{"event":"media","media":{"payload":"//8="},"streamSid":"MZ1"}"#),
        []
    );
    let start = decoded(
        &mut *twilio,
        r#"{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"CA1",
        "tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},
        "customParameters":{"FirstName":"Jane"}},"streamSid":"MZ1"}"#,
    );
    let [Incoming::Started(start)] = &start[..] else { panic!("{start:?}") };
    assert_eq!((&*start.stream_id, &*start.call_id), ("MZ1", "CA1"));
    assert_eq!(start.facts["customParameters.FirstName"], "Jane");
    assert_eq!(start.facts["mediaFormat.sampleRate"], "8000");

    let media = r#"{"event":"media","sequenceNumber":"3","media":{"track":"inbound","chunk":"1","timestamp":"5",
        "payload":"/84="},"streamSid":"MZ1"}"#;
    assert_eq!(decoded(&mut *twilio, media), [Incoming::Audio(samples(&[0, 988], 8000))]);
    assert_eq!(decoded(&mut *twilio, &media.replace("inbound", "outbound")), [], "the bot itself");
    let dtmf = r##"{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"#"}}"##;
    assert_eq!(decoded(&mut *twilio, dtmf), [Incoming::Dtmf(Key::from_label('#').unwrap())]);
    let mark = r#"{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"hello"}}"#;
    assert_eq!(decoded(&mut *twilio, mark), [Incoming::Played("hello".to_owned())]);
    let stop = r#"{"event":"stop","sequenceNumber":"5","stop":{"accountSid":"AC1","callSid":"CA1"},"streamSid":"MZ1"}"#;
    assert_eq!(decoded(&mut *twilio, stop), [Incoming::Stopped { reason: String::new() }]);
}

#[test]
fn what_is_wrong_is_refused_and_the_stream_goes_on() {
    let mut twilio = serializer("twilio", r#"{"stream_sid": "MZ1"}"#);
    let media = |payload: &str| text(&format!(r#"{{"event":"media","media":{{"payload":"{payload}"}}}}"#));
    assert!(refused(&mut *twilio, &text("{")).starts_with("twilio: EOF"));
    assert!(refused(&mut *twilio, &text(r#"["media"]"#)).contains("no JSON object"));
    assert!(refused(&mut *twilio, &media("a*b=")).contains("no base64"));
    let other = r#"{"event":"media","streamSid":"MZ2","media":{"payload":"/84="}}"#;
    assert_eq!(refused(&mut *twilio, &text(other)), "twilio: audio of another stream");
    assert!(
        refused(&mut *twilio, &text(r#"{"event":"start","start":{}}"#)).contains("without the stream's id")
    );
    assert!(refused(&mut *twilio, &text(r#"{"event":"start","streamSid":"X"}"#)).contains("another stream"));
    let long = media(&"/".repeat(1 << 20));
    let mut said = Vec::new();
    assert!(matches!(twilio.decode(&long, &mut said), Err(WireError::TooLarge { limit: 0x10_0000, .. })));
    let long = format!(r#"{{"event":"start","streamSid":"MZ1","start":{{"x":"{}"}}}}"#, "y".repeat(1 << 17));
    assert!(refused(&mut *twilio, &text(&long)).contains("65536 are the most"));
    assert_eq!(
        decoded(&mut *twilio, r#"{"event":"media","media":{"payload":"/w"}}"#).len(),
        1,
        "without padding"
    );
    assert_eq!(decoded(&mut *twilio, r#"{"event":"dtmf","dtmf":{"digit":"12"}}"#), []);
    assert_eq!(decoded(&mut *twilio, r#"{"event":"dtmf","dtmf":{"digit":[]}}"#), []);
    assert_eq!(decoded(&mut *twilio, r#"{"event":"media"}"#), []);
    assert_eq!(decoded(&mut *twilio, r#"{"event":"something","new":{}}"#), []);
}

#[test]
fn telnyx_has_an_encoding_for_each_direction() {
    let settings = r#"{"stream_id": "S", "inbound_encoding": "PCMA", "outbound_encoding": "L16"}"#;
    let mut telnyx = serializer("telnyx", settings);
    let sent = telnyx.audio(&samples(&[0, 1000], 8000)).unwrap();
    assert_eq!(sent, Some(text(r#"{"event": "media", "media": {"payload": "1fo="}}"#)));
    assert_eq!(telnyx.interruption(), Some(text(r#"{"event": "clear"}"#)));
    assert_eq!(telnyx.mark("m"), Some(text(r#"{"event": "mark", "mark": {"name": "m"}}"#)));
    let media = r#"{"event":"media","sequence_number":"4","media":{"track":"inbound","chunk":"2","timestamp":"5",
        "payload":"AQACAA=="},"stream_id":"S"}"#;
    assert_eq!(decoded(&mut *telnyx, media), [Incoming::Audio(samples(&[1, 2], 8000))]);
    assert!(refused(&mut *telnyx, &text(&media.replace("AQACAA==", "AQAC"))).contains("3 bytes of audio"));
    let big = r#"{"stream_id": "S", "inbound_encoding": "L16BE", "outbound_encoding": "L16BE"}"#;
    let mut big = serializer("telnyx", big);
    let sent = big.audio(&samples(&[1, 2], 8000)).unwrap();
    assert_eq!(sent, Some(text(r#"{"event": "media", "media": {"payload": "AAEAAg=="}}"#)));
    let heard = decoded(&mut *big, &media.replace("AQACAA==", "AAEAAg=="));
    assert_eq!(heard, [Incoming::Audio(samples(&[1, 2], 8000))]);
    let start = r#"{"event":"start","sequence_number":"1","start":{"user_id":"u","call_control_id":"v3:C",
        "media_format":{"encoding":"PCMU","sample_rate":8000,"channels":1}},"stream_id":"S"}"#;
    let [Incoming::Started(start)] = &decoded(&mut *telnyx, start)[..] else { panic!() };
    assert_eq!((&*start.stream_id, &*start.call_id), ("S", "v3:C"));
    let stop = r#"{"event":"stop","stream_id":"S","stop":{"reason":"call_ended"}}"#;
    assert_eq!(decoded(&mut *telnyx, stop), [Incoming::Stopped { reason: "call_ended".to_owned() }]);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let error = by_name("telnyx", r#"{"inbound_encoding": "OPUS"}"#).err().unwrap().to_string();
    assert!(error.starts_with("settings of telnyx: unknown variant `OPUS`"), "{error}");
    let error = by_name("fax", "{}").err().unwrap().to_string();
    assert!(error.starts_with("no wire format \"fax\": there are protobuf, raw_pcm, twilio"), "{error}");
}

#[test]
fn plivo() {
    let mut plivo = serializer("plivo", r#"{"stream_id": "P"}"#);
    let sent = plivo.audio(&samples(&[0, 1000], 8000)).unwrap();
    let expected = concat!(
        r#"{"event": "playAudio", "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "#,
        r#""payload": "/84="}, "streamId": "P"}"#
    );
    assert_eq!(sent, Some(text(expected)));
    assert_eq!(plivo.interruption(), Some(text(r#"{"event": "clearAudio", "streamId": "P"}"#)));
    assert_eq!(plivo.mark("m"), Some(text(r#"{"event": "checkpoint", "streamId": "P", "name": "m"}"#)));
    let dtmf = plivo.dtmf(Key::from_label('*').unwrap());
    assert_eq!(dtmf, Some(text(r#"{"event": "sendDTMF", "dtmf": "*"}"#)));
    let played = r#"{"event":"playedStream","sequenceNumber":3,"streamId":"P","name":"m"}"#;
    assert_eq!(decoded(&mut *plivo, played), [Incoming::Played("m".to_owned())]);
    let start = r#"{"sequenceNumber":0,"event":"start","start":{"callId":"C","streamId":"P","accountId":"A",
        "tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}},"extra_headers":"{}"}"#;
    let [Incoming::Started(start)] = &decoded(&mut *plivo, start)[..] else { panic!() };
    assert_eq!((&*start.stream_id, &*start.call_id), ("P", "C"));

    let mut linear =
        serializer("plivo", r#"{"stream_id": "P", "encoding": "audio/x-l16", "wire_sample_rate": 16000}"#);
    let Some(Message::Text(sent)) = linear.audio(&samples(&[1, 2], 16000)).unwrap() else { panic!() };
    assert!(sent.contains(r#""contentType": "audio/x-l16", "sampleRate": 16000, "payload": "AQACAA==""#));
}

#[test]
fn exotel() {
    let mut exotel = serializer("exotel", r#"{"stream_sid": "E"}"#);
    let sent = exotel.audio(&samples(&[1, 2], 8000)).unwrap();
    let expected = r#"{"event": "media", "stream_sid": "E", "media": {"payload": "AQACAA=="}}"#;
    assert_eq!(sent, Some(text(expected)));
    assert_eq!(exotel.interruption(), Some(text(r#"{"event": "clear", "stream_sid": "E"}"#)));
    let media = r#"{"event":"media","sequence_number":"3","stream_sid":"E","media":{"chunk":"2","payload":"AQACAA=="}}"#;
    assert_eq!(decoded(&mut *exotel, media), [Incoming::Audio(samples(&[1, 2], 8000))]);
    let start = r#"{"event":"start","sequence_number":"1","stream_sid":"E","start":{"stream_sid":"E","call_sid":"C",
        "account_sid":"A","from":"0123","to":"0456","custom_parameters":{"k":"v"}}}"#;
    let [Incoming::Started(start)] = &decoded(&mut *exotel, start)[..] else { panic!() };
    assert_eq!((&*start.call_id, &*start.facts["custom_parameters.k"]), ("C", "v"));
}

#[test]
fn vonage() {
    let mut vonage = serializer("vonage", r#"{"sample_rate": 16000}"#);
    let sent = vonage.audio(&samples(&[1, 2], 16000)).unwrap();
    assert_eq!(sent, Some(Message::Binary(Bytes::from_static(&[1, 0, 2, 0]))));
    assert_eq!(vonage.interruption(), Some(text(r#"{"action": "clear"}"#)));
    let mark = vonage.mark("m").unwrap();
    assert_eq!(mark, text(r#"{"action": "notify", "payload": {"mark": "m"}}"#));
    let mut said = Vec::new();
    vonage.decode(&Message::Binary(Bytes::from_static(&[1, 0, 2, 0])), &mut said).unwrap();
    assert_eq!(said, [Incoming::Audio(samples(&[1, 2], 16000))]);
    assert!(refused(&mut *vonage, &Message::Binary(Bytes::from_static(&[1]))).contains("1 bytes"));
    let one = [Incoming::Dtmf(Key::from_label('1').unwrap())];
    assert_eq!(decoded(&mut *vonage, r#"{"event":"websocket:dtmf","digit":"1","duration":260}"#), one);
    assert_eq!(decoded(&mut *vonage, r#"{"event":"websocket:dtmf","dtmf":{"digit":1}}"#), one);
    let notified = r#"{"event":"websocket:notify","payload":{"mark":"m"}}"#;
    assert_eq!(decoded(&mut *vonage, notified), [Incoming::Played("m".to_owned())]);
    let connected = r#"{"event":"websocket:connected","content-type":"audio/l16;rate=16000","caller":"447"}"#;
    let [Incoming::Started(start)] = &decoded(&mut *vonage, connected)[..] else { panic!() };
    assert_eq!(start.facts["content-type"], "audio/l16;rate=16000");
}

#[test]
fn audio_is_brought_to_the_pipelines_rate_and_back() {
    let tone = |rate: u32| {
        let sine = |n: u32| (f64::from(n) * 440.0 * std::f64::consts::TAU / f64::from(rate)).sin();
        samples(&(0..rate).map(|n| (8000.0 * sine(n)) as i16).collect::<Vec<_>>(), rate)
    };
    let mut twilio = serializer("twilio", r#"{"stream_sid": "MZ1"}"#);
    twilio.set_rates(Rates { input: 16000, output: 24000 });
    let Some(Message::Text(sent)) = twilio.audio(&tone(24000)).unwrap() else { panic!() };
    let back = sent.replace(r#""streamSid": "MZ1", "#, "");
    let [Incoming::Audio(heard)] = &decoded(&mut *twilio, &back)[..] else { panic!() };
    assert_eq!(heard.sample_rate, 16000);
    let expected = tone(16000);
    let value = |audio: &Audio, n: usize| {
        i32::from(i16::from_le_bytes([audio.samples[2 * n], audio.samples[2 * n + 1]]))
    };
    assert!(heard.samples.len() > 30_000);
    for n in 1000..14_000 {
        assert!((value(heard, n) - value(&expected, n)).abs() < 400, "{n}");
    }
}

#[test]
fn an_interruption_forgets_the_end_of_what_was_said() {
    let mut twilio = serializer("twilio", r#"{"stream_sid": "MZ1"}"#);
    let loud = samples(&[20_000; 480], 24000);
    twilio.audio(&loud).unwrap();
    let silence = twilio.interruption().and_then(|_| twilio.audio(&samples(&[0; 960], 24000)).unwrap());
    let Some(Message::Text(silence)) = silence else { panic!() };
    let payload = silence.split('"').nth(13).unwrap();
    assert!(payload.trim_end_matches('=').chars().all(|c| matches!(c, '/' | '8' | 'w')), "{payload}");
}
