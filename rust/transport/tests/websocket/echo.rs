//! What both sides say arrives, in order, and both know how it ended.

use std::sync::Arc;

use pipecat_rs_transport::websocket::{Admission, ClosedBy, Connection, ServerSettings, connect};
use tokio::runtime::Handle;

use crate::support::{Echo, End, Site, binary, client, text};

#[tokio::test]
async fn messages_come_back_in_order() {
    let mut site = Site::new(ServerSettings::default());
    let mut end = End::of(client(&site.url()).await);
    let server = site.accept().await;
    assert_eq!(server.path(), "/call?id=7");
    assert!(server.headers().iter().any(|(name, _)| name == "sec-websocket-key"));
    server.receive(Arc::new(Echo(server.clone())));
    for round in 0..100_usize {
        end.connection.send(binary(vec![round as u8; 640])).unwrap();
        end.connection.send(text(&"ä".repeat(round * 50))).unwrap();
    }
    for round in 0..100_usize {
        assert_eq!(end.message().await, binary(vec![round as u8; 640]));
        assert_eq!(end.message().await, text(&"ä".repeat(round * 50)));
    }
    let stats = end.connection.stats();
    assert_eq!((stats.messages_in, stats.messages_out, stats.queued_messages), (200, 200, 0));
    assert_eq!(stats.bytes_in, stats.bytes_out);
}

#[tokio::test]
async fn a_close_sends_what_is_queued_and_both_sides_hear_why() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, mut client) = site.pair().await;
    for round in 0..200 {
        server.connection.send(binary(vec![round; 3_000])).unwrap();
    }
    server.connection.close(4_001, "done");
    assert!(!server.connection.is_open());
    for round in 0..200 {
        assert_eq!(client.message().await, binary(vec![round; 3_000]));
    }
    for (end, kind) in [(&mut client, ClosedBy::Peer), (&mut server, ClosedBy::Us)] {
        let closed = end.closed().await;
        assert_eq!((closed.code, closed.reason.as_str()), (Some(4_001), "done"));
        assert_eq!((closed.kind, closed.clean), (kind, true));
    }
}

#[tokio::test]
async fn both_may_close_at_once() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server, mut client) = site.pair().await;
    server.connection.close(1_000, "me");
    client.connection.close(1_000, "me");
    assert_eq!(server.closed().await.kind, ClosedBy::Us);
    assert_eq!(client.closed().await.kind, ClosedBy::Us);
}

#[tokio::test]
async fn a_code_that_may_not_be_sent_and_a_long_reason_are_mended() {
    let mut site = Site::new(ServerSettings::default());
    let (_server, mut client) = site.pair().await;
    _server.connection.close(1_006, &"ä".repeat(200));
    let closed = client.closed().await;
    assert_eq!((closed.code, closed.reason), (Some(1_000), "ä".repeat(61)));
}

#[tokio::test]
async fn nothing_is_read_before_somebody_receives() {
    let mut site = Site::new(ServerSettings::default());
    let end = End::of(client(&site.url()).await);
    let server = site.accept().await;
    end.connection.send(text("early")).unwrap();
    assert_eq!(server.stats().messages_in, 0);
    let mut server = End::of(server);
    assert_eq!(server.message().await, text("early"));
}

#[tokio::test]
async fn who_receives_after_the_end_is_told_it() {
    let mut site = Site::new(ServerSettings::default());
    let mut client = End::of(client(&site.url()).await);
    let server = site.accept().await;
    server.close(1_000, "no time");
    assert_eq!(client.closed().await.reason, "no time");
    site.server.drained().await;
    assert_eq!(End::of(server).closed().await.kind, ClosedBy::Us);
}

#[tokio::test]
async fn a_connection_that_nobody_takes_closes() {
    let mut site = Site::new(ServerSettings::default());
    let mut client = End::of(client(&site.url()).await);
    drop(site.accept().await);
    assert_eq!(client.closed().await.code, Some(1_001));
}

#[tokio::test]
async fn both_sides_know_the_subprotocol() {
    let choose = |_| -> pipecat_rs_transport::websocket::BoxFuture<'static, Admission> {
        Box::pin(std::future::ready(Admission::Accept { subprotocol: Some("audio".to_owned()) }))
    };
    let mut site = Site::admitting(ServerSettings::default(), Box::new(choose));
    let offered = ["chat".to_owned(), "audio".to_owned()];
    let headers = [("Authorization".to_owned(), "Bearer x".to_owned())];
    let client = connect(&site.url(), &headers, &offered, Arc::default(), &Default::default()).await.unwrap();
    assert_eq!(client.subprotocol(), Some("audio"));
    let server = site.accept().await;
    assert_eq!(server.subprotocol(), Some("audio"));
    assert_eq!(server.request().subprotocols().collect::<Vec<_>>(), ["chat", "audio"]);
    assert_eq!(server.request().header("authorization"), Some("Bearer x"));
}

#[tokio::test]
async fn what_is_queued_can_be_taken_back() {
    let mut site = Site::new(ServerSettings::default());
    let (server, mut client) = site.pair().await;
    // No turn of the runtime in between: nothing of this is on its way yet.
    server.connection.send_audio(binary(vec![1; 640])).unwrap();
    server.connection.send(text("kept")).unwrap();
    server.connection.send_audio(binary(vec![2; 640])).unwrap();
    server.connection.discard_queued();
    assert_eq!(server.connection.stats().queued_bytes, 4);
    server.connection.send_urgent(text("clear")).unwrap();
    assert_eq!(client.message().await, text("kept"));
    assert_eq!(client.message().await, text("clear"));
}

#[tokio::test]
async fn five_hundred_connections_end_without_a_trace() {
    let tasks = Handle::current().metrics();
    let before = tasks.num_alive_tasks();
    let mut site = Site::new(ServerSettings::default());
    let mut ends = Vec::new();
    for _ in 0..500 {
        let end = End::of(client(&site.url()).await);
        let server = site.accept().await;
        server.receive(Arc::new(Echo(server.clone())));
        ends.push(end);
    }
    assert_eq!(site.server.stats().connections, 500);
    assert_eq!(site.server.connections().len(), 500);
    for round in 0..3 {
        for end in &ends {
            end.connection.send(binary(vec![round; 640])).unwrap();
        }
        for end in &mut ends {
            assert_eq!(end.message().await, binary(vec![round; 640]));
        }
    }
    site.server.close(crate::support::SOON).await;
    for end in &mut ends {
        assert_eq!(end.closed().await.code, Some(1_001));
    }
    drop(ends);
    while tasks.num_alive_tasks() > before {
        tokio::task::yield_now().await;
    }
    assert_eq!(site.server.stats().connections, 0);
}

#[tokio::test]
async fn a_handle_is_a_handle() {
    let mut site = Site::new(ServerSettings::default());
    let (server, client) = site.pair().await;
    let same: Connection = server.connection.clone();
    assert!(same.same(&server.connection) && !same.same(&client.connection));
    assert!(format!("{same:?}").contains("/call?id=7"));
}
