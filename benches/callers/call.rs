//! One call: what is sent each 20 ms, what comes, and how it ends.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use crate::arrivals::{Hearing, Turn};
use crate::format::{SAMPLES, TICK, protobuf_audio, protobuf_message, protobuf_said};
use crate::manner::Manner;
use crate::speech::Script;
use crate::wheel::World;
use crate::wire::{self, BINARY, CLOSE, PING, PONG, TEXT, put_message};

/// What waits to be sent when the server does not read; more is not added.
const MOST_WAITING: usize = 1 << 20;
/// A slow reader reads for so long, and then does not.
const READS_FOR: Duration = Duration::from_secs(2);
const PAUSES_FOR: Duration = Duration::from_secs(3);
/// How long somebody who closed one direction listens for the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Somebody who barges in lets the bot speak for so long.
const LISTENS_FOR: Duration = Duration::from_millis(800);
/// Nonsense comes once in so many messages.
const NONSENSE_EACH: usize = 50;
/// Who waits for an echo begins once the sessions have surely begun: what waits for a session is
/// played in its time too, and would be in every round trip.
const ECHO_AFTER_TICKS: usize = 50;
/// Marks numbered audio.
const MARK: u32 = 0x5eed_ca11;
const REMEMBERED: usize = 4_096;

/// One caller, and its connection while there is one.
pub(crate) struct Call {
    number: usize,
    manner: Manner,
    world: Rc<World>,
    script: Rc<Script>,
    line: RefCell<Option<OwnedWriteHalf>>,
    waiting: RefCell<Vec<u8>>,
    /// Ticks since the turn began.
    place: Cell<usize>,
    turns: Cell<usize>,
    ticks: Cell<usize>,
    /// When the call ends by itself, in ticks.
    lasts: Cell<usize>,
    hearing: RefCell<Hearing>,
    sent: RefCell<Vec<Instant>>,
}

impl Call {
    /// A call that has not begun.
    pub(crate) fn new(number: usize, manner: Manner, world: Rc<World>) -> Self {
        let whole = world.options.answer;
        let script = world.script(manner.format());
        Self {
            number,
            manner,
            script,
            line: RefCell::default(),
            waiting: RefCell::default(),
            place: Cell::new(0),
            turns: Cell::new(0),
            ticks: Cell::new(0),
            lasts: Cell::new(usize::MAX),
            hearing: RefCell::new(Hearing::new(whole)),
            sent: RefCell::new(vec![Instant::now(); REMEMBERED]),
            world,
        }
    }

    /// Call, and call again whenever a call ends, until the run is over.
    pub(crate) async fn hold(self: Rc<Self>) {
        while !self.world.over.get() {
            match self.open().await {
                Err(error) => {
                    let mut report = self.world.report.borrow_mut();
                    let totals = report.of(self.manner);
                    totals.refused += 1;
                    totals.reason(error.to_string());
                }
                Ok((reading, read)) => {
                    self.world.open.set(self.world.open.get() + 1);
                    let end = self.listen(reading, read).await;
                    self.line.borrow_mut().take();
                    self.world.open.set(self.world.open.get() - 1);
                    self.ended(end);
                }
            }
            sleep(Duration::from_millis(300 + self.world.random(1_000))).await;
        }
    }

    async fn open(&self) -> io::Result<(OwnedReadHalf, Vec<u8>)> {
        let options = &self.world.options;
        let path = self.manner.format().path().unwrap_or(&options.path);
        let opening = async {
            let mut stream = TcpStream::connect(options.address).await?;
            stream.set_nodelay(true)?;
            let read = wire::open(&mut stream, &options.address.to_string(), path).await?;
            stream.write_all(&self.manner.format().opening(self.number)).await?;
            io::Result::Ok((stream, read))
        };
        let (stream, read) =
            timeout(PATIENCE, opening).await.map_err(|_| io::Error::other("no handshake in time"))??;
        let turn = self.turn_ticks();
        let silence = turn.saturating_sub(self.script.speech.len()) as u64;
        self.place.set(self.script.speech.len() + 1 + self.world.random(silence.max(2) - 1) as usize);
        self.turns.set(0);
        self.ticks.set(0);
        self.lasts.set(match self.manner {
            Manner::Reset | Manner::HalfClose => 150 + self.world.random(600) as usize,
            _ => usize::MAX,
        });
        *self.hearing.borrow_mut() = Hearing::new(options.answer);
        self.waiting.borrow_mut().clear();
        let (reading, writing) = stream.into_split();
        *self.line.borrow_mut() = Some(writing);
        self.world.report.borrow_mut().of(self.manner).opened += 1;
        Ok((reading, read))
    }

    fn turn_ticks(&self) -> usize {
        (self.world.options.turn.as_millis() / TICK.as_millis()).max(1) as usize
    }

