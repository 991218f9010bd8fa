//! What time does to a connection, over a pipe whose other end is silent. Time is paused: it jumps
//! to the next deadline when nothing else is to be done.

use std::time::Duration;

use pipecat_rs_transport::websocket::{ClosedBy, Limits, SendError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::support::{BINARY, End, binary, frame, piped, text};

const PIPE: usize = 1 << 20;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_given_up() {
    let start = Instant::now();
    let limits = Limits { ping_interval: Some(seconds(20)), pong_timeout: seconds(7), ..Limits::default() };
    let (connection, mut far) = piped(limits, PIPE).await;
    let mut end = End::of(connection);
    assert_eq!(far.read_u16().await.unwrap(), 0x8900);
    assert_eq!(start.elapsed().as_secs(), 20);
    assert_eq!(end.closed().await.kind, ClosedBy::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 27);
}

#[tokio::test(start_paused = true)]
async fn whoever_says_anything_is_alive() {
    let start = Instant::now();
    let limits = Limits { ping_interval: Some(seconds(20)), pong_timeout: seconds(7), ..Limits::default() };
    let (connection, mut far) = piped(limits, PIPE).await;
    let mut end = End::of(connection);
    for _ in 0..10 {
        assert_eq!(far.read_u16().await.unwrap(), 0x8900);
        tokio::time::sleep(seconds(6)).await;
        far.write_all(&frame(BINARY, b"x")).await.unwrap();
        end.message().await;
    }
    assert_eq!(start.elapsed().as_secs(), 260);
    for _ in 0..10 {
        tokio::time::sleep(seconds(19)).await;
        far.write_all(&frame(BINARY, b"x")).await.unwrap();
        end.message().await; // and no ping in between: they are for the silent
    }
    assert_eq!(far.read_u16().await.unwrap(), 0x8900);
    assert_eq!(start.elapsed().as_secs(), 260 + 190 + 20);
}

#[tokio::test(start_paused = true)]
async fn idle_is_who_neither_hears_nor_says_anything() {
    let start = Instant::now();
    let limits = Limits { idle_timeout: Some(seconds(30)), ping_interval: None, ..Limits::default() };
    let (connection, _far) = piped(limits, PIPE).await;
    let mut end = End::of(connection);
    for _ in 0..5 {
        tokio::time::sleep(seconds(29)).await;
        end.connection.send(text("still here")).unwrap();
    }
    assert_eq!(end.closed().await.kind, ClosedBy::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 5 * 29 + 30);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_given_up_even_if_it_talks() {
    let start = Instant::now();
    let limits = Limits { write_timeout: seconds(10), ..Limits::default() };
    let (connection, mut far) = piped(limits, 1_000).await;
    let mut end = End::of(connection);
    end.connection.send(binary(vec![0; 5_000])).unwrap();
    let talk = async {
        while far.write_all(&frame(BINARY, b"x")).await.is_ok() {
            tokio::time::sleep(seconds(1)).await;
        }
    };
    let given_up = async { (end.closed().await.kind, start.elapsed().as_secs()) };
    let (given_up, ()) = tokio::join!(given_up, talk);
    assert_eq!(given_up, (ClosedBy::TimedOut, 10));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_is_borne_with() {
    let limits = Limits { write_timeout: seconds(10), ping_interval: None, ..Limits::default() };
    let (connection, mut far) = piped(limits, 100).await;
    let end = End::of(connection);
    end.connection.send(binary(vec![7; 1_000])).unwrap();
    let mut got = Vec::new();
    while got.len() < 1_004 {
        tokio::time::sleep(seconds(9)).await;
        let mut bytes = [0; 50];
        let count = far.read(&mut bytes).await.unwrap();
        got.extend_from_slice(&bytes[..count]);
    }
    assert_eq!(got, [vec![0x82, 126, 3, 0xe8], vec![7; 1_000]].concat());
    assert!(end.connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn nobody_times_out_before_it_is_listened_to() {
    let start = Instant::now();
    let limits = Limits { idle_timeout: Some(seconds(30)), ..Limits::default() };
    let (connection, _far) = piped(limits, PIPE).await;
    tokio::time::sleep(seconds(1_000)).await;
    assert!(connection.is_open());
    End::of(connection).closed().await;
    assert_eq!(start.elapsed().as_secs(), 1_030);
}

#[tokio::test(start_paused = true)]
async fn a_close_ends_in_time_whatever_is_queued() {
    for (pipe, code) in [(PIPE, Some(1_000)), (1_000, None)] {
        let start = Instant::now();
        let limits = Limits { close_timeout: seconds(5), write_timeout: seconds(60), ..Limits::default() };
        let (connection, _far) = piped(limits, pipe).await;
        let mut end = End::of(connection);
        end.connection.send(binary(vec![0; 5_000])).unwrap();
        tokio::time::sleep(seconds(1)).await;
        end.connection.close(1_000, "bye");
        let closed = end.closed().await;
        assert_eq!((closed.code, closed.kind, closed.clean), (code, ClosedBy::TimedOut, false));
        assert_eq!(start.elapsed().as_secs(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_waits_for_room_but_not_for_ever() {
    let start = Instant::now();
    let limits = Limits { send_queue_messages: 2, write_timeout: seconds(60), ..Limits::default() };
    let (connection, mut far) = piped(limits, 1_000).await;
    let end = End::of(connection);
    end.connection.send(binary(vec![0; 20_000])).unwrap();
    tokio::task::yield_now().await; // it is on its way, and the pipe is full
    end.connection.send(text("one")).unwrap();
    end.connection.send(text("two")).unwrap();
    assert_eq!(end.connection.send(text("three")), Err(SendError::Full(text("three"))));
    let waited = end.connection.send_wait(text("three"), seconds(4)).await;
    assert_eq!(waited, Err(SendError::Full(text("three"))));
    assert_eq!(start.elapsed().as_secs(), 4);

    let read = async {
        tokio::time::sleep(seconds(1)).await;
        let mut bytes = vec![0; 20_004];
        far.read_exact(&mut bytes).await.unwrap();
        far
    };
    let (waited, _far) = tokio::join!(end.connection.send_wait(text("three"), seconds(4)), read);
    assert_eq!(waited, Ok(()));
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_is_told_of_the_end() {
    let limits = Limits { send_queue_messages: 1, ..Limits::default() };
    let (connection, _far) = piped(limits, 100).await;
    let end = End::of(connection);
    end.connection.send(binary(vec![0; 20_000])).unwrap();
    tokio::task::yield_now().await;
    end.connection.send(text("one")).unwrap();
    let waited = end.connection.send_wait(text("two"), seconds(3_600)).await;
    assert_eq!(waited, Err(SendError::Closed));
}
