//! Serializers by their format's name, with settings as JSON text: how a binding makes them.

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::exotel::Exotel;
use crate::genesys::Genesys;
use crate::plivo::Plivo;
use crate::protobuf::Protobuf;
use crate::raw_pcm::RawPcm;
use crate::serializer::Serializer;
use crate::telnyx::Telnyx;
use crate::twilio::Twilio;
use crate::vonage::Vonage;

/// The names of all formats.
pub const FORMATS: [&str; 8] =
    ["protobuf", "raw_pcm", "twilio", "telnyx", "plivo", "exotel", "vonage", "genesys"];

/// No serializer can be made so.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// No such format.
    #[error("no wire format {name:?}: there are {}", FORMATS.join(", "))]
    UnknownFormat {
        /// The name that was given.
        name: String,
    },
    /// Settings that the format does not take.
    #[error("settings of {format}: {error}")]
    Refused {
        /// The format.
        format: String,
        /// What is wrong.
        error: serde_json::Error,
    },
}

/// Makes a serializer.
///
/// # Errors
/// If there is no such format, or it does not take these settings.
pub fn by_name(format: &str, settings: &str) -> Result<Box<dyn Serializer>, SettingsError> {
    fn read<T: DeserializeOwned>(format: &str, settings: &str) -> Result<T, SettingsError> {
        serde_json::from_str(settings)
            .map_err(|error| SettingsError::Refused { format: format.to_owned(), error })
    }
    Ok(match format {
        "protobuf" => Box::new(Protobuf::new(read(format, settings)?)),
        "raw_pcm" => Box::new(RawPcm::new(read(format, settings)?)),
        "twilio" => Box::new(Twilio::new(read(format, settings)?)),
        "telnyx" => Box::new(Telnyx::new(read(format, settings)?)),
        "plivo" => Box::new(Plivo::new(read(format, settings)?)),
        "exotel" => Box::new(Exotel::new(read(format, settings)?)),
        "vonage" => Box::new(Vonage::new(read(format, settings)?)),
        "genesys" => Box::new(Genesys::new(read(format, settings)?)),
        _ => return Err(SettingsError::UnknownFormat { name: format.to_owned() }),
    })
}
