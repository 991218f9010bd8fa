//! Wire formats, as far as a caller needs them: what it sends, and how much audio is in what comes.

use std::fmt::Write as _;
use std::time::Duration;

use pipecat_rs_audio::g711;

use crate::wire::{BINARY, TEXT, put_message};

/// What a caller sends each time.
pub(crate) const TICK: Duration = Duration::from_millis(20);
/// The rate of the speech that callers are given, in Hz.
pub(crate) const RATE: u32 = 16_000;
/// Samples in each message, at that rate.
pub(crate) const SAMPLES: usize = 320;

/// The name of the stream, in formats that have one: every connection has its own.
const STREAM: &str = "MZ0123456789abcdef0123456789abcdef";

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// pipecat's `frames.proto`.
    Protobuf,
    /// Twilio Media Streams: µ-law at 8 kHz, as JSON.
    Twilio,
    /// Telnyx media streaming, the same.
    Telnyx,
    /// Plivo audio streams, the same.
    Plivo,
    /// Exotel AgentStream: linear samples at 8 kHz, as JSON.
    Exotel,
}

/// Audio in a message that came.
pub(crate) struct Audio<'a> {
    /// How long it lasts.
    pub(crate) lasts: Duration,
    /// The samples, if the format has them as they are.
    pub(crate) samples: &'a [u8],
}

impl Format {
    /// The path that providers ask for at `pipecat-rs serve`, which finds out by itself who calls.
    pub(crate) fn path(self) -> Option<&'static str> {
        (self != Self::Protobuf).then_some("/ws")
    }

    /// What the provider says before the first audio.
    pub(crate) fn opening(self, call: usize) -> Vec<u8> {
        let text = match self {
            Self::Protobuf => return Vec::new(),
            Self::Twilio => vec![
                r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#.to_owned(),
                format!(
                    r#"{{"event":"start","sequenceNumber":"1","streamSid":"{STREAM}","start":{{"accountSid":"AC{call:032}","streamSid":"{STREAM}","callSid":"CA{call:032}","tracks":["inbound"],"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},"customParameters":{{}}}}}}"#
                ),
            ],
            Self::Telnyx => vec![
                r#"{"event":"connected","version":"1.0.0"}"#.to_owned(),
                format!(
                    r#"{{"event":"start","sequence_number":"1","stream_id":"{STREAM}","start":{{"user_id":"user","call_control_id":"v3:call-{call}","from":"+13125550100","to":"+13125550101","media_format":{{"encoding":"PCMU","sample_rate":8000,"channels":1}}}}}}"#
                ),
            ],
            Self::Plivo => vec![format!(
                r#"{{"sequenceNumber":0,"event":"start","start":{{"callId":"call-{call}","streamId":"{STREAM}","accountId":"1","tracks":["inbound"],"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000}}}},"extra_headers":"{{}}"}}"#
            )],
            Self::Exotel => vec![
                r#"{"event":"connected"}"#.to_owned(),
                format!(
                    r#"{{"event":"start","sequence_number":1,"stream_sid":"{STREAM}","start":{{"stream_sid":"{STREAM}","call_sid":"call-{call}","account_sid":"account","from":"+13125550100","to":"+13125550101","custom_parameters":{{}},"media_format":{{"encoding":"base64","sample_rate":"8000","bit_rate":"128kbps"}}}}}}"#
                ),
            ],
        };
        let mut bytes = Vec::new();
        for message in text {
            put_message(TEXT, message.as_bytes(), &mut bytes);
        }
        bytes
    }

    /// The message that carries samples at [`RATE`].
    pub(crate) fn audio(self, samples: &[i16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self == Self::Protobuf {
            let linear: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            put_message(BINARY, &protobuf_audio(&linear), &mut bytes);
            return bytes;
        }
        let half: Vec<i16> =
            samples.chunks_exact(2).map(|two| ((i32::from(two[0]) + i32::from(two[1])) / 2) as i16).collect();
        let coded = if self == Self::Exotel {
            half.iter().flat_map(|sample| sample.to_le_bytes()).collect()
        } else {
            let mut coded = Vec::new();
            g711::linear_to_ulaw(&half, &mut coded);
            coded
        };
        let payload = base64(&coded);
        let text = match self {
            Self::Twilio => format!(
                r#"{{"event":"media","sequenceNumber":"2","media":{{"track":"inbound","chunk":"1","timestamp":"5","payload":"{payload}"}},"streamSid":"{STREAM}"}}"#
            ),
            Self::Telnyx => format!(
                r#"{{"event":"media","sequence_number":"2","media":{{"track":"inbound","chunk":"1","timestamp":"5","payload":"{payload}"}},"stream_id":"{STREAM}"}}"#
            ),
            Self::Plivo => format!(
                r#"{{"sequenceNumber":2,"streamId":"{STREAM}","event":"media","media":{{"track":"inbound","timestamp":"5","chunk":2,"payload":"{payload}"}},"extra_headers":"{{}}"}}"#
            ),
            _ => format!(
                r#"{{"event":"media","sequence_number":2,"stream_sid":"{STREAM}","media":{{"track":"inbound","chunk":1,"timestamp":"5","payload":"{payload}"}}}}"#
            ),
        };
        put_message(TEXT, text.as_bytes(), &mut bytes);
        bytes
    }

    /// The audio in a message, if it has any.
    pub(crate) fn heard(self, payload: &[u8]) -> Option<Audio<'_>> {
        if self == Self::Protobuf {
            return protobuf_heard(payload);
        }
        const FIELD: &[u8] = b"\"payload\":";
        let begin = payload.windows(FIELD.len()).position(|field| field == FIELD)? + FIELD.len();
        let begin = begin + payload[begin..].iter().position(|byte| *byte == b'"')? + 1;
        let length = payload[begin..].iter().position(|byte| *byte == b'"')?;
        let coded = &payload[begin..begin + length];
        let padding = coded.iter().rev().take_while(|byte| **byte == b'=').count();
        let bytes = coded.len() / 4 * 3 - padding;
        let samples = if self == Self::Exotel { bytes / 2 } else { bytes };
        Some(Audio { lasts: Duration::from_micros(samples as u64 * 125), samples: &[] })
    }
}

