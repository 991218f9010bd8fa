//! One message of a socket that keeps messages apart.

use bytes::Bytes;

/// A whole message, as a WebSocket carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text, mostly JSON.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// How long it is, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
