//! What a session is opened with.

use serde::Deserialize;

use crate::json::{quoted, quoted_list};

/// The sides of a call that are streamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// The customer.
    #[default]
    External,
    /// The agent.
    Internal,
    /// Both: the customer on the left.
    Both,
}

impl Channels {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::External => &["external"],
            Self::Internal => &["internal"],
            Self::Both => &["external", "internal"],
        }
    }
}

/// How audio is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MediaFormat {
    /// G.711 µ-law.
    #[default]
    Pcmu,
    /// 16-bit linear samples.
    L16,
}

/// What the answer to the peer's opening says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Opening {
    /// Whether the session begins with a pause.
    pub start_paused: bool,
    /// Languages that the bot speaks, as codes like `en-US`.
    pub supported_languages: Option<Vec<String>>,
    /// The one that it begins with.
    pub selected_language: Option<String>,
}

impl Opening {
    /// The message's parameters, as JSON text.
    pub(super) fn parameters(&self, format: MediaFormat, channels: Channels, rate: u32) -> String {
        let (paused, channels) = (self.start_paused, quoted_list(channels.names()));
        let format = match format {
            MediaFormat::Pcmu => "PCMU",
            MediaFormat::L16 => "L16",
        };
        let mut text = format!(
            "{{\"startPaused\": {paused}, \"media\": [{{\"type\": \"audio\", \"format\": \"{format}\", \
             \"channels\": {channels}, \"rate\": {rate}}}]"
        );
        if let Some(languages) = self.supported_languages.as_ref().filter(|languages| !languages.is_empty()) {
            text.push_str(&format!(", \"supportedLanguages\": {}", quoted_list(languages)));
        }
        if let Some(language) = self.selected_language.as_ref().filter(|language| !language.is_empty()) {
            text.push_str(&format!(", \"selectedLanguage\": {}", quoted(language)));
        }
        text.push('}');
        text
    }
}
