//! Whatever comes after the handshake: whole messages arrive, and anything else ends once.

use bytes::Bytes;
use pipecat_rs_transport::websocket::{ClosedBy, Limits};
use pipecat_rs_wire::Message;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

use crate::support::{End, Event, frame, piped};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// A message and how it is cut into frames.
fn message() -> impl Strategy<Value = (Message, Vec<usize>)> {
    let text = any::<String>().prop_map(Message::Text);
    let binary = vec(any::<u8>(), 0..3_000).prop_map(|bytes| Message::Binary(Bytes::from(bytes)));
    (prop_oneof![text, binary], vec(0..1_000_usize, 0..4))
}

fn frames(message: &Message, cuts: &[usize]) -> Vec<u8> {
    let (opcode, mut rest) = match message {
        Message::Text(text) => (1, text.as_bytes()),
        Message::Binary(bytes) => (2, &bytes[..]),
    };
    let mut out = Vec::new();
    let mut opcode = opcode;
    for cut in cuts {
        let (part, after) = rest.split_at((*cut).min(rest.len()));
        out.extend(frame(opcode, part));
        (opcode, rest) = (0, after);
    }
    out.extend(frame(0x80 | opcode, rest));
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_arrive_however_they_are_cut(
        messages in vec(message(), 1..8),
        pipe in 16..5_000_usize,
    ) {
        block_on(async {
            let (connection, mut far) = piped(Limits::default(), pipe).await;
            let mut end = End::of(connection);
            let bytes: Vec<u8> = messages.iter().flat_map(|(message, cuts)| frames(message, cuts)).collect();
            let write = async {
                far.write_all(&bytes).await.unwrap();
                far
            };
            let read = async {
                for (message, _) in &messages {
                    assert_eq!(&end.message().await, message);
                }
            };
            tokio::join!(write, read).0
        });
    }

    #[test]
    fn anything_else_ends_once(bytes in vec(any::<u8>(), 0..2_000), first in 0..16_u8) {
        block_on(async {
            let limits = Limits { max_message: 10_000, max_frame: 10_000, ..Limits::default() };
            let (connection, mut far) = piped(limits, 1 << 16).await;
            let mut end = End::of(connection);
            far.write_all(&[0x80 | first]).await.unwrap();
            far.write_all(&bytes).await.unwrap();
            far.shutdown().await.unwrap();
            let closed = end.closed().await; // and nothing after it
            assert!(matches!(closed.kind, ClosedBy::Error | ClosedBy::Peer), "{closed:?}");
            let mut said = Vec::new();
            far.read_to_end(&mut said).await.unwrap();
        });
    }

    #[test]
    fn what_is_sent_arrives_whatever_else_happens(
        sizes in vec(0..40_000_usize, 1..20),
        pipe in 16..50_000_usize,
    ) {
        block_on(async {
            let (near, far) = tokio::io::duplex(pipe);
            let limits = std::sync::Arc::new(Limits::default());
            use pipecat_rs_transport::websocket::{Connection, Role};
            let request = crate::support::request;
            let server = Connection::over(near, Role::Server, request(), None, limits.clone()).await;
            let client = Connection::over(far, Role::Client, request(), None, limits).await;
            let mut client = End::of(client);
            let server = End::of(server);
            for size in &sizes {
                server.connection.send(Message::Binary(vec![*size as u8; *size].into())).unwrap();
            }
            server.connection.close(1_000, "");
            for size in &sizes {
                match client.event().await {
                    Event::Message(message) => assert_eq!(message.len(), *size),
                    Event::Closed(closed) => panic!("{closed:?}"),
                }
            }
            assert!(client.closed().await.clean);
        });
    }
}
