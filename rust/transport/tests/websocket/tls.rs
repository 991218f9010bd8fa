//! The same over TLS.

use std::sync::Arc;
use std::time::Duration;

use pipecat_rs_transport::websocket::{
    ClientTls, ClosedBy, ConnectError, Limits, ServerSettings, ServerTls, connect,
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{Echo, End, SOON, Site, binary};

fn certificate() -> (ServerTls, ClientTls) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let server =
        ServerTls { cert_pem: cert.pem().into_bytes(), key_pem: signing_key.serialize_pem().into_bytes() };
    (server, ClientTls::Authorities(cert.pem().into_bytes()))
}

fn secure(tls: ServerTls, limits: Limits) -> (Site, String) {
    let site = Site::new(ServerSettings { tls: Some(tls), limits, ..ServerSettings::default() });
    let url = format!("wss://localhost:{}/call", site.server.local_addr().port());
    (site, url)
}

#[tokio::test]
async fn messages_come_back_and_both_say_goodbye() {
    let (server_tls, client_tls) = certificate();
    let (mut site, url) = secure(server_tls, Limits::default());
    let mut end = End::of(connect(&url, &[], &[], Arc::default(), &client_tls).await.unwrap());
    let server = site.accept().await;
    server.receive(Arc::new(Echo(server.clone())));
    for size in [0, 640, 40_000, 500_000] {
        end.connection.send(binary(vec![5; size])).unwrap();
        assert_eq!(end.message().await, binary(vec![5; size]));
    }
    site.server.close(SOON).await;
    let closed = end.closed().await;
    assert_eq!((closed.code, closed.kind, closed.clean), (Some(1_001), ClosedBy::Peer, true));
}

#[tokio::test]
async fn who_does_not_trust_the_certificate_does_not_connect() {
    let (server_tls, _) = certificate();
    let (site, url) = secure(server_tls, Limits::default());
    for trusted in [ClientTls::WebPki, certificate().1] {
        let error = connect(&url, &[], &[], Arc::default(), &trusted).await.unwrap_err();
        assert!(matches!(error, ConnectError::Io { .. }), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    assert_eq!(site.server.stats().accepted, 0);
}

#[tokio::test]
async fn a_peer_that_does_not_begin_tls_is_not_waited_for() {
    let (server_tls, _) = certificate();
    let limits = Limits { handshake_timeout: Duration::from_millis(100), ..Limits::default() };
    let (site, _url) = secure(server_tls, limits);
    let mut stream = TcpStream::connect(site.server.local_addr()).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(site.server.stats().failed_handshakes, 1);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_noticed_through_tls() {
    let (server_tls, client_tls) = certificate();
    let limits = Limits { write_timeout: Duration::from_millis(100), ..Limits::default() };
    let (mut site, url) = secure(server_tls, limits);
    let _unread = connect(&url, &[], &[], Arc::default(), &client_tls).await.unwrap();
    let mut server = End::of(site.accept().await);
    while server.connection.send_wait(binary(vec![0; 50_000]), SOON).await.is_ok() {}
    assert_eq!(server.closed().await.kind, ClosedBy::TimedOut);
}

#[tokio::test]
async fn certificates_that_are_none() {
    let (good, _) = certificate();
    for (tls, part) in [
        (ServerTls { cert_pem: b"nothing".to_vec(), ..good.clone() }, "certificate chain"),
        (ServerTls { key_pem: b"nothing".to_vec(), ..good.clone() }, "private key"),
        (ServerTls { key_pem: certificate().0.key_pem, ..good }, "certificates cannot be used"),
    ] {
        let settings = ServerSettings { tls: Some(tls), ..ServerSettings::default() };
        let error = Site::try_new(settings).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
