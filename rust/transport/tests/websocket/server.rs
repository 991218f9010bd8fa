//! Who is let in, what else the port answers, and how it all ends.

use std::sync::Arc;
use std::time::Duration;

use pipecat_rs_transport::websocket::{
    Admission, BoxFuture, ClientTls, ClosedBy, ConnectError, Limits, Response, ServerSettings, connect,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use crate::support::{End, Raw, Site, client, exchange, text, upgrade};

async fn refused(site: &Site) -> (u16, String) {
    refused_from(site, &[]).await
}

async fn refused_from(site: &Site, headers: &[(String, String)]) -> (u16, String) {
    let refusal = connect(&site.url(), headers, &[], Arc::default(), &ClientTls::WebPki).await;
    match refusal.expect_err("not let in") {
        ConnectError::Refused { status, body } => (status, body),
        other => panic!("{other}"),
    }
}

fn quick() -> Limits {
    Limits { handshake_timeout: Duration::from_millis(100), ..Limits::default() }
}

#[tokio::test]
async fn the_port_answers_http_too() {
    let site = Site::new(ServerSettings { max_http_body: 10, ..ServerSettings::default() });
    let address = site.server.local_addr();
    for (request, status, body) in [
        ("GET /health?now HTTP/1.1\r\nHost: x\r\n\r\n", 200, "well\n"),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 201, "hello"),
        ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world", 413, "10 bytes"),
        ("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, "nothing"),
        ("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n", 500, "cannot be sent"),
        ("nonsense\r\n\r\n", 400, ""),
    ] {
        let answer = exchange(address, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request} → {answer}");
        assert!(answer.contains(body), "{answer}");
    }
    assert_eq!(site.server.stats().http_requests, 5);
}

#[tokio::test]
async fn requests_that_are_nearly_websockets() {
    let mut site = Site::new(ServerSettings::default());
    let address = site.server.local_addr();
    let good = upgrade("/", "");
    for (was, is) in [("Version: 13", "Version: 8"), ("dGhlIHNhbXBsZSBub25jZQ==", "short"), ("GET", "POST")] {
        let answer = exchange(address, &good.replace(was, is)).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("sec-websocket-version: 13"), "{answer}");
    }
    let answer = exchange(address, &good.replace("Upgrade: websocket\r\n", "")).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let huge = upgrade("/", &format!("X: {}\r\n", "x".repeat(20_000)));
    let answer = exchange(address, &huge).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(site.server.stats().connections, 0);
    assert!(site.accepted.try_recv().is_err());
}

