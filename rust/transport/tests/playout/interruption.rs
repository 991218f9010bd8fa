//! An interruption drops what may be dropped, at once, and nothing else.

use pipecat_rs_transport::playout::{QueuedAudio, Speech};
use tokio::time::{Instant, sleep};

use crate::support::{CHUNK, Event, Peer, World, count, frame, ms, settings};

const STOPPED: Event = Event::Speech(Speech::Stopped);

#[tokio::test(start_paused = true)]
async fn it_drops_audio_and_frames_and_stops_the_bot_at_once() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(10_010), 5)).unwrap();
    playout.play_in_turn(frame(1), true);
    playout.play_in_turn(frame(2), false);
    playout.play_at(frame(3), Instant::now() + ms(200), true);
    playout.play_at(frame(4), Instant::now() + ms(200), false);
    sleep(ms(50)).await;
    playout.interrupt();
    world.until(|event| *event == Event::Frame(2)).await;
    assert_eq!((world.time(&STOPPED), world.time(&Event::Frame(2))), (ms(50), ms(50)));
    assert_eq!(world.time(&Event::SinkInterrupted), ms(50));
    assert!(playout.is_silent());
    playout.play_audio(world.speech_for(CHUNK, 7)).unwrap();
    world.finish(&playout).await;
    assert_eq!(world.audio(), [vec![5; 2 * count(CHUNK)], vec![7; count(CHUNK)]].concat());
    assert_eq!(world.frames(), [2, 4]);
}

#[tokio::test(start_paused = true)]
async fn it_keeps_uninterruptible_audio_and_what_follows_it() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(1_000), 5)).unwrap();
    playout.play_audio(world.lasting_for(ms(400), 7)).unwrap();
    playout.play_in_turn(frame(1), false);
    sleep(ms(10)).await;
    playout.interrupt();
    world.finish(&playout).await;
    assert_eq!(world.audio(), [vec![5; count(CHUNK)], vec![7; count(ms(400))]].concat());
    assert_eq!(world.time(&Event::Frame(1)), ms(400));
    assert!(!world.events().contains(&STOPPED));
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_uninterruptible_part_of_a_chunk_that_is_not_full() {
    for rate in [16_000, 24_000] {
        let world = World::new();
        let playout = world.playout(settings());
        let at_rate = |audio: QueuedAudio| QueuedAudio { sample_rate: rate, ..audio };
        playout.play_audio(at_rate(world.speech_for(ms(6), 5_000))).unwrap();
        playout.play_audio(at_rate(world.lasting_for(ms(6), 7_000))).unwrap();
        playout.play_audio(at_rate(world.speech_for(ms(6), 5_000))).unwrap();
        playout.interrupt();
        world.finish(&playout).await;
        let audio = world.audio();
        assert_eq!(audio.len(), 640);
        let kept = 96 * 16_000 / rate as usize;
        let middle = &audio[kept / 4..kept * 3 / 4];
        assert!(middle.iter().all(|sample| (6_000..8_000).contains(sample)), "{middle:?}");
        assert!(audio[kept..].iter().all(|sample| *sample == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_uninterruptible_is_not_taken_back_from_the_peer() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.lasting_for(CHUNK, 5)).unwrap();
    sleep(ms(20)).await;
    playout.interrupt();
    assert!(!world.events().contains(&Event::SinkInterrupted));
    sleep(ms(20)).await;
    playout.interrupt();
    assert_eq!(world.time(&Event::SinkInterrupted), ms(40));
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_waits_for_room_is_dropped_too() {
    for lasting in [false, true] {
        let world = World::new();
        let playout = world.playout(settings());
        world.set_peer(Peer::Full);
        let audio = if lasting { world.lasting_for(CHUNK, 5) } else { world.speech_for(CHUNK, 5) };
        playout.play_audio(audio).unwrap();
        sleep(ms(1_000)).await;
        playout.interrupt();
        world.set_peer(Peer::Takes);
        sleep(ms(100)).await;
        assert_eq!(!world.audio().is_empty(), lasting);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_epoch_silences_audio_and_words_before_the_interruption_arrives() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(1_010), 5)).unwrap();
    playout.play_in_turn(frame(1), true);
    playout.play_in_turn(frame(2), false);
    playout.play_at(frame(3), Instant::now() + ms(500), true);
    sleep(ms(50)).await;
    world.begin_epoch();
    sleep(ms(100)).await;
    // Of the new epoch: the rest of the old utterance is no part of it.
    playout.play_audio(world.speech_for(CHUNK, 7)).unwrap();
    world.finish(&playout).await;
    assert_eq!(world.audio(), [vec![5; 2 * count(CHUNK)], vec![7; count(CHUNK)]].concat());
    assert_eq!(world.frames(), [2]);
}

#[tokio::test(start_paused = true)]
async fn audio_of_an_older_epoch_is_never_written() {
    let world = World::new();
    let playout = world.playout(settings());
    let stale = world.speech_for(ms(200), 5);
    let lasting = world.lasting_for(CHUNK, 6);
    world.begin_epoch();
    playout.play_audio(stale).unwrap();
    playout.play_audio(lasting).unwrap();
    playout.play_audio(world.speech_for(CHUNK, 7)).unwrap();
    world.finish(&playout).await;
    assert_eq!(world.audio(), [vec![6; count(CHUNK)], vec![7; count(CHUNK)]].concat());
}
