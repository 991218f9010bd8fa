//! The rings between the media threads and a device, whose callback is the test.

use std::time::Duration;

use bytes::Bytes;
use pipecat_rs_transport::local::{Format, Loudspeaker, MicrophoneFeed, MicrophoneReader, SpeakerFeed};
use pipecat_rs_transport::{Refusal, Sink};
use proptest::prelude::*;

const MONO: Format = Format { sample_rate: 16_000, channels: 1 };
const STEREO_48: Format = Format { sample_rate: 48_000, channels: 2 };
const CHUNK: Duration = Duration::from_millis(20);
/// Samples in 20 ms of `MONO`.
const STEP: usize = 320;

fn bytes_of(samples: &[i16]) -> Bytes {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn samples_of(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn speaker() -> (Loudspeaker, SpeakerFeed) {
    Loudspeaker::pair(MONO, MONO, CHUNK).expect("mono fits mono")
}

fn period(feed: &mut SpeakerFeed, samples: usize) -> Vec<i16> {
    let mut period = vec![77; samples];
    feed.fill(&mut period, Duration::ZERO);
    period
}

fn say(speaker: &Loudspeaker, value: i16, steps: usize) {
    for _ in 0..steps {
        speaker.try_write(bytes_of(&[value; STEP])).expect("there is room");
    }
}

#[test]
fn a_device_hears_silence_then_what_is_written_one_period_later() {
    let (speaker, mut feed) = speaker();
    assert_eq!(period(&mut feed, STEP), [0; STEP]);
    say(&speaker, 5, 2);
    assert_eq!(speaker.queued(), 2 * CHUNK);
    assert_eq!(period(&mut feed, STEP), [0; STEP]);
    assert_eq!(period(&mut feed, STEP), [5; STEP]);
    assert_eq!(period(&mut feed, STEP), [5; STEP]);
    assert_eq!(period(&mut feed, STEP), [0; STEP]);
    assert_eq!(speaker.queued(), Duration::ZERO);
}

#[test]
fn an_utterance_that_is_shorter_than_a_period_is_heard() {
    let (speaker, mut feed) = speaker();
    speaker.try_write(bytes_of(&[5; 10])).unwrap();
    period(&mut feed, STEP);
    let heard = period(&mut feed, STEP);
    assert_eq!(heard[..10], [5; 10]);
    assert_eq!(heard[10..], [0; STEP - 10]);
}

#[test]
fn a_gap_within_speech_is_an_underrun_and_a_pause_is_none() {
    let (speaker, mut feed) = speaker();
    let play = |feed: &mut SpeakerFeed, periods: usize| (0..periods).for_each(|_| drop(period(feed, STEP)));
    play(&mut feed, 3);
    say(&speaker, 5, 1);
    play(&mut feed, 3); // held, played, dry for 20 ms
    assert_eq!(speaker.underruns(), 0);
    say(&speaker, 5, 2);
    assert_eq!(speaker.underruns(), 1);
    play(&mut feed, 3 + 10); // dry for more than 100 ms
    say(&speaker, 5, 2);
    assert_eq!(speaker.underruns(), 1);
}

#[test]
fn an_interruption_takes_back_what_was_written_and_nothing_that_comes_later() {
    let (speaker, mut feed) = speaker();
    say(&speaker, 1000, 8);
    period(&mut feed, STEP);
    assert_eq!(period(&mut feed, STEP), [1000; STEP]);
    speaker.interrupt();
    say(&speaker, 7, 2);
    let cut = period(&mut feed, STEP);
    assert!(cut.is_sorted_by(|before, after| before >= after), "it fades without a step upwards");
    assert!(cut[0] > 900 && cut[79] < 30, "within 5 ms");
    assert_eq!(cut[80..], [0; STEP - 80]);
    assert_eq!(period(&mut feed, STEP), [7; STEP]);
    assert_eq!(speaker.underruns(), 0, "what was taken back leaves no gap");
}

#[test]
fn an_interruption_before_the_first_sound_is_not_heard_at_all() {
    let (speaker, mut feed) = speaker();
    say(&speaker, 1000, 3);
    speaker.interrupt();
    for _ in 0..4 {
        assert_eq!(period(&mut feed, STEP), [0; STEP]);
    }
    assert_eq!(speaker.queued(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_full_ring_gives_the_chunk_back_and_takes_it_when_there_is_room() {
    let (speaker, mut feed) = speaker();
    let chunk = bytes_of(&[5; STEP]);
    let refused = loop {
        match speaker.try_write(chunk.clone()) {
            Ok(()) => {}
            Err(Refusal::Full(refused)) => break refused,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert_eq!(refused, chunk);
    period(&mut feed, STEP);
    period(&mut feed, STEP);
    speaker.room().await;
    speaker.try_write(refused).unwrap();
}

#[test]
fn a_device_of_another_rate_in_stereo_hears_the_same_for_as_long() {
    let (speaker, mut feed) = Loudspeaker::pair(MONO, STEREO_48, CHUNK).unwrap();
    say(&speaker, 1000, 5);
    let periods = |feed: &mut SpeakerFeed| (0..7).flat_map(|_| period(feed, 1920)).collect::<Vec<_>>();
    let heard = periods(&mut feed);
    assert!(heard.chunks_exact(2).all(|frame| frame[0] == frame[1]));
    let loud = heard.iter().filter(|&&sample| sample > 500).count();
    // All of 100 ms but what the filter waits for.
    assert!((9600 - 2 * 48 * 7..=9600).contains(&loud), "{loud}");
}

#[test]
fn a_rate_that_cannot_be_converted_is_named() {
    let wrong = Format { sample_rate: 100, channels: 1 };
    let error = Loudspeaker::pair(wrong, MONO, CHUNK).err().unwrap();
    assert!(error.to_string().contains("100"), "{error}");
}

fn heard(reader: &mut MicrophoneReader) -> Vec<Vec<i16>> {
    let mut chunks = Vec::new();
    reader.read(|chunk| chunks.push(samples_of(&chunk)));
    chunks
}

#[test]
fn what_is_recorded_is_heard_in_whole_chunks() {
    let (mut feed, mut reader) = MicrophoneFeed::pair(MONO, MONO, CHUNK).unwrap();
    feed.push(&[3; 500]);
    assert_eq!(heard(&mut reader), [vec![3; STEP]]);
    feed.push(&[4; 200]);
    let expected = [[3; 180].as_slice(), &[4; 140]].concat();
    assert_eq!(heard(&mut reader), [expected]);
    assert_eq!(feed.overruns(), 0);
}

#[test]
fn a_listener_that_does_not_come_loses_audio_which_is_counted() {
    let (mut feed, mut reader) = MicrophoneFeed::pair(STEREO_48, MONO, CHUNK).unwrap();
    for _ in 0..50 {
        feed.push(&[3; 1920]);
    }
    assert_eq!(feed.overruns(), 0);
    feed.push(&[3; 1921]);
    assert_eq!(feed.overruns(), 1);
    // A second at most, of which the filter keeps a little.
    assert_eq!(heard(&mut reader).len(), 49);
}

#[test]
fn what_was_recorded_before_somebody_listens_is_skipped() {
    let (mut feed, mut reader) = MicrophoneFeed::pair(MONO, MONO, CHUNK).unwrap();
    feed.push(&[3; 500]);
    reader.skip();
    feed.push(&[4; STEP]);
    assert_eq!(heard(&mut reader), [vec![4; STEP]]);
}

proptest! {
    #[test]
    fn how_a_recording_is_cut_makes_no_difference(
        cuts in proptest::collection::vec((1_usize..900, any::<bool>()), 1..40),
    ) {
        let (mut feed, mut reader) = MicrophoneFeed::pair(MONO, MONO, CHUNK).unwrap();
        let (mut said, mut got) = (Vec::<i16>::new(), Vec::<i16>::new());
        for (length, listens) in cuts {
            let piece: Vec<i16> = (0..length).map(|at| (said.len() + at) as i16).collect();
            if feed.overruns() == 0 {
                said.extend(&piece);
            }
            feed.push(&piece);
            if feed.overruns() > 0 {
                break;
            }
            if listens {
                got.extend(heard(&mut reader).concat());
            }
        }
        got.extend(heard(&mut reader).concat());
        prop_assert_eq!(&got[..], &said[..got.len()]);
    }

    #[test]
    fn what_is_written_is_heard_once_in_order_whatever_the_periods_are(
        steps in proptest::collection::vec((any::<bool>(), 1_usize..700), 1..200),
    ) {
        let (speaker, mut feed) = speaker();
        let (mut said, mut heard) = (0, Vec::<i16>::new());
        for (writes, length) in steps {
            if writes {
                let chunk: Vec<i16> = (1..=STEP).map(|at| (said + at) as i16 & 0x7fff | 1).collect();
                if speaker.try_write(bytes_of(&chunk)).is_ok() {
                    said += STEP;
                }
            } else {
                heard.extend(period(&mut feed, length).into_iter().filter(|&sample| sample != 0));
            }
        }
        let expected = (1..=said).map(|at| at as i16 & 0x7fff | 1);
        prop_assert!(heard.iter().copied().eq(expected.take(heard.len())));
    }
}
