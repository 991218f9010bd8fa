//! The engine of voice activity: many streams, one network, any threads.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use pipecat_rs_audio::vad::{SpeechEvent, VadParams};
use pipecat_rs_inference::InferenceError;
use pipecat_rs_inference::vad::{
    DetectorParams, VadEngine, VadNetwork, VadRate, VadWindow, VoiceDetector, VoiceReport,
};

const WINDOW: usize = 512;
const LOUD: i16 = 8_000;
const PANICS: i16 = 666;
const WAIT: Duration = Duration::from_secs(20);

/// Is sure of windows of loud samples. Remembers of each stream the first samples of its windows.
#[derive(Default)]
struct Fake {
    open: Mutex<bool>,
    opened: Condvar,
    batches: Mutex<Vec<(VadRate, Vec<i16>)>>,
}

impl Fake {
    fn new() -> Arc<Self> {
        let fake = Arc::new(Self::default());
        fake.set_open(true);
        fake
    }

    fn set_open(&self, open: bool) {
        *self.open.lock().expect("nobody panics with it") = open;
        self.opened.notify_all();
    }

    fn batches(&self) -> Vec<(VadRate, Vec<i16>)> {
        self.batches.lock().expect("nobody panics with it").clone()
    }
}

impl VadNetwork for Fake {
    type Memory = i16;

    fn hears(&self, _rate: VadRate) -> bool {
        true
    }

    fn memory(&self) -> i16 {
        0
    }

