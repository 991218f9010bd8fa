//! How a caller behaves.

use crate::format::Format;

/// How a caller behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manner {
    /// Takes turns.
    Talk,
    /// Takes turns, and speaks again while the bot answers every other one.
    BargeIn,
    /// Sends silence.
    Silent,
    /// Sends nothing.
    Listen,
    /// Takes turns, and does not read for seconds at a time.
    SlowReader,
    /// Takes turns, and is gone without a word.
    Reset,
    /// Takes turns, and closes its own direction of the connection.
    HalfClose,
    /// Takes turns, with nonsense between what it says.
    Malformed,
    /// Numbers each message of audio and waits for it to come back.
    Echo,
    /// The same with messages of the application.
    EchoMessages,
    /// Takes turns, as a telephony provider sends them.
    Telephone(Format),
}

const NAMED: [(&str, Manner); 14] = [
    ("talk", Manner::Talk),
    ("barge_in", Manner::BargeIn),
    ("silent", Manner::Silent),
    ("listen", Manner::Listen),
    ("slow_reader", Manner::SlowReader),
    ("reset", Manner::Reset),
    ("half_close", Manner::HalfClose),
    ("malformed", Manner::Malformed),
    ("echo", Manner::Echo),
    ("echo_messages", Manner::EchoMessages),
    ("twilio", Manner::Telephone(Format::Twilio)),
    ("telnyx", Manner::Telephone(Format::Telnyx)),
    ("plivo", Manner::Telephone(Format::Plivo)),
    ("exotel", Manner::Telephone(Format::Exotel)),
];

impl Manner {
    /// The manner of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMED.iter().find(|(named, _)| *named == name).map(|(_, manner)| *manner)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        NAMED.iter().find(|(_, manner)| *manner == self).map_or("", |(name, _)| name)
    }

    /// Whether it says anything.
    pub(crate) fn speaks(self) -> bool {
        !matches!(self, Self::Silent | Self::Listen | Self::Echo | Self::EchoMessages)
    }

    /// Whether when an answer arrives tells of the server: not of a reader who does not read.
    pub(crate) fn hears_in_time(self) -> bool {
        self != Self::SlowReader
    }

    /// Whether each of its turns is to be answered to the end.
    pub(crate) fn expects_answers(self) -> bool {
        matches!(self, Self::Talk | Self::Telephone(_))
    }

    /// Whether its connection is over when it is: nothing is wrong then.
    pub(crate) fn ends_calls(self) -> bool {
        matches!(self, Self::Reset | Self::HalfClose | Self::Malformed | Self::SlowReader)
    }

    /// What it speaks.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::Telephone(format) => format,
            _ => Format::Protobuf,
        }
    }
}
