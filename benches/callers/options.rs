//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::manner::Manner;

pub(crate) const USAGE: &str = "\
callers --address HOST:PORT --mix MANNER=COUNT[,MANNER=COUNT...] [options]

  --path PATH            what is asked for (/); telephony providers ask for /ws
  --speech FILE          a WAV file, 16 kHz, mono, 16-bit: what is said in a turn
  --turn-secs S          from the beginning of a turn to that of the next (8.56)
  --answer-secs S        how long an answer of the bot is; 0 for one that never ends (2)
  --connect-rate N       calls opened in a second (20)
  --settle-secs S        from the last call's opening to the first figure (5)
  --secs S               how long to measure (20)
  --every S              also print a line of JSON every so often while it measures
  --arrivals             also print when each message of audio arrived, on the monotonic clock

Manners: talk, barge_in, silent, listen, slow_reader, reset, half_close, malformed, echo,
echo_messages, twilio, telnyx, plivo, exotel.";

/// What the command line says.
pub(crate) struct Options {
    /// Where the server is.
    pub(crate) address: SocketAddr,
    /// What is asked for, but not by telephony providers.
    pub(crate) path: String,
    /// How many callers there are of each manner.
    pub(crate) mix: Vec<(Manner, usize)>,
    /// What is said in a turn.
    pub(crate) speech: Option<PathBuf>,
    /// From the beginning of a turn to that of the next.
    pub(crate) turn: Duration,
    /// How long an answer of the bot is. `None`: it never ends.
    pub(crate) answer: Option<Duration>,
    /// Calls opened in a second.
    pub(crate) connect_rate: f64,
    /// From the last call's opening to the first figure.
    pub(crate) settle: Duration,
    /// How long to measure.
    pub(crate) measure: Duration,
    /// How often to say how it goes.
    pub(crate) every: Option<Duration>,
    /// Whether to say when each message of audio arrived.
    pub(crate) arrivals: bool,
}

impl Options {
    /// Read a command line.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            path: "/".to_owned(),
            mix: Vec::new(),
            speech: None,
            turn: Duration::from_millis(8_560),
            answer: Some(Duration::from_secs(2)),
            connect_rate: 20.0,
            settle: Duration::from_secs(5),
            measure: Duration::from_secs(20),
            every: None,
            arrivals: false,
        };
        while let Some(name) = words.next() {
            if name == "--arrivals" {
                options.arrivals = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{name} needs a value"))?;
            let wrong = |what: &str| format!("{name} {value}: {what}");
            let number = || value.parse::<f64>().map_err(|_| wrong("not a number"));
            let secs = || {
                let secs = number()?;
                Duration::try_from_secs_f64(secs).map_err(|_| wrong("not a length of time"))
            };
            match name.as_str() {
                "--address" => {
                    options.address = value.parse().map_err(|_| wrong("not an address"))?;
                }
                "--path" => options.path = value,
                "--mix" => {
                    options.mix = value
                        .split(',')
                        .map(of_mix)
                        .collect::<Option<_>>()
                        .ok_or_else(|| wrong("not a list of manners and how many there are of each"))?;
                }
                "--speech" => options.speech = Some(value.into()),
                "--turn-secs" => options.turn = secs()?,
                "--answer-secs" => options.answer = Some(secs()?).filter(|a| !a.is_zero()),
                "--connect-rate" => options.connect_rate = number()?.max(0.1),
                "--settle-secs" => options.settle = secs()?,
                "--secs" => options.measure = secs()?,
                "--every" => options.every = Some(secs()?).filter(|every| !every.is_zero()),
                _ => return Err(format!("{name}: no such option")),
            }
        }
        if options.address.port() == 0 {
            return Err("--address is needed".to_owned());
        }
        if options.mix.iter().all(|(_, count)| *count == 0) {
            return Err("--mix is needed, with at least one caller".to_owned());
        }
        if options.speech.is_none() && options.mix.iter().any(|(manner, _)| manner.speaks()) {
            return Err("--speech is needed for callers who talk".to_owned());
        }
        Ok(options)
    }
}

fn of_mix(entry: &str) -> Option<(Manner, usize)> {
    let (name, count) = entry.split_once('=')?;
    Some((Manner::named(name)?, count.parse().ok()?))
}
