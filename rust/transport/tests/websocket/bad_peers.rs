//! Peers that break the protocol or a limit, or go away: one end for each, with a reason.

use std::time::Duration;

use pipecat_rs_transport::websocket::{ClosedBy, Limits, SendError, ServerSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{BINARY, CLOSE, PING, Site, TEXT, binary, frame, header, text};

const CONTINUE: u8 = 0x00;
const LAST: u8 = 0x80;

/// A peer that sends these bytes is told this code, and what it sends afterwards does no harm.
async fn is_told(limits: Limits, bytes: &[u8], code: u16, reason: &str) {
    let mut site = Site::with_limits(limits);
    let (mut server, mut raw) = site.raw().await;
    raw.write(bytes).await;
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind, closed.clean), (Some(code), ClosedBy::Error, false), "{closed:?}");
    assert!(closed.reason.contains(reason), "{closed:?}");
    // More of it, which the server has not read when it hangs up: the goodbye arrives all the same.
    raw.write(&vec![0xff; 100_000]).await;
    assert_eq!(raw.goodbye().await, (code, closed.reason));
    assert!(raw.at_end().await);
    drop(raw);
    site.server.drained().await;
}

#[tokio::test]
async fn a_frame_that_is_announced_too_long() {
    let limits = Limits { max_frame: 1_000, ..Limits::default() };
    is_told(limits, &header(BINARY, 1_001), 1_009, "1001 > 1000").await;
}

#[tokio::test]
async fn a_frame_longer_than_memory() {
    let mut bytes = vec![BINARY, 0xff];
    bytes.extend_from_slice(&u64::MAX.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    is_told(Limits::default(), &bytes, 1_009, "too long").await;
}

#[tokio::test]
async fn a_message_that_grows_too_long_in_fragments() {
    let limits = Limits { max_message: 1_000, ..Limits::default() };
    let bytes = [frame(0x02, &[0; 600]), frame(CONTINUE, &[0; 401])].concat();
    is_told(limits, &bytes, 1_009, "1001 > 1000").await;
}

#[tokio::test]
async fn text_that_is_none() {
    is_told(Limits::default(), &frame(TEXT, b"caf\xe9!"), 1_007, "UTF-8").await;
    let cut = [frame(0x01, &[0xc3]), frame(LAST, b"x")].concat();
    is_told(Limits::default(), &cut, 1_007, "UTF-8").await;
}

#[tokio::test]
async fn frames_that_no_protocol_has() {
    for (bytes, reason) in [
        (vec![BINARY, 3, 1, 2, 3], "nmasked"),
        (frame(0xc2, b"compressed?"), "eserved"),
        (frame(0x83, b"opcode 3"), "invalid opcode: 3"),
        (frame(0x8b, b"opcode 11"), "invalid opcode: 11"),
        (frame(0x80, b"of nothing"), "ontinue frame"),
        ([frame(0x01, b"one"), frame(0x01, b"two")].concat(), "fragment"),
        (frame(0x09, b"half a ping"), "control frame"),
        (frame(PING, &[0; 126]), "ontrol frame"),
        (frame(CLOSE, &[3]), "close"),
    ] {
        is_told(Limits::default(), &bytes, 1_002, reason).await;
    }
}

#[tokio::test]
async fn a_flood() {
    let limits = Limits { max_messages_per_second: Some(1), message_burst: 10, ..Limits::default() };
    is_told(limits.clone(), &frame(BINARY, b"x").repeat(11), 1_008, "in a second").await;
    // Of pings as well; each that was answered before the end may come before the goodbye.
    let mut site = Site::with_limits(limits);
    let (mut server, mut raw) = site.raw().await;
    raw.write(&frame(PING, b"").repeat(11)).await;
    assert_eq!(server.closed().await.code, Some(1_008));
    while raw.frame().await.0 != CLOSE {}
}

#[tokio::test]
async fn a_burst_within_the_limit_is_no_flood() {
    let limits = Limits { max_messages_per_second: Some(1), message_burst: 10, ..Limits::default() };
    let mut site = Site::with_limits(limits);
    let (mut server, mut raw) = site.raw().await;
    raw.write(&frame(BINARY, b"x").repeat(10)).await;
    for _ in 0..10 {
        assert_eq!(server.message().await, binary("x"));
    }
    assert!(server.connection.is_open());
}

#[tokio::test]
async fn fragments_and_a_ping_between_them_make_one_message() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, mut raw) = site.raw().await;
    raw.write(&frame(0x01, b"caf\xc3")).await;
    raw.write(&frame(PING, b"there?")).await;
    assert_eq!(raw.frame().await, (0x8a, b"there?".to_vec()));
    raw.write(&frame(CONTINUE, b"\xa9 ")).await;
    raw.write(&frame(LAST, b"noir")).await;
    assert_eq!(server.message().await, text("café noir"));
}

#[tokio::test]
async fn a_message_that_comes_byte_by_byte() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, mut raw) = site.raw().await;
    raw.stream.set_nodelay(true).unwrap();
    for byte in frame(BINARY, &[7; 200]) {
        raw.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(server.message().await, binary(vec![7; 200]));
}

