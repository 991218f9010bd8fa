//! Whether the bot speaks, judged by what was written.

use pipecat_rs_transport::playout::{AudioKind, PlayoutSettings, QueuedAudio, Speech};
use tokio::time::sleep;

use crate::support::{CHUNK, Event, Peer, World, frame, ms, settings};

const STOPPED: Event = Event::Speech(Speech::Stopped);

#[tokio::test(start_paused = true)]
async fn a_speaking_bot_says_so_every_200_ms() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(2_000), 5)).unwrap();
    playout.end_utterance(frame(1), true);
    world.finish(&playout).await;
    assert_eq!(world.time(&Event::Speech(Speech::Started)), ms(0));
    let speaking = world.times(|event| *event == Event::Speech(Speech::Speaking));
    assert_eq!(speaking, (0..10).map(|n| n * ms(200)).collect::<Vec<_>>());
    assert_eq!(world.speech().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn it_stops_with_the_utterance_when_the_audio_was_heard() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(200), 5)).unwrap();
    playout.end_utterance(frame(1), true);
    world.until(|event| *event == Event::Frame(1)).await;
    assert_eq!((world.time(&STOPPED), world.time(&Event::Frame(1))), (ms(200), ms(200)));
    assert_eq!(world.events().iter().rposition(|event| *event == STOPPED), Some(world.events().len() - 2));
    assert!(playout.is_silent());
}

#[tokio::test(start_paused = true)]
async fn an_utterance_without_audio_stops_nothing() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.end_utterance(frame(1), true);
    world.finish(&playout).await;
    assert_eq!(world.events(), [Event::Frame(1), Event::Done]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_utterance_takes_nothing_from_the_next() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(50), 5)).unwrap();
    playout.end_utterance(frame(1), true);
    playout.play_audio(world.speech_for(ms(20), 7)).unwrap();
    world.until(|event| *event == Event::Frame(1)).await;
    playout.play_audio(world.speech_for(ms(20), 7)).unwrap();
    world.finish(&playout).await;
    let of = |level| world.audio().iter().filter(|sample| **sample == level).count();
    assert_eq!((of(5), of(7)), (800, 640));
}

#[tokio::test(start_paused = true)]
async fn three_seconds_without_audio_stop_it_whatever_else_is_queued() {
    for auto_silence in [false, true] {
        let world = World::new();
        let playout = world.playout(PlayoutSettings { auto_silence, ..settings() });
        // The second part is no whole chunk, and belongs to what is over.
        playout.play_audio(world.speech_for(CHUNK + ms(10), 5)).unwrap();
        sleep(ms(2_000)).await;
        playout.play_in_turn(frame(1), true);
        world.until(|event| *event == STOPPED).await;
        assert_eq!(world.time(&STOPPED), ms(3_040));
        playout.play_audio(world.speech_for(CHUNK, 7)).unwrap();
        world.finish(&playout).await;
        assert_eq!(world.audio().iter().filter(|sample| **sample == 5).count(), 640);
    }
}

#[tokio::test(start_paused = true)]
async fn it_does_not_stop_while_its_audio_waits_for_a_slow_peer() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(2 * CHUNK, 5)).unwrap();
    sleep(ms(1)).await;
    world.set_peer(Peer::Full);
    sleep(ms(5_000)).await;
    assert_eq!(world.speech(), [Speech::Started, Speech::Speaking]);
    world.set_peer(Peer::Takes);
    world.finish(&playout).await;
    assert_eq!(world.audio().len(), 2 * 640);
}

#[tokio::test(start_paused = true)]
async fn silence_in_an_unbroken_stream_stops_it() {
    let world = World::new();
    let playout = world.playout(settings());
    for (length, level) in [(ms(400), 1_000), (ms(600), 0), (ms(80), 1_000)] {
        playout
            .play_audio(QueuedAudio { kind: AudioKind::Speech, ..world.speech_for(length, level) })
            .unwrap();
    }
    world.finish(&playout).await;
    // The last chunk with a voice is heard from 360 ms on.
    assert_eq!(world.time(&STOPPED), ms(720));
    let started = world.times(|event| *event == Event::Speech(Speech::Started));
    assert_eq!(started, [ms(0), ms(1_000)]);
}

#[tokio::test(start_paused = true)]
async fn other_audio_is_no_speech() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(QueuedAudio { kind: AudioKind::Plain, ..world.speech_for(ms(400), 9) }).unwrap();
    playout.end_utterance(frame(1), true);
    world.finish(&playout).await;
    assert!(world.speech().is_empty());
}
