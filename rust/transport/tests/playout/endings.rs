//! Every end comes, whatever the peer does.

use pipecat_rs_transport::playout::{PlayoutSettings, Speech};
use tokio::time::{Instant, sleep};

use crate::support::{CHUNK, Event, Peer, World, count, frame, ms, settings};

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_played_first_then_silence() {
    let world = World::new();
    let playout = world.playout(PlayoutSettings { end_silence: ms(100), ..settings() });
    playout.play_audio(world.speech_for(ms(5_000), 5)).unwrap();
    playout.play_in_turn(frame(1), true);
    world.finish(&playout).await;
    let silence = vec![0; count(ms(100))];
    assert_eq!(world.audio(), [vec![5; count(ms(5_000))], silence].concat());
    assert_eq!(world.time(&Event::Done), ms(5_000));
    assert_eq!(world.events().last(), Some(&Event::Done));
    assert!(playout.is_silent() || world.speech().len() > 2);
}

#[tokio::test(start_paused = true)]
async fn after_the_end_nothing_is_played_and_another_end_comes_at_once() {
    let world = World::new();
    let playout = world.playout(settings());
    world.finish(&playout).await;
    playout.play_audio(world.speech_for(CHUNK, 5)).unwrap();
    playout.play_in_turn(frame(1), false);
    playout.play_at(frame(2), Instant::now(), false);
    playout.interrupt();
    world.finish(&playout).await;
    sleep(ms(1_000)).await;
    assert_eq!(world.events(), [Event::Done, Event::Done]);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_does_not_interrupt_the_end() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.play_audio(world.speech_for(ms(5_000), 5)).unwrap();
    let (interrupted, finished) = (playout.clone(), world.finish(&playout));
    tokio::join!(finished, async {
        sleep(ms(100)).await;
        interrupted.interrupt();
    });
    assert_eq!(world.time(&Event::Done), ms(120));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_given_up_and_holds_nothing_up() {
    for peer in [Peer::Full, Peer::Lies] {
        let world = World::new();
        let playout = world.playout(PlayoutSettings { end_silence: ms(2_000), ..settings() });
        playout.play_audio(world.speech_for(2 * CHUNK, 5)).unwrap();
        playout.play_in_turn(frame(1), true);
        sleep(ms(20)).await;
        world.set_peer(peer);
        playout.play_audio(world.speech_for(ms(60_000), 5)).unwrap();
        playout.play_at(frame(2), Instant::now() + ms(3_600_000), true);
        world.finish(&playout).await;
        assert_eq!(world.time(&Event::Done), ms(10_040));
        assert_eq!(world.frames(), [1, 2]);
        let failures: Vec<_> =
            world.events().into_iter().filter(|event| matches!(event, Event::Failed(..))).collect();
        let [Event::Failed(what, true)] = &failures[..] else { panic!("{failures:?}") };
        assert!(what.contains("10s"), "{what}");
        assert_eq!(world.speech().last(), Some(&Speech::Stopped));
        assert_eq!(world.audio().len(), 640);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_gone_holds_nothing_up() {
    let world = World::new();
    let playout = world.playout(PlayoutSettings { end_silence: ms(2_000), ..settings() });
    playout.play_audio(world.speech_for(ms(60_000), 5)).unwrap();
    playout.play_in_turn(frame(1), true);
    playout.end_utterance(frame(2), true);
    sleep(ms(100)).await;
    world.set_peer(Peer::Closed);
    world.finish(&playout).await;
    assert_eq!(world.time(&Event::Done), ms(120));
    assert_eq!(world.frames(), [1, 2]);
    assert_eq!(world.speech().last(), Some(&Speech::Stopped));
    assert!(!world.events().iter().any(|event| matches!(event, Event::Failed(..))));
}

#[tokio::test(start_paused = true)]
async fn a_row_of_failures_is_told_once_and_time_goes_on() {
    let world = World::new();
    let playout = world.playout(settings());
    for peer in [Peer::Fails("first"), Peer::Takes, Peer::Fails("second")] {
        world.set_peer(peer);
        playout.play_audio(world.speech_for(3 * CHUNK, 5)).unwrap();
        sleep(3 * CHUNK).await;
    }
    world.finish(&playout).await;
    let failed = |what: &str| Event::Failed(what.to_owned(), false);
    assert_eq!(world.time(&failed("first")), ms(0));
    assert_eq!(world.time(&failed("second")), ms(240));
    assert_eq!(world.write_times(), [120, 160, 200].map(ms));
    assert_eq!(world.time(&Event::Done), ms(360));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_stops_at_once_and_calls_who_waits_for_the_end() {
    let world = World::new();
    let playout = world.playout(PlayoutSettings { end_silence: ms(2_000), ..settings() });
    playout.play_audio(world.lasting_for(ms(5_000), 5)).unwrap();
    playout.play_in_turn(frame(1), false);
    let (cancelled, finished) = (playout.clone(), world.finish(&playout));
    tokio::join!(finished, async {
        sleep(ms(100)).await;
        cancelled.cancel();
    });
    sleep(ms(1_000)).await;
    assert_eq!(world.time(&Event::Done), ms(100));
    assert_eq!(world.write_times().len(), 3);
    assert!(world.frames().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_takes_the_player_along() {
    let world = World::new();
    let playout = world.playout(settings());
    playout.clone().play_audio(world.speech_for(ms(5_000), 5)).unwrap();
    sleep(ms(20)).await;
    drop(playout);
    sleep(ms(1_000)).await;
    assert_eq!(world.write_times().len(), 1);
    // The player held the other ends of these.
    assert_eq!(std::sync::Arc::strong_count(&world), 1);
}

#[test]
fn an_end_comes_also_if_the_player_is_stopped_from_below() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (world, playout) = runtime.block_on(async {
        let world = World::new();
        let playout = world.playout(settings());
        (world, playout)
    });
    playout.play_audio(world.speech_for(ms(60_000), 5)).unwrap();
    let (done, finished) = std::sync::mpsc::channel();
    playout.finish(Box::new(move || done.send(()).unwrap()));
    drop(runtime);
    finished.recv().unwrap();
}