/// `Frame { audio: AudioRawFrame { audio, sample_rate, num_channels } }` of pipecat's `frames.proto`.
pub(crate) fn protobuf_audio(linear: &[u8]) -> Vec<u8> {
    let mut inner = vec![0x1a];
    put_varint(linear.len() as u64, &mut inner);
    inner.extend(linear);
    inner.push(0x20);
    put_varint(u64::from(RATE), &mut inner);
    inner.extend([0x28, 1]);
    let mut frame = vec![0x12];
    put_varint(inner.len() as u64, &mut frame);
    frame.extend(inner);
    frame
}

/// `Frame { message: MessageFrame { data } }` of the same.
pub(crate) fn protobuf_message(json: &str) -> Vec<u8> {
    let mut inner = vec![0x0a];
    put_varint(json.len() as u64, &mut inner);
    inner.extend(json.as_bytes());
    let mut frame = vec![0x22];
    put_varint(inner.len() as u64, &mut frame);
    frame.extend(inner);
    frame
}

/// The JSON in a `MessageFrame`.
pub(crate) fn protobuf_said(payload: &[u8]) -> Option<&[u8]> {
    let mut said = None;
    fields(payload, |field, value| {
        if let (4, Value::Bytes(inner)) = (field, value) {
            fields(inner, |field, value| {
                if let (1, Value::Bytes(json)) = (field, value) {
                    said = Some(json);
                }
            });
        }
    });
    said
}

fn protobuf_heard(payload: &[u8]) -> Option<Audio<'_>> {
    let (mut samples, mut rate, mut channels) = (None, 0, 1);
    fields(payload, |field, value| {
        if let (2, Value::Bytes(inner)) = (field, value) {
            fields(inner, |field, value| match (field, value) {
                (3, Value::Bytes(bytes)) => samples = Some(bytes),
                (4, Value::Number(number)) => rate = number,
                (5, Value::Number(number)) => channels = number,
                _ => {}
            });
        }
    });
    let samples = samples?;
    let count = samples.len() as u64 / 2 / channels.max(1);
    Some(Audio { lasts: Duration::from_nanos(count * 1_000_000_000 / rate.max(1)), samples })
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn fields<'a>(mut bytes: &'a [u8], mut each: impl FnMut(u64, Value<'a>)) {
    while let Some(tag) = take_varint(&mut bytes) {
        match tag & 7 {
            0 => match take_varint(&mut bytes) {
                Some(number) => each(tag >> 3, Value::Number(number)),
                None => return,
            },
            2 => {
                let length = take_varint(&mut bytes).and_then(|length| usize::try_from(length).ok());
                let Some((value, rest)) = length.and_then(|length| bytes.split_at_checked(length)) else {
                    return;
                };
                bytes = rest;
                each(tag >> 3, Value::Bytes(value));
            }
            _ => return,
        }
    }
}

fn put_varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let value = three.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
        let value = value << (8 * (3 - three.len()));
        for place in 0..4 {
            if place <= three.len() {
                text.push(char::from(LETTERS[(value >> (18 - 6 * place) & 0x3f) as usize]));
            } else {
                let _ = text.write_char('=');
            }
        }
    }
    text
}
