//! Random schedules: order is kept, nothing stale is written, nothing is lost that must be played,
//! and the end comes in time.

use std::time::Duration;

use bytes::Bytes;
use pipecat_rs_transport::playout::{AudioKind, PlayoutSettings, QueuedAudio, Speech};
use proptest::prelude::*;
use tokio::time::{Instant, sleep};

use crate::support::{Event, Peer, World, bytes, frame, ms, samples};

/// A sample lasts a millisecond, and each one is different: its number says when it was made.
const RATE: u32 = 1_000;
const FIRST: i16 = 100;

#[derive(Clone, Debug)]
enum Move {
    Audio {
        length: u8,
        lasting: bool,
        kind: AudioKind,
    },
    Frame {
        lasting: bool,
    },
    Call,
    Timed {
        delay: u16,
        lasting: bool,
    },
    Utterance {
        lasting: bool,
    },
    Interrupt,
    /// The task's epoch begins; the interruption comes after a time.
    Epoch {
        delay: u8,
    },
    Sleep(u8),
    Full(u8),
}

fn a_move() -> impl Strategy<Value = Move> {
    let kind = prop_oneof![Just(AudioKind::Plain), Just(AudioKind::Tts), Just(AudioKind::Speech)];
    prop_oneof![
        8 => (1..150_u8, prop::bool::weighted(0.3), kind)
            .prop_map(|(length, lasting, kind)| Move::Audio { length, lasting, kind }),
        3 => any::<bool>().prop_map(|lasting| Move::Frame { lasting }),
        1 => Just(Move::Call),
        2 => (0..800_u16, any::<bool>()).prop_map(|(delay, lasting)| Move::Timed { delay, lasting }),
        2 => any::<bool>().prop_map(|lasting| Move::Utterance { lasting }),
        2 => Just(Move::Interrupt),
        1 => (0..60_u8).prop_map(|delay| Move::Epoch { delay }),
        4 => any::<u8>().prop_map(Move::Sleep),
        1 => any::<u8>().prop_map(Move::Full),
    ]
}

/// Something that was queued.
#[derive(Debug)]
struct Queued {
    lasting: bool,
    /// Its place among interruptions, in the log.
    after: usize,
    /// Audio that was queued before a frame.
    samples_before: usize,
    timed: bool,
}

/// What was done, to be compared with what happened.
#[derive(Default, Debug)]
struct Model {
    samples: Vec<Queued>,
    frames: Vec<Queued>,
    /// Where in the log the interruptions are.
    interruptions: Vec<usize>,
}

impl Model {
    /// Whether something was interrupted after it was queued, before a place in the log.
    fn is_interrupted(&self, queued: &Queued, before: usize) -> bool {
        !queued.lasting && self.interruptions.iter().any(|at| (queued.after..before).contains(at))
    }
}

struct Run {
    model: Model,
    log: Vec<(Duration, Event)>,
    /// When the end began.
    ending: Duration,
}

async fn run(moves: &[Move], lead: u64, chunk: u32, last_peer: Peer) -> Run {
    let world = World::new();
    let playout = world.playout(PlayoutSettings {
        lead: ms(lead),
        chunk: chunk * ms(10),
        no_audio_stop: Duration::from_secs(3_600),
        write_timeout: Duration::from_secs(1),
        ..PlayoutSettings::new(RATE, 1)
    });
    let start = Instant::now();
    let mut model = Model::default();
    let queued = |model: &Model, lasting, timed| Queued {
        lasting,
        after: world.count(),
        samples_before: model.samples.len(),
        timed,
    };
    for one in moves {
        match *one {
            Move::Audio { length, lasting, kind } => {
                let first = FIRST + model.samples.len() as i16;
                let numbers: Vec<i16> = (first..first + i16::from(length)).collect();
                for _ in 0..length {
                    model.samples.push(queued(&model, lasting, false));
                }
                let audio = QueuedAudio {
                    samples: bytes(&numbers),
                    sample_rate: RATE,
                    kind,
                    interruptible: !lasting,
                    ..world.speech_of(&[])
                };
                playout.play_audio(audio).unwrap();
            }
            Move::Frame { lasting } => {
                let id = model.frames.len() as u64;
                model.frames.push(queued(&model, lasting, false));
                playout.play_in_turn(frame(id), !lasting);
            }
            Move::Call => playout.call_in_turn(Box::new(|_| {}), true),
            Move::Timed { delay, lasting } => {
                let id = model.frames.len() as u64;
                model.frames.push(queued(&model, lasting, true));
                playout.play_at(frame(id), Instant::now() + ms(delay.into()), !lasting);
            }
            Move::Utterance { lasting } => {
                let id = model.frames.len() as u64;
                model.frames.push(queued(&model, lasting, false));
                playout.end_utterance(frame(id), !lasting);
            }
            Move::Interrupt => {
                model.interruptions.push(world.count());
                world.note(Event::Mark);
                world.begin_epoch();
                playout.interrupt();
            }
            Move::Epoch { delay } => {
                model.interruptions.push(world.count());
                world.note(Event::Mark);
                world.begin_epoch();
                sleep(ms(delay.into())).await;
                model.interruptions.push(world.count());
                world.note(Event::Mark);
                playout.interrupt();
            }
            Move::Sleep(length) => sleep(ms(length.into())).await,
            Move::Full(length) => {
                world.set_peer(Peer::Full);
                sleep(ms(length.into())).await;
                world.set_peer(Peer::Takes);
            }
        }
    }
    world.set_peer(last_peer);
    let ending = start.elapsed();
    world.finish(&playout).await;
    Run { model, log: world.log(), ending }
}