    fn ended(&self, end: String) {
        if self.world.over.get() {
            return;
        }
        let mut report = self.world.report.borrow_mut();
        let totals = report.of(self.manner);
        if self.manner.ends_calls() {
            totals.ended += 1;
        } else {
            totals.lost += 1;
        }
        totals.reason(end);
    }

    // ---- sending

    /// Send what is due now.
    pub(crate) fn tick(&self) {
        let mut line = self.line.borrow_mut();
        let Some(writing) = line.as_ref() else { return };
        let echoes = matches!(self.manner, Manner::Echo | Manner::EchoMessages);
        if echoes && !self.world.opened.get() {
            return;
        }
        let ticks = self.ticks.replace(self.ticks.get() + 1);
        if ticks >= self.lasts.get() {
            self.leave(&mut line);
            return;
        }
        match self.manner {
            Manner::Listen => {}
            _ if echoes && ticks < ECHO_AFTER_TICKS => {}
            Manner::Silent => self.send(writing, &self.script.silence),
            Manner::Echo => {
                let mut linear = vec![0; 2 * SAMPLES];
                linear[..4].copy_from_slice(&MARK.to_le_bytes());
                linear[4..8].copy_from_slice(&(ticks as u32).to_le_bytes());
                self.send_numbered(writing, ticks, BINARY, &protobuf_audio(&linear));
            }
            Manner::EchoMessages => {
                let json = format!(r#"{{"label":"echo","number":{ticks}}}"#);
                self.send_numbered(writing, ticks, BINARY, &protobuf_message(&json));
            }
            _ => self.speak(writing, ticks),
        }
    }

    fn speak(&self, writing: &OwnedWriteHalf, ticks: usize) {
        let spoken = self.script.speech.len();
        let mut place = self.place.get();
        let barges = self.manner == Manner::BargeIn
            && self.turns.get() % 2 == 1
            && place > spoken
            && self.hearing.borrow().speaking_for() > LISTENS_FOR;
        if place >= self.turn_ticks() || barges {
            place = 0;
            self.turns.set(self.turns.get() + 1);
            let turn = self.hearing.borrow_mut().turn_begins();
            self.world.measure(self.manner, |report| match turn {
                Some(Turn::Answered) => report.of(self.manner).answered += 1,
                Some(Turn::Unanswered) => report.of(self.manner).unanswered += 1,
                None => {}
            });
        }
        if place == spoken {
            self.hearing.borrow_mut().said(Instant::now(), self.world.measuring.get());
        }
        self.send(writing, self.script.speech.get(place).unwrap_or(&self.script.silence));
        if self.manner == Manner::Malformed && ticks % NONSENSE_EACH == NONSENSE_EACH - 1 {
            let nonsense = self.nonsense();
            self.send(writing, &nonsense);
        }
        self.place.set(place + 1);
    }

    fn send_numbered(&self, writing: &OwnedWriteHalf, number: usize, opcode: u8, payload: &[u8]) {
        let mut message = Vec::with_capacity(payload.len() + 14);
        put_message(opcode, payload, &mut message);
        self.sent.borrow_mut()[number % REMEMBERED] = Instant::now();
        self.send(writing, &message);
    }

    fn send(&self, writing: &OwnedWriteHalf, message: &[u8]) {
        let mut waiting = self.waiting.borrow_mut();
        let mut blocked = false;
        if waiting.is_empty() {
            // Whatever is wrong with the connection, reading says so.
            let sent = writing.try_write(message).unwrap_or(0);
            waiting.extend_from_slice(&message[sent..]);
            blocked = sent < message.len();
        } else {
            if waiting.len() + message.len() <= MOST_WAITING {
                waiting.extend_from_slice(message);
                blocked = true;
            }
            let sent = writing.try_write(&waiting).unwrap_or(0);
            waiting.drain(..sent);
        }
        self.world.measure(self.manner, |report| {
            let totals = report.of(self.manner);
            totals.messages_out += 1;
            totals.blocked += u64::from(blocked);
        });
    }

    /// One message that no server should be troubled by.
    fn nonsense(&self) -> Vec<u8> {
        let noise: Vec<u8> = (0..200).map(|_| self.world.random(256) as u8).collect();
        let mut bytes = Vec::new();
        match self.world.random(8) {
            0 => put_message(BINARY, &noise, &mut bytes),
            1 => put_message(BINARY, &[], &mut bytes),
            2 => put_message(TEXT, br#"{"event":"media","media":{"payload":7}}"#, &mut bytes),
            3 => put_message(TEXT, b"{", &mut bytes),
            // Audio that says it is longer than it is.
            4 => put_message(BINARY, &[0x12, 0xff, 0xff, 0xff, 0x7f, 0x1a, 0x10, 0], &mut bytes),
            // Audio of half a sample, at no rate.
            5 => put_message(BINARY, &[0x12, 0x05, 0x1a, 0x01, 0x55, 0x20, 0x00], &mut bytes),
            6 => put_message(BINARY, &protobuf_message("not json"), &mut bytes),
            // Not WebSocket at all, once in a while; the connection will not live on.
            _ if self.world.random(4) == 0 => bytes.extend(&noise),
            _ => put_message(TEXT, &[b'x'; 9_000], &mut bytes),
        }
        bytes
    }

    fn leave(&self, line: &mut Option<OwnedWriteHalf>) {
        let Some(writing) = line.take() else { return };
        if self.manner == Manner::Reset {
            // With this the system sends RST instead of FIN when the socket is dropped.
            let _ = writing.as_ref().set_zero_linger();
            writing.forget();
        } else {
            drop(writing); // sends FIN, while the other half goes on reading
        }
    }

    /// Say goodbye, at the end of the run.
    pub(crate) fn hang_up(&self) {
        if let Some(writing) = self.line.borrow().as_ref() {
            let mut message = Vec::new();
            put_message(CLOSE, &1000u16.to_be_bytes(), &mut message);
            self.send(writing, &message);
        }
    }

    // ---- hearing

    /// Read until it ends; returns why it did.
    async fn listen(&self, mut reading: OwnedReadHalf, mut read: Vec<u8>) -> String {
        let mut since = Instant::now();
        loop {
            while let Some((frame, length)) = wire::first_frame(&read) {
                match frame.opcode {
                    CLOSE => {
                        let code = frame.payload.first_chunk().map_or(1005, |c| u16::from_be_bytes(*c));
                        let why = String::from_utf8_lossy(frame.payload.get(2..).unwrap_or_default());
                        return format!("closed with {code} {why}").trim_end().to_owned();
                    }
                    PING => self.answer_ping(frame.payload),
                    _ => self.message(frame.payload),
                }
                read.drain(..length);
            }
            if self.manner == Manner::SlowReader && since.elapsed() > READS_FOR {
                sleep(PAUSES_FOR).await;
                since = Instant::now();
            }
            let has_left = self.line.borrow().is_none();
            if has_left && self.manner == Manner::Reset {
                return "gone".to_owned();
            }
            let patience = if has_left { PATIENCE } else { Duration::from_secs(1) };
            match timeout(patience, reading.read_buf(&mut read)).await {
                Err(_) if has_left => return "the server did not close its direction".to_owned(),
                Err(_) => {}
                Ok(Ok(0)) => return "closed without a word".to_owned(),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error.to_string(),
            }
        }
    }

    fn answer_ping(&self, payload: &[u8]) {
        if let Some(writing) = self.line.borrow().as_ref() {
            let mut message = Vec::new();
            put_message(PONG, payload, &mut message);
            self.send(writing, &message);
        }
    }

    fn message(&self, payload: &[u8]) {
        let now = Instant::now();
        match self.manner {
            Manner::EchoMessages => self.message_came_back(now, payload),
            _ => self.audio(now, payload),
        }
    }

    fn audio(&self, now: Instant, payload: &[u8]) {
        let Some(audio) = self.manner.format().heard(payload) else { return };
        if self.manner == Manner::Echo {
            for samples in audio.samples.chunks_exact(2 * SAMPLES) {
                let word = |at: usize| samples[at..].first_chunk().map(|word| u32::from_le_bytes(*word));
                if let (Some(MARK), Some(number)) = (word(0), word(4)) {
                    self.came_back(now, number as usize);
                }
            }
            return;
        }
        let heard = self.hearing.borrow_mut().audio(now, audio.lasts);
        let arrival = self.world.options.arrivals.then(|| {
            let clock = clock_gettime(ClockId::Monotonic);
            (clock.tv_sec as u64 * 1_000_000_000 + clock.tv_nsec as u64, audio.lasts.as_micros() as u64)
        });
        self.world.measure(self.manner, |report| {
            report.arrivals.extend(arrival);
            let totals = report.of(self.manner);
            totals.messages_in += 1;
            totals.audio += audio.lasts;
            if let Some(late) = heard.late {
                totals.late.add(late);
            }
            if let Some(behind) = heard.behind {
                totals.behind.add(behind);
            }
            if let Some(delay) = heard.delay {
                totals.delay.add(delay);
            }
        });
    }

    fn message_came_back(&self, now: Instant, payload: &[u8]) {
        const FIELD: &[u8] = b"\"number\":";
        let Some(json) = protobuf_said(payload) else { return };
        let Some(at) = json.windows(FIELD.len()).position(|field| field == FIELD) else { return };
        let digits = json[at + FIELD.len()..].trim_ascii_start().iter();
        let number = digits
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0usize, |number, digit| number.wrapping_mul(10).wrapping_add(usize::from(digit - b'0')));
        self.came_back(now, number);
    }

    fn came_back(&self, now: Instant, number: usize) {
        let sent = self.sent.borrow()[number % REMEMBERED];
        self.world.measure(self.manner, |report| {
            let totals = report.of(self.manner);
            totals.messages_in += 1;
            totals.round_trip.add(now.saturating_duration_since(sent));
        });
    }
}