    fn run(&self, rate: VadRate, windows: &mut [VadWindow<'_, i16>]) -> Result<(), InferenceError> {
        let firsts: Vec<i16> = windows.iter().map(|window| window.samples[0]).collect();
        self.batches.lock().expect("nobody panics with it").push((rate, firsts));
        let open = self.open.lock().expect("nobody panics with it");
        drop(self.opened.wait_while(open, |open| !*open).expect("nobody panics with it"));
        for window in windows {
            assert_eq!(window.samples.len(), rate.window());
            assert_ne!(window.samples[0], PANICS, "as it was told");
            *window.memory += 1;
            window.confidence = if window.samples[0] >= LOUD { 1.0 } else { 0.0 };
        }
        Ok(())
    }
}

fn params() -> DetectorParams {
    // Windows of 32 ms: three of them make 96 ms.
    let vad = VadParams { confidence: 0.7, start_secs: 0.096, stop_secs: 0.096, min_volume: 0.0 };
    DetectorParams { vad, activity_secs: 0.064, idle_timeout: None }
}

fn detector(engine: &VadEngine, params: DetectorParams) -> (VoiceDetector, Receiver<VoiceReport>) {
    let (told, reports) = channel();
    // The receiver of a dropped detector is gone.
    (VoiceDetector::new(engine, params, move |report| drop(told.send(report))), reports)
}

fn windows(count: usize, level: i16) -> Vec<i16> {
    vec![level; count * WINDOW]
}

/// What is reported before the mark.
fn until_drained(detector: &VoiceDetector, reports: &Receiver<VoiceReport>) -> Vec<VoiceReport> {
    detector.drain(7);
    let mut seen = Vec::new();
    loop {
        match reports.recv_timeout(WAIT).expect("the mark comes") {
            VoiceReport::Drained(7) => return seen,
            report => seen.push(report),
        }
    }
}

fn speech(reports: &[VoiceReport]) -> Vec<SpeechEvent> {
    let event = |report: &VoiceReport| match report {
        VoiceReport::Speech(event) => *event,
        other => panic!("unexpected: {other:?}"),
    };
    reports.iter().map(event).collect()
}

#[test]
fn speech_starts_goes_on_and_stops() {
    use SpeechEvent::{Activity, Started, Stopped};
    let engine = VadEngine::start(Fake::new()).unwrap();
    let (mut voice, reports) = detector(&engine, params());
    for piece in [windows(2, 1), windows(7, LOUD), windows(4, 1)].concat().chunks(320) {
        voice.process(piece, 16_000, 1).unwrap();
    }
    let seen = speech(&until_drained(&voice, &reports));
    assert_eq!(seen, [Started, Activity, Activity, Activity, Activity, Stopped]);
}

#[test]
fn a_pause_within_one_piece_of_audio_ends_no_speech() {
    use SpeechEvent::{Activity, Started};
    let engine = VadEngine::start(Fake::new()).unwrap();
    let (mut voice, reports) = detector(&engine, params());
    voice.process(&[windows(3, LOUD), windows(9, 1), windows(3, LOUD)].concat(), 16_000, 1).unwrap();
    voice.process(&windows(1, LOUD), 16_000, 1).unwrap();
    let seen = speech(&until_drained(&voice, &reports));
    assert_eq!(seen, [Started, Activity]);
}

#[test]
fn windows_that_are_due_together_run_in_one_batch_for_each_rate() {
    let fake = Fake::new();
    let engine = VadEngine::start(Arc::clone(&fake)).unwrap();
    fake.set_open(false);
    let (mut first, first_reports) = detector(&engine, params());
    first.process(&windows(1, 1), 16_000, 1).unwrap();
    while fake.batches().is_empty() {
        thread::yield_now();
    }
    // The network is busy with it; these gather.
    let rates = [16_000, 8_000, 16_000, 16_000, 8_000];
    let mut others: Vec<_> = rates.iter().map(|_| detector(&engine, params())).collect();
    for ((voice, _), (index, &rate)) in others.iter_mut().zip(rates.iter().enumerate()) {
        voice.process(&vec![index as i16 + 2; rate as usize / 1_000 * 32], rate, 1).unwrap();
    }
    fake.set_open(true);
    for (voice, reports) in others.iter().chain([&(first, first_reports)]) {
        assert!(until_drained(voice, reports).is_empty());
    }
    let batches = fake.batches();
    assert_eq!(batches[0], (VadRate::Wide, vec![1]));
    assert_eq!(batches[1], (VadRate::Narrow, vec![3, 6]));
    assert_eq!(batches[2], (VadRate::Wide, vec![2, 4, 5]));
    assert_eq!(engine.ran(), (6, 3));
}

#[test]
fn audio_of_other_rates_and_of_two_channels_is_heard() {
    use SpeechEvent::{Activity, Started};
    let fake = Fake::new();
    let engine = VadEngine::start(Arc::clone(&fake)).unwrap();
    for (rate, channels) in [(44_100, 1), (48_000, 2), (24_000, 1), (16_000, 2)] {
        let params = DetectorParams { activity_secs: 10.0, ..params() };
        let (mut voice, reports) = detector(&engine, params);
        let second = vec![LOUD + 1_000; rate as usize * channels as usize];
        for piece in second.chunks(rate as usize / 50 * channels as usize) {
            voice.process(piece, rate, channels).unwrap();
        }
        assert_eq!(speech(&until_drained(&voice, &reports)), [Started, Activity], "{rate} Hz");
    }
    assert!(fake.batches().iter().all(|(rate, _)| *rate == VadRate::Wide));
}

#[test]
fn a_stream_that_changes_its_rate_is_followed_on() {
    use SpeechEvent::{Activity, Started, Stopped};
    let engine = VadEngine::start(Fake::new()).unwrap();
    let (mut voice, reports) = detector(&engine, DetectorParams { activity_secs: 10.0, ..params() });
    voice.process(&windows(4, LOUD), 16_000, 1).unwrap();
    voice.process(&windows(1, 1), 8_000, 1).unwrap();
    voice.process(&windows(3, 1), 8_000, 1).unwrap();
    assert_eq!(speech(&until_drained(&voice, &reports)), [Started, Activity, Stopped]);
    assert!(voice.process(&[0; 30], 16_000, 3).is_err());
    assert!(voice.process(&[0; 30], 0, 1).is_err());
}

#[test]
fn new_parameters_hold_from_the_next_window_on() {
    use SpeechEvent::{Activity, Started, Stopped};
    let engine = VadEngine::start(Fake::new()).unwrap();
    let (mut voice, reports) = detector(&engine, DetectorParams { activity_secs: 10.0, ..params() });
    voice.process(&windows(3, LOUD), 16_000, 1).unwrap();
    voice.set_params(VadParams { start_secs: 0.032, ..params().vad });
    voice.process(&windows(1, 1), 16_000, 1).unwrap();
    voice.process(&windows(1, LOUD), 16_000, 1).unwrap();
    assert_eq!(speech(&until_drained(&voice, &reports)), [Started, Activity, Stopped, Started]);
}

#[test]
fn speech_stops_when_the_audio_ceases() {
    let engine = VadEngine::start(Fake::new()).unwrap();
    let idle_timeout = Some(Duration::from_millis(20));
    let (mut voice, reports) = detector(&engine, DetectorParams { idle_timeout, ..params() });
    let (_silent, silence) = detector(&engine, DetectorParams { idle_timeout, ..params() });
    voice.process(&windows(3, LOUD), 16_000, 1).unwrap();
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(VoiceReport::Ceased)) {
        seen.push(reports.recv_timeout(WAIT).expect("speech stops"));
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    // With more audio it goes on.
    voice.process(&windows(1, LOUD), 16_000, 1).unwrap();
    let again = reports.recv_timeout(WAIT).expect("speech starts");
    assert!(matches!(again, VoiceReport::Speech(SpeechEvent::Started)));
    assert!(silence.try_recv().is_err(), "nobody spoke there");
}

#[test]
fn a_network_that_panics_or_a_listener_that_does_costs_nobody_else_anything() {
    let fake = Fake::new();
    let engine = VadEngine::start(Arc::clone(&fake)).unwrap();
    let mut rude = VoiceDetector::new(&engine, params(), |_report| panic!("as it was told"));
    rude.process(&windows(4, LOUD), 16_000, 1).unwrap();
    let (mut voice, reports) = detector(&engine, params());
    voice.process(&windows(2, PANICS), 16_000, 1).unwrap();
    voice.process(&windows(3, LOUD), 16_000, 1).unwrap();
    let seen = until_drained(&voice, &reports);
    assert!(matches!(seen[0], VoiceReport::Failed(_)), "{seen:?}");
    assert!(matches!(seen[1], VoiceReport::Speech(SpeechEvent::Started)), "said once: {seen:?}");
}

#[test]
fn a_machine_that_cannot_keep_up_drops_the_oldest_windows_and_counts_them() {
    let fake = Fake::new();
    let engine = VadEngine::start(Arc::clone(&fake)).unwrap();
    fake.set_open(false);
    let (mut voice, reports) = detector(&engine, params());
    voice.process(&windows(1, 1), 16_000, 1).unwrap();
    while fake.batches().is_empty() {
        thread::yield_now();
    }
    let (most, more) = (938, 50);
    for number in 0..most + more {
        voice.process(&windows(1, number as i16), 16_000, 1).unwrap();
    }
    assert_eq!(voice.dropped(), more as u64);
    fake.set_open(true);
    until_drained(&voice, &reports);
    let heard: Vec<i16> = fake.batches()[1..].iter().map(|(_, firsts)| firsts[0]).collect();
    let expected: Vec<i16> = (more..most + more).map(|number| number as i16).collect();
    assert_eq!(heard, expected);
}

#[test]
fn streams_of_many_threads_lose_nothing_and_may_end_at_any_time() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 60;
    let engine = VadEngine::start(Fake::new()).unwrap();
    let submitted: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let engine = &engine;
                scope.spawn(move || {
                    let mut submitted = 0;
                    for round in 0..ROUNDS {
                        let (mut voice, reports) = detector(engine, params());
                        let (mut dropped, _) = detector(engine, params());
                        let count = (number * 7 + round * 3) % 11;
                        for piece in 0..count {
                            voice.process(&windows(1 + piece % 2, LOUD), 16_000, 1).unwrap();
                            submitted += 1 + piece as u64 % 2;
                            // It ends while its window may be anywhere.
                            if piece == count / 2 {
                                dropped.process(&windows(1, 1), 16_000, 1).unwrap();
                            }
                        }
                        drop(dropped);
                        let starts = until_drained(&voice, &reports)
                            .iter()
                            .filter(|report| matches!(report, VoiceReport::Speech(SpeechEvent::Started)))
                            .count();
                        let expected = (0..count).map(|piece| 1 + piece % 2).sum::<usize>() >= 3;
                        assert_eq!(starts, usize::from(expected));
                    }
                    submitted
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let (ran, batches) = engine.ran();
    assert!(ran >= submitted, "{ran} of {submitted}");
    assert!(ran <= submitted + (THREADS * ROUNDS) as u64 && batches <= ran);
}

#[test]
fn an_engine_that_is_closed_tells_nothing_more() {
    let engine = VadEngine::start(Fake::new()).unwrap();
    let (mut voice, reports) = detector(&engine, params());
    engine.close();
    voice.process(&windows(9, LOUD), 16_000, 1).unwrap();
    voice.drain(1);
    drop(engine);
    assert!(reports.try_recv().is_err());
}
