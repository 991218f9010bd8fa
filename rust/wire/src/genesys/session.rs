//! What both sides of a session know: numbers, position, the call.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::opening::Channels;
use crate::json::quoted;
use crate::message::Message;
use crate::serializer::WireError;

/// The protocol's version.
const VERSION: &str = "2";
/// Longer than any call; a position beyond it is none.
const LONGEST_SECS: f64 = 1e9;

/// A session. What the peer said of the call is kept as it was written.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) open: bool,
    pub(super) paused: bool,
    pub(super) channels: Channels,
    pub(super) output_variables: Option<String>,
    position_secs: f64,
    client_seq: u64,
    server_seq: u64,
    call: Call,
}

/// What a peer says of the call when it opens a session. Bounded by the length of that message.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Call {
    conversation_id: Option<Box<RawValue>>,
    participant: Option<Box<RawValue>>,
    custom_config: Option<Box<RawValue>>,
    media: Option<Box<RawValue>>,
    input_variables: Option<Box<RawValue>>,
}

impl Session {
    pub(super) fn new(id: String, channels: Channels) -> Self {
        Self {
            id,
            open: false,
            paused: false,
            channels,
            output_variables: None,
            position_secs: 0.0,
            client_seq: 0,
            server_seq: 0,
            call: Call::default(),
        }
    }

    /// The peer has said something: its number, and where it is in the audio, like `PT1.5S`.
    pub(super) fn heard(&mut self, seq: u64, position: Option<&str>) {
        self.client_seq = seq;
        let Some(position) = position else { return };
        let seconds = position.strip_prefix("PT").and_then(|rest| rest.strip_suffix('S'));
        let seconds: Option<f64> = seconds.and_then(|seconds| seconds.parse().ok());
        self.position_secs = seconds.filter(|secs| (0.0..LONGEST_SECS).contains(secs)).unwrap_or(0.0);
    }

    /// Takes what an opening says.
    pub(super) fn learn(&mut self, parameters: &str) -> Result<(), WireError> {
        self.call =
            serde_json::from_str(parameters).map_err(|error| WireError::malformed("genesys", error))?;
        let media = self.call.media.as_ref().map_or("null", |media| media.get());
        let media: Value = serde_json::from_str(media).unwrap_or_default();
        let has = |side: &str| {
            media[0]["channels"].as_array().is_some_and(|sides| sides.iter().any(|name| name == side))
        };
        match (has("external"), has("internal")) {
            (true, true) => self.channels = Channels::Both,
            (true, false) => self.channels = Channels::External,
            (false, true) => self.channels = Channels::Internal,
            (false, false) => {}
        }
        Ok(())
    }

    /// Takes what an update says: who takes part.
    pub(super) fn update(&mut self, parameters: &str) -> Result<(), WireError> {
        let update: Call =
            serde_json::from_str(parameters).map_err(|error| WireError::malformed("genesys", error))?;
        if update.participant.is_some() {
            self.call.participant = update.participant;
        }
        Ok(())
    }

    /// The next message to the peer. Opening, closing and resuming happen with it.
    pub(super) fn message(&mut self, kind: &str, parameters: &str) -> Message {
        self.server_seq += 1;
        let (seq, clientseq, id) = (self.server_seq, self.client_seq, quoted(&self.id));
        let position = match kind {
            "opened" => String::new(),
            _ => format!("\"position\": \"PT{:.3}S\", ", self.position_secs),
        };
        match kind {
            "opened" => self.open = true,
            "closed" => self.open = false,
            "resumed" => self.paused = false,
            _ => {}
        }
        let kind = quoted(kind);
        Message::Text(format!(
            "{{\"version\": \"{VERSION}\", \"type\": {kind}, \"seq\": {seq}, \"clientseq\": {clientseq}, \
             \"id\": {id}, {position}\"parameters\": {parameters}}}"
        ))
    }

    pub(super) fn closing_parameters(&self) -> String {
        match self.output_variables.as_deref() {
            None | Some("{}") => "{}".to_owned(),
            Some(variables) => format!("{{\"outputVariables\": {variables}}}"),
        }
    }

    /// A call that the bot is done with is transferred, unless its variables say otherwise.
    pub(super) fn ending_parameters(&self) -> String {
        let variables = self.output_variables.as_deref().unwrap_or("{}");
        let says: Value = serde_json::from_str(variables).unwrap_or_default();
        let variables = match (says.as_object(), variables.trim_start().strip_prefix('{')) {
            (Some(object), Some(rest)) if !object.is_empty() && !object.contains_key("action") => {
                format!("{{\"action\": \"transfer\", {rest}")
            }
            (Some(object), _) if object.contains_key("action") => variables.to_owned(),
            _ => "{\"action\": \"transfer\"}".to_owned(),
        };
        format!("{{\"reason\": \"completed\", \"outputVariables\": {variables}}}")
    }

    /// All of it, as JSON text.
    pub(super) fn describe(&self) -> String {
        let raw = |value: &Option<Box<RawValue>>| {
            value.as_ref().map_or_else(|| "null".to_owned(), |value| value.get().to_owned())
        };
        let Self { open, paused, client_seq, server_seq, position_secs, call, .. } = self;
        format!(
            "{{\"session_id\": {}, \"is_open\": {open}, \"is_paused\": {paused}, \"client_seq\": {client_seq}, \
             \"server_seq\": {server_seq}, \"position_secs\": {position_secs}, \"conversation_id\": {}, \
             \"participant\": {}, \"custom_config\": {}, \"media\": {}, \"input_variables\": {}, \
             \"output_variables\": {}}}",
            quoted(&self.id),
            raw(&call.conversation_id),
            raw(&call.participant),
            raw(&call.custom_config),
            raw(&call.media),
            raw(&call.input_variables),
            self.output_variables.as_deref().unwrap_or("null"),
        )
    }
}
