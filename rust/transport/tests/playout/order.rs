//! Everything keeps its place behind the audio before it, on an absolute schedule.

use pipecat_rs_transport::playout::PlayoutSettings;
use tokio::time::{Instant, sleep};

use crate::support::{CHUNK, Event, Peer, World, frame, ms, settings};

#[tokio::test(start_paused = true)]
async fn chunks_follow_each_other_at_their_pace() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(200), 5)).unwrap();
    world.finish(&playout).await;
    assert_eq!(world.write_times(), (0..5).map(|n| n * CHUNK).collect::<Vec<_>>());
    assert_eq!(world.time(&Event::Done), ms(200));
    assert_eq!((playout.progress(), playout.lateness().count()), (5, 5));
    assert_eq!(playout.lateness().max(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn a_lead_sends_chunks_ahead_but_passes_nothing_on_before_its_time() {
    let world = World::new();
    let playout = world.playout(PlayoutSettings { lead: ms(30), ..settings() });
    playout.play_audio(world.speech_for(ms(120), 5)).unwrap();
    playout.end_utterance(frame(1), true);
    world.finish(&playout).await;
    let ahead: Vec<_> =
        (0..3).map(|n| n * CHUNK).zip(world.write_times()).map(|(due, at)| due - at).collect();
    assert_eq!(ahead[0], ms(0));
    assert!(ahead[1..].iter().all(|ahead| (ms(25)..=ms(30)).contains(ahead)), "{ahead:?}");
    assert_eq!(world.time(&Event::Frame(1)), ms(120));
    // The timer's own millisecond.
    assert!(playout.lateness().max() < ms(1));
}

#[tokio::test(start_paused = true)]
async fn a_late_chunk_delays_itself_alone() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(2 * CHUNK, 5)).unwrap();
    world.until(|event| matches!(event, Event::Wrote(_))).await;
    world.set_peer(Peer::Full);
    playout.play_audio(world.speech_for(3 * CHUNK, 5)).unwrap();
    sleep(ms(100)).await;
    world.set_peer(Peer::Takes);
    world.finish(&playout).await;
    assert_eq!(world.write_times(), [ms(0), ms(100), ms(100), ms(120), ms(160)]);
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_the_schedule_starts_anew() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(2 * CHUNK, 5)).unwrap();
    sleep(ms(1_003)).await;
    playout.play_audio(world.speech_for(2 * CHUNK, 5)).unwrap();
    world.finish(&playout).await;
    assert_eq!(world.write_times(), [ms(0), ms(40), ms(1_003), ms(1_043)]);
}

#[tokio::test(start_paused = true)]
async fn frames_and_calls_keep_their_place() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_in_turn(frame(1), true);
    playout.play_audio(world.speech_for(CHUNK, 100)).unwrap();
    playout.call_in_turn(Box::new(|controls| controls.volume = 0.5), true);
    playout.play_in_turn(frame(2), true);
    playout.play_audio(world.speech_for(CHUNK, 100)).unwrap();
    playout.call_in_turn(Box::new(|controls| controls.gain = 4.0), true);
    playout.play_audio(world.speech_for(CHUNK, 100)).unwrap();
    playout.end_utterance(frame(3), true);
    world.finish(&playout).await;
    let log = world.log().into_iter().filter_map(|(at, event)| match event {
        Event::Frame(id) => Some((at, id as i16)),
        Event::Played(chunk, ..) => Some((at, i16::from_le_bytes([chunk[0], chunk[1]]))),
        _ => None,
    });
    let expected = [(0, 1), (0, 100), (0, 2), (40, 50), (80, 200), (120, 3)];
    assert_eq!(log.collect::<Vec<_>>(), expected.map(|(at, what)| (ms(at), what)));
}

#[tokio::test(start_paused = true)]
async fn frames_with_a_time_wait_for_it_in_its_order() {
    let world = World::new();
    let playout = world.playout(settings());
    let now = Instant::now();
    for (id, at) in [(3, 3_000), (1, 1_000), (2, 2_000), (22, 2_000)] {
        playout.play_at(frame(id), now + ms(at), true);
    }
    playout.play_audio(world.speech_for(2 * CHUNK, 5)).unwrap();
    world.finish(&playout).await;
    assert_eq!(world.frames(), [1, 2, 22, 3]);
    let times = world.times(|event| matches!(event, Event::Frame(_)));
    assert_eq!(times, [1_000, 2_000, 2_000, 3_000].map(ms));
    assert_eq!(world.time(&Event::Done), ms(3_000));
}