impl Run {
    /// (place in the log, number of the sample), of those that were queued: where they were written.
    fn written(&self) -> Vec<(usize, usize)> {
        self.samples_of(|event| if let Event::Wrote(chunk) = event { Some(chunk) } else { None })
    }

    /// The same, but where the owner was told, as it was of frames.
    fn told(&self) -> Vec<(usize, usize)> {
        self.samples_of(|event| if let Event::Played(chunk, ..) = event { Some(chunk) } else { None })
    }

    fn samples_of(&self, chunk_of: impl Fn(&Event) -> Option<&Bytes>) -> Vec<(usize, usize)> {
        let log = self.log.iter().enumerate();
        log.flat_map(|(place, (_, event))| match chunk_of(event) {
            Some(chunk) => samples(chunk).into_iter().map(|sample| (place, sample)).collect(),
            None => Vec::new(),
        })
        .filter(|&(_, sample)| sample != 0)
        .map(|(place, sample)| (place, (sample - FIRST) as usize))
        .collect()
    }

    fn passed(&self) -> Vec<(usize, usize)> {
        let log = self.log.iter().enumerate();
        log.filter_map(|(place, (_, event))| match event {
            Event::Frame(id) => Some((place, *id as usize)),
            _ => None,
        })
        .collect()
    }

    fn check_audio(&self) {
        let written = self.written();
        let numbers =
            |all: Vec<(usize, usize)>| all.into_iter().map(|(_, number)| number).collect::<Vec<_>>();
        assert_eq!(numbers(self.told()), numbers(written.clone()));
        assert!(written.is_sorted_by(|(_, one), (_, next)| one < next), "each once, in order: {written:?}");
        for &(place, number) in &written {
            let stale = self.model.is_interrupted(&self.model.samples[number], place);
            assert!(!stale, "{number} is stale");
        }
        let mut numbers = written.iter().map(|(_, number)| *number).peekable();
        for (number, queued) in self.model.samples.iter().enumerate() {
            let was_written = numbers.next_if_eq(&number).is_some();
            let may_be_lost = self.model.is_interrupted(queued, usize::MAX);
            assert!(was_written || may_be_lost, "{number} is lost: {queued:?}");
        }
    }

    fn check_frames(&self, chunk: usize, audio_counts: bool) {
        let (passed, told) = (self.passed(), self.told());
        let in_turn = passed.iter().filter(|(_, id)| !self.model.frames[*id].timed).map(|(_, id)| id);
        assert!(in_turn.is_sorted_by(|one, next| one < next), "{passed:?}");
        for (id, queued) in self.model.frames.iter().enumerate() {
            let places: Vec<_> = passed.iter().filter(|(_, other)| *other == id).collect();
            assert!(places.len() <= 1);
            let Some((place, _)) = places.first() else {
                assert!(self.model.is_interrupted(queued, usize::MAX), "frame {id} is lost");
                continue;
            };
            assert!(!self.model.is_interrupted(queued, *place), "frame {id} is stale");
            if !queued.timed && audio_counts {
                let before = |number: usize| number < queued.samples_before;
                let early = told.iter().filter(|(at, number)| at < place && !before(*number)).count();
                let late = told.iter().filter(|(at, number)| at > place && before(*number)).count();
                // What does not fill a chunk waits for more.
                assert!(early == 0 && late < chunk, "frame {id}: {early} {late}");
            }
        }
    }

    fn check_speech(&self) {
        let mut speaking = false;
        for (_, event) in &self.log {
            match event {
                Event::Speech(Speech::Started) => assert!(!std::mem::replace(&mut speaking, true)),
                Event::Speech(Speech::Speaking) => assert!(speaking),
                Event::Speech(Speech::Stopped) => assert!(std::mem::take(&mut speaking)),
                _ => {}
            }
        }
    }

    /// The end comes when everything has been heard and every time has come, and `more` after it.
    fn check_end(&self, chunk: u32, more: Duration) {
        let (at, last) = self.log.last().expect("the end was told");
        assert_eq!(*last, Event::Done);
        let audio = ms(self.model.samples.len() as u64) + self.model.frames.len() as u32 * chunk * ms(10);
        let limit = self.ending + audio + chunk * ms(10) + ms(1_000) + more;
        assert!(*at <= limit, "{at:?} is after {limit:?}");
    }
}

fn on_a_paused_clock(test: impl Future<Output = Run>) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_stale_nothing_lost_nothing_out_of_order(
        moves in prop::collection::vec(a_move(), 0..60), lead in 0..50_u64, chunk in 1..5_u32,
    ) {
        let run = on_a_paused_clock(run(&moves, lead, chunk, Peer::Takes));
        run.check_audio();
        run.check_frames(10 * chunk as usize, true);
        run.check_speech();
        run.check_end(chunk, Duration::ZERO);
        // Without a peer that holds it up nothing comes faster than it is heard.
        if !moves.iter().any(|one| matches!(one, Move::Full(_))) {
            let times: Vec<_> = run.log.iter().filter(|(_, event)| matches!(event, Event::Wrote(_))).collect();
            for (n, (at, _)) in times.iter().enumerate() {
                let later = times[n..].iter().take_while(|(other, _)| *other <= *at + ms(lead)).count() as u64;
                prop_assert!(later <= 2 + 2 * lead / (10 * u64::from(chunk)), "{times:?}");
            }
        }
    }

    #[test]
    fn the_end_comes_whatever_the_peer_does(
        moves in prop::collection::vec(a_move(), 0..30),
        peer in prop_oneof![Just(Peer::Full), Just(Peer::Lies), Just(Peer::Closed), Just(Peer::Fails("it"))],
    ) {
        let run = on_a_paused_clock(run(&moves, 0, 2, peer));
        run.check_frames(20, false);
        run.check_speech();
        run.check_end(2, Duration::from_secs(1));
    }
}
