//! Audio of any length, rate and number of channels becomes chunks of one size.

use bytes::Bytes;
use pipecat_rs_transport::playout::{AudioKind, Background, PlayoutSettings, QueuedAudio};
use tokio::time::sleep;

use crate::support::{CHUNK, Event, World, bytes, count, frame, ms, samples, settings};

fn chunk_sizes(world: &World) -> Vec<usize> {
    let events = world.events().into_iter();
    let mut sizes: Vec<usize> = events
        .filter_map(|event| if let Event::Wrote(chunk) = event { Some(chunk.len()) } else { None })
        .collect();
    sizes.dedup();
    sizes
}

#[tokio::test(start_paused = true)]
async fn audio_is_cut_into_chunks_of_n_times_10_ms() {
    for tens in [1, 2, 4] {
        let world = World::new();
        let playout = world.playout(PlayoutSettings { chunk: tens * ms(10), ..settings() });
        for length in [ms(13), ms(250), ms(1)] {
            playout.play_audio(world.speech_for(length, 1_000)).unwrap();
        }
        playout.end_utterance(frame(1), true);
        world.finish(&playout).await;
        assert_eq!(chunk_sizes(&world), [2 * 160 * tens as usize]);
        let (whole, audio) = (count(ms(264)), world.audio());
        assert!(audio[..whole].iter().all(|&sample| sample == 1_000));
        assert!(audio[whole..].iter().all(|&sample| sample == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_played_is_told_as_it_was_written() {
    let world = World::new();
    let playout = world.playout(settings());
    let audio = world.speech_for(CHUNK, 7);
    for (kind, context) in [(AudioKind::Plain, None), (AudioKind::Tts, Some("a")), (AudioKind::Speech, None)]
    {
        playout.play_audio(QueuedAudio { kind, context: context.map(Into::into), ..audio.clone() }).unwrap();
    }
    world.finish(&playout).await;
    let played = world.events().into_iter().filter(|event| matches!(event, Event::Played(..)));
    let chunk = |kind, context: Option<&str>| {
        Event::Played(bytes(&vec![7; count(CHUNK)]), kind, context.map(str::to_owned))
    };
    let expected =
        [chunk(AudioKind::Plain, None), chunk(AudioKind::Tts, Some("a")), chunk(AudioKind::Speech, None)];
    assert_eq!(played.collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn audio_of_another_rate_is_played_at_the_playouts_own_and_whole() {
    let world = World::new();
    let playout = world.playout(PlayoutSettings::new(24_000, 1));
    playout.play_audio(world.speech_for(ms(1_000), 1_000)).unwrap();
    playout.end_utterance(frame(1), true);
    world.finish(&playout).await;
    assert_eq!(chunk_sizes(&world), [2 * 960]);
    assert_eq!(world.audio().len(), 24_000);
    assert!(world.audio()[200..23_800].iter().all(|&sample| (999..=1_001).contains(&sample)));
}

#[tokio::test(start_paused = true)]
async fn channels_are_mapped_and_halves_of_samples_are_put_together() {
    let world = World::new();
    let playout = world.playout(PlayoutSettings { chunk: ms(10), ..settings() });
    let stereo = bytes(&[100_i16, 300].repeat(160));
    let part = |from: usize, to: usize| QueuedAudio {
        samples: stereo.slice(from..to),
        channels: 2,
        ..world.speech_of(&[])
    };
    for (from, to) in [(0, 1), (1, 3), (3, 4), (4, 333), (333, 640)] {
        playout.play_audio(part(from, to)).unwrap();
    }
    world.finish(&playout).await;
    assert_eq!(world.audio(), vec![200; 160]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_converted_is_refused_and_changes_nothing() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(20), 5)).unwrap();
    let strange = QueuedAudio { sample_rate: 11, ..world.speech_for(CHUNK, 9) };
    let error = playout.play_audio(strange).unwrap_err();
    assert!(error.to_string().contains("11 Hz"), "{error}");
    let many = QueuedAudio { channels: 6, ..world.speech_for(CHUNK, 9) };
    assert!(playout.play_audio(many).is_err());
    playout.play_audio(world.speech_for(ms(20), 5)).unwrap();
    world.finish(&playout).await;
    assert_eq!(world.audio(), vec![5; count(CHUNK)]);
}

#[tokio::test(start_paused = true)]
async fn volume_and_gain_multiply_from_the_next_chunk_on() {
    let world = World::new();
    let playout = world.playout(PlayoutSettings { volume: 0.5, ..settings() });
    playout.play_audio(world.speech_for(3 * CHUNK, 1_000)).unwrap();
    sleep(ms(20)).await;
    playout.set_volume(3.0);
    sleep(CHUNK).await;
    playout.set_gain(20.0);
    world.finish(&playout).await;
    let chunks: Vec<i16> = world.audio().chunks(count(CHUNK)).map(|chunk| chunk[0]).collect();
    assert_eq!(chunks, [500, 3_000, i16::MAX]);
}

#[tokio::test(start_paused = true)]
async fn more_than_ten_minutes_are_not_queued() {
    let world = World::new();
    let playout = world.playout(settings());
    let minute = world.speech_for(ms(60_000), 5);
    for _ in 0..12 {
        playout.play_audio(minute.clone()).unwrap();
    }
    let most = playout.queued();
    assert!(most <= ms(600_000) && most > ms(599_000), "{most:?}");
    world.until(|event| matches!(event, Event::Failed(..))).await;
    let failures = world.events().into_iter().filter(|event| matches!(event, Event::Failed(_, false)));
    assert_eq!(failures.count(), 1);
    playout.cancel();
}

/// Adds 1 to all samples, and counts chunks.
struct Hum;

impl Background for Hum {
    fn mix(&mut self, chunk: &mut [i16]) {
        chunk.iter_mut().for_each(|sample| *sample += 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_background_is_heard_all_the_time_and_without_a_gap() {
    let world = World::new();
    let playout = world.playout_with(settings(), Some(Box::new(Hum)));
    sleep(ms(100)).await;
    playout.play_audio(world.speech_for(CHUNK, 100)).unwrap();
    sleep(ms(100)).await;
    playout.cancel();
    let chunks: Vec<i16> = world.audio().chunks(count(CHUNK)).map(|chunk| chunk[0]).collect();
    assert_eq!(chunks, [1, 1, 1, 101, 1]);
    assert_eq!(world.write_times(), (0..5).map(|n| n * CHUNK).collect::<Vec<_>>());
    let played = world.events().into_iter().filter(|event| matches!(event, Event::Played(..)));
    assert_eq!(played.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_is_written_while_nothing_plays_if_it_is_wanted() {
    let world = World::new();
    let playout = world.playout(PlayoutSettings { auto_silence: true, ..settings() });
    sleep(ms(130)).await;
    playout.cancel();
    assert_eq!(world.audio(), vec![0; 4 * count(CHUNK)]);
    assert!(samples(&Bytes::new()).is_empty());
}