#[tokio::test]
async fn messages_may_follow_the_handshake_in_one_packet() {
    let mut site = Site::new(ServerSettings::default());
    let mut stream = TcpStream::connect(site.server.local_addr()).await.unwrap();
    let mut bytes = upgrade("/", "").into_bytes();
    bytes.extend(crate::support::frame(crate::support::TEXT, b"at once"));
    stream.write_all(&bytes).await.unwrap();
    assert_eq!(End::of(site.accept().await).message().await, text("at once"));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let site = Site::with_limits(quick());
    for begun in ["", "GET / HTTP/1.1\r\nHost", "POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"] {
        let mut stream = TcpStream::connect(site.server.local_addr()).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_stay_outside() {
    let allowed = Some(vec!["https://example.com".to_owned()]);
    let mut site = Site::new(ServerSettings { allowed_origins: allowed, ..ServerSettings::default() });
    let origin = |value: &str| [("Origin".to_owned(), value.to_owned())];
    assert_eq!(refused_from(&site, &origin("https://evil.example")).await.0, 403);
    assert_eq!(refused_from(&site, &origin("null")).await.0, 403);
    assert_eq!(site.server.stats().refused_origin, 2);
    connect(&site.url(), &origin("https://Example.com"), &[], Arc::default(), &ClientTls::WebPki)
        .await
        .unwrap();
    client(&site.url()).await;
    site.accept().await;
    site.accept().await;
}

#[tokio::test]
async fn only_some_paths_have_a_websocket() {
    let paths = Some(vec!["/call".to_owned()]);
    let site = Site::new(ServerSettings { paths, ..ServerSettings::default() });
    client(&site.url()).await;
    let elsewhere = site.url().replace("/call", "/other");
    let refusal = connect(&elsewhere, &[], &[], Arc::default(), &ClientTls::WebPki).await;
    assert!(matches!(refusal, Err(ConnectError::Refused { status: 404, .. })));
}

#[tokio::test]
async fn the_maximum_is_one_even_for_many_at_once() {
    let mut site = Site::new(ServerSettings { max_connections: 5, ..ServerSettings::default() });
    let url = site.url();
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let url = url.clone();
        attempts.spawn(async move { connect(&url, &[], &[], Arc::default(), &ClientTls::WebPki).await });
    }
    let (mut ends, mut full) = (Vec::new(), 0);
    while let Some(attempt) = attempts.join_next().await {
        match attempt.unwrap() {
            Ok(connection) => ends.push((End::of(connection), End::of(site.accept().await))),
            Err(ConnectError::Refused { status: 503, .. }) => full += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((ends.len(), full), (5, 35));
    assert_eq!((site.server.stats().accepted, site.server.stats().refused_full), (5, 35));

    let (client_end, _) = ends.first_mut().unwrap();
    client_end.connection.close(1_000, "");
    client_end.closed().await;
    while site.server.stats().connections == 5 {
        tokio::task::yield_now().await;
    }
    client(&url).await;
}

#[tokio::test]
async fn one_address_has_its_share() {
    let settings = ServerSettings { max_connections_per_address: Some(2), ..ServerSettings::default() };
    let mut site = Site::new(settings);
    let _pairs = (site.pair().await, site.pair().await);
    assert_eq!(refused(&site).await.0, 429);
    assert_eq!(site.server.stats().refused_address, 1);
}

#[tokio::test]
async fn the_handler_decides() {
    let mut site = Site::admitting(
        ServerSettings::default(),
        Box::new(|request| -> BoxFuture<'static, Admission> {
            Box::pin(async move {
                tokio::task::yield_now().await;
                if request.header("Authorization") == Some("Bearer right") {
                    return Admission::Accept { subprotocol: Some("not offered".to_owned()) };
                }
                let mut refusal = Response::text(401, "who are you?");
                refusal.headers.push(("WWW-Authenticate".to_owned(), "Bearer".to_owned()));
                Admission::Reject(refusal)
            })
        }),
    );
    assert_eq!(refused(&site).await, (401, "who are you?".to_owned()));
    let answer = exchange(site.server.local_addr(), &upgrade("/", "")).await;
    assert!(answer.to_lowercase().contains("www-authenticate: bearer"), "{answer}");
    let token = [("Authorization".to_owned(), "Bearer right".to_owned())];
    connect(&site.url(), &token, &[], Arc::default(), &ClientTls::WebPki).await.unwrap();
    assert_eq!(site.accept().await.subprotocol(), None);
}

#[tokio::test]
async fn a_decision_that_does_not_come_is_a_refusal() {
    let settings = ServerSettings { limits: quick(), ..ServerSettings::default() };
    let site = Site::admitting(settings, Box::new(|_| Box::pin(std::future::pending())));
    assert_eq!(refused(&site).await.0, 503);
    assert_eq!(site.server.stats().connections, 0);
}

#[tokio::test]
async fn who_leaves_before_the_decision_holds_no_place() {
    let site = Site::admitting(ServerSettings::default(), Box::new(|_| Box::pin(std::future::pending())));
    let mut stream = TcpStream::connect(site.server.local_addr()).await.unwrap();
    stream.write_all(upgrade("/", "").as_bytes()).await.unwrap();
    while site.server.stats().connections == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    site.server.drained().await;
}

#[tokio::test]
async fn a_server_that_refuses_still_tells_how_it_is() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server_end, client_end) = site.pair().await;
    site.server.refuse();
    assert_eq!(refused(&site).await.0, 503);
    assert_eq!(site.server.stats().refused_draining, 1);
    let health = exchange(site.server.local_addr(), "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    client_end.connection.send(text("go on")).unwrap();
    assert_eq!(server_end.message().await, text("go on"));
    client_end.connection.close(1_000, "");
    drop(client_end);
    site.server.drained().await;
}

#[tokio::test]
async fn a_port_is_free_when_the_server_is_gone() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server_end, client_end) = site.pair().await;
    let address = site.server.local_addr();
    site.server.stop_accepting();
    while TcpListener::bind(address).await.is_err() {
        tokio::task::yield_now().await;
    }
    client_end.connection.send(text("still connected")).unwrap();
    assert_eq!(server_end.message().await, text("still connected"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let site = Site::new(ServerSettings::default());
    let address = site.server.local_addr();
    let settings = ServerSettings { port: address.port(), ..ServerSettings::default() };
    let error = Site::try_new(settings).expect_err("the port is taken");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn a_close_ends_everything_in_time() {
    let tasks = Handle::current().metrics();
    let before = tasks.num_alive_tasks();
    let limits = Limits { close_timeout: Duration::from_secs(3_600), ..Limits::default() };
    let mut site = Site::with_limits(limits);
    let (mut polite_server, mut polite) = site.pair().await;
    let (mut deaf_server, deaf) = site.raw().await;
    let half = TcpStream::connect(site.server.local_addr()).await.unwrap();
    let unheard = Raw::connect(site.server.local_addr()).await;
    let never_received = site.accept().await;
    site.server.close(Duration::from_millis(100)).await;

    assert_eq!(polite.closed().await.code, Some(1_001));
    assert_eq!(polite_server.closed().await.kind, ClosedBy::Us);
    let closed = deaf_server.closed().await;
    assert_eq!((closed.kind, closed.clean), (ClosedBy::Us, false));
    assert_eq!(End::of(never_received).closed().await.kind, ClosedBy::Us);
    drop((polite, polite_server, deaf, half, unheard));
    while tasks.num_alive_tasks() > before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn addresses_that_are_none() {
    for (url, part) in
        [("http://127.0.0.1/", "scheme"), ("ws:///nowhere", "ws://host"), ("not a url", "ws://host")]
    {
        let error = connect(url, &[], &[], Arc::default(), &ClientTls::WebPki).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let header = [("bad name".to_owned(), String::new())];
    let error = connect("ws://127.0.0.1:1/", &header, &[], Arc::default(), &ClientTls::WebPki).await;
    assert!(error.unwrap_err().to_string().contains("bad name"));
    let error = connect("ws://127.0.0.1:1/", &[], &[], Arc::default(), &ClientTls::WebPki).await;
    assert!(error.unwrap_err().to_string().contains("127.0.0.1:1"));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let error = connect(&url, &[], &[], Arc::new(quick()), &ClientTls::WebPki).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn a_dropped_server_leaves_what_is_connected() {
    let mut site = Site::new(ServerSettings::default());
    let (mut server_end, client_end) = site.pair().await;
    drop(site);
    client_end.connection.send(text("hello?")).unwrap();
    assert_eq!(server_end.message().await, text("hello?"));
}
