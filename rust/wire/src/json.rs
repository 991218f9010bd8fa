//! JSON as peers send it and as Python writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use crate::limits::{MAX_FACTS, MAX_TEXT};
use crate::message::Message;
use crate::serializer::WireError;

/// The label of the protocol between pipecat's clients and bots, which is no telephone's business.
const RTVI_LABEL: &str = "rtvi-ai";
/// How deep facts may nest.
const MAX_DEPTH: usize = 4;

/// Reads a message as a JSON object; binary ones too, if they are UTF-8.
pub(crate) fn parse<'a, T: Deserialize<'a>>(
    format: &'static str,
    message: &'a Message,
) -> Result<T, WireError> {
    let bytes = match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(bytes) => bytes,
    };
    // A list would do for a struct's fields in order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(WireError::malformed(format, "a message that is no JSON object"));
    }
    match message {
        Message::Text(text) => serde_json::from_str(text),
        Message::Binary(bytes) => serde_json::from_slice(bytes),
    }
    .map_err(|error| WireError::malformed(format, error))
}

/// A JSON string with quotes, in ASCII as Python's `json.dumps` writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\u{8}' => written.push_str("\\b"),
            '\u{c}' => written.push_str("\\f"),
            ' '..='~' => written.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _cannot_fail = write!(written, "\\u{unit:04x}");
                }
            }
        }
    }
    written.push('"');
    written
}

/// A list of JSON strings.
pub(crate) fn quoted_list<T: AsRef<str>>(texts: &[T]) -> String {
    let items: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// Whether a message of the application belongs to pipecat's clients.
pub(crate) fn is_rtvi(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Labelled {
        #[serde(default)]
        label: Value,
    }
    // Most have no label, and are not read twice.
    json.contains("label")
        && serde_json::from_str(json).is_ok_and(|Labelled { label }| label.as_str() == Some(RTVI_LABEL))
}

/// A text or a number, where providers write the one or the other.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Loose {
    Text(String),
    Number(u64),
    Other(serde::de::IgnoredAny),
}

impl Loose {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Other(_) => String::new(),
        }
    }
}

/// At most [`MAX_TEXT`] bytes of a text.
pub(crate) fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

/// Adds what an object says, objects inside it with a dot: `customParameters.name`.
pub(crate) fn add_facts(value: &Value, facts: &mut BTreeMap<String, String>) {
    add_facts_below("", value, 0, facts);
}

fn add_facts_below(prefix: &str, value: &Value, depth: usize, facts: &mut BTreeMap<String, String>) {
    let Value::Object(object) = value else { return };
    for (name, value) in object {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let text = match value {
            Value::Object(_) if depth < MAX_DEPTH => {
                add_facts_below(clipped(&name), value, depth + 1, facts);
                continue;
            }
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if facts.len() < MAX_FACTS && name.len() <= MAX_TEXT && text.len() <= MAX_TEXT {
            facts.insert(name, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_python_does() {
        assert_eq!(
            quoted("a\"b\\c/\n\t\u{1}é😀\u{7f}"),
            "\"a\\\"b\\\\c/\\n\\t\\u0001\\u00e9\\ud83d\\ude00\\u007f\""
        );
        assert_eq!(quoted_list(&["en-US", "de"]), "[\"en-US\", \"de\"]");
    }

    #[test]
    fn messages_of_clients_are_known_by_their_label() {
        assert!(is_rtvi(r#"{"type": "x", "label": "rtvi-ai"}"#));
        assert!(!is_rtvi(r#"{"data": {"label": "rtvi-ai"}}"#));
        assert!(!is_rtvi(r#"{"label": ["rtvi-ai"]}"#));
        assert!(!is_rtvi("label"));
    }

    #[test]
    fn facts_are_bounded() {
        let long = "x".repeat(MAX_TEXT + 1);
        let many: serde_json::Map<_, _> = (0..1000).map(|n| (format!("k{n}"), Value::from("v"))).collect();
        let mut facts = BTreeMap::new();
        add_facts(&Value::from(many), &mut facts);
        assert_eq!(facts.len(), MAX_FACTS);

        let mut facts = BTreeMap::new();
        add_facts(&serde_json::json!({"a": 1, "long": long, "b": {"c": "d", "e": [1, 2]}}), &mut facts);
        let expected = [("a", "1"), ("b.c", "d"), ("b.e", "[1,2]")];
        assert_eq!(facts, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }
}