#[tokio::test]
async fn a_peer_that_hangs_up() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, raw) = site.raw().await;
    drop(raw);
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind), (None, ClosedBy::Error));
    assert!(closed.reason.contains("without a close frame"), "{closed:?}");
    site.server.drained().await;
}

#[tokio::test]
async fn a_peer_that_hangs_up_within_a_message() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, mut raw) = site.raw().await;
    raw.write(&frame(BINARY, &[0; 1_000])[..500]).await;
    drop(raw);
    assert_eq!(server.closed().await.kind, ClosedBy::Error);
}

#[tokio::test]
async fn a_peer_that_resets() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, raw) = site.raw().await;
    raw.stream.set_zero_linger().unwrap();
    drop(raw);
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind), (None, ClosedBy::Error));
    assert_eq!(server.connection.send(text("gone")), Err(SendError::Closed));
    site.server.drained().await;
}

#[tokio::test]
async fn a_half_closed_socket() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, mut raw) = site.raw().await;
    raw.stream.shutdown().await.unwrap();
    assert_eq!(server.closed().await.kind, ClosedBy::Error);
    assert!(raw.at_end().await, "the server does not keep its half");
}

#[tokio::test]
async fn a_peer_that_says_goodbye_and_stays() {
    let limits = Limits { close_timeout: Duration::from_millis(50), ..Limits::default() };
    let mut site = Site::with_limits(limits);
    let (mut server, mut raw) = site.raw().await;
    raw.write(&frame(CLOSE, b"\x0f\xa0later")).await;
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.reason.as_str()), (Some(4_000), "later"));
    assert_eq!((closed.kind, closed.clean), (ClosedBy::Peer, true));
    assert_eq!(raw.goodbye().await.0, 4_000);
    assert!(raw.at_end().await);
    site.server.drained().await; // though `raw` is still there
}

#[tokio::test]
async fn a_goodbye_without_a_code() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, mut raw) = site.raw().await;
    raw.write(&frame(CLOSE, b"")).await;
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind, closed.clean), (None, ClosedBy::Peer, true));
}

#[tokio::test]
async fn a_peer_that_does_not_say_goodbye_back() {
    let limits = Limits { close_timeout: Duration::from_millis(50), ..Limits::default() };
    let mut site = Site::with_limits(limits);
    let (mut server, mut raw) = site.raw().await;
    server.connection.close(1_000, "bye");
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind, closed.clean), (Some(1_000), ClosedBy::TimedOut, false));
    assert_eq!(raw.goodbye().await, (1_000, "bye".to_owned()));
    assert!(raw.at_end().await);
}

#[tokio::test]
async fn a_peer_that_does_not_read() {
    let limits =
        Limits { write_timeout: Duration::from_millis(100), send_queue_bytes: 100_000, ..Limits::default() };
    let mut site = Site::with_limits(limits);
    let (mut server, _raw) = site.raw().await;
    let patience = Duration::from_secs(20);
    let refused = loop {
        if let Err(error) = server.connection.send_wait(binary(vec![0; 50_000]), patience).await {
            break error;
        }
        assert!(server.connection.stats().queued_bytes <= 150_000);
    };
    assert_eq!(refused, SendError::Closed);
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind), (None, ClosedBy::TimedOut));
    assert!(closed.reason.contains("has read nothing"), "{closed:?}");
    assert_eq!(server.connection.stats().queued_bytes, 0);
    site.server.drained().await;
}

#[tokio::test]
async fn a_peer_that_pings_and_does_not_read() {
    let limits = Limits {
        write_timeout: Duration::from_millis(100),
        max_messages_per_second: None,
        ..Limits::default()
    };
    let mut site = Site::with_limits(limits);
    let (mut server, mut raw) = site.raw().await;
    let pings = frame(PING, &[0; 125]).repeat(1_000);
    let flood = async move {
        while raw.stream.write_all(&pings).await.is_ok() {}
        raw
    };
    let (closed, _raw) = tokio::join!(server.closed(), flood);
    assert!(closed.kind == ClosedBy::TimedOut, "{closed:?}");
}

#[tokio::test]
async fn a_peer_that_is_never_heard_of_again() {
    let limits = Limits {
        ping_interval: Some(Duration::from_millis(20)),
        pong_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let mut site = Site::with_limits(limits);
    let (mut server, mut raw) = site.raw().await;
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind), (None, ClosedBy::TimedOut));
    assert!(closed.reason.contains("ping"), "{closed:?}");
    assert_eq!(raw.frame().await, (PING, Vec::new()));
    assert!(raw.at_end().await);
}

#[tokio::test]
async fn a_peer_that_connects_and_says_nothing() {
    let limits = Limits { idle_timeout: Some(Duration::from_millis(50)), ..Limits::default() };
    let mut site = Site::with_limits(limits);
    let (mut server, mut raw) = site.raw().await;
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind), (Some(1_001), ClosedBy::TimedOut));
    assert_eq!(raw.goodbye().await.0, 1_001);
}

#[tokio::test]
async fn an_abort_ends_at_once() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, mut raw) = site.raw().await;
    server.connection.abort();
    let closed = server.closed().await;
    assert_eq!((closed.code, closed.kind, closed.clean), (None, ClosedBy::Us, false));
    assert_eq!(raw.stream.read(&mut [0]).await.unwrap_or(0), 0);
}
