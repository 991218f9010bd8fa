//! The side that connects.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

use super::connection::{Connection, NO_ADDRESS};
use super::driver::config;
use super::handshake::texts;
use super::limits::Limits;
use super::request::Request;
use super::stream::Stream;
use super::tls::{ClientTls, TlsError};

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address is not one of a WebSocket.
    #[error("{url}: {cause}; it should be ws://host[:port]/path or wss://…")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A header cannot be sent.
    #[error("header {name}: not a valid name or value")]
    Header {
        /// Its name.
        name: String,
    },
    /// The network or the TLS handshake failed.
    #[error("{host}: {cause}")]
    Io {
        /// Which host.
        host: String,
        /// What the system says.
        cause: io::Error,
    },
    /// The trusted authorities cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server answered, with something else than a WebSocket.
    #[error("the server refused the WebSocket with status {status}: {body}")]
    Refused {
        /// Its status.
        status: u16,
        /// The beginning of its answer.
        body: String,
    },
    /// The server's answer is not one to a WebSocket's handshake.
    #[error("the server's handshake is wrong: {0}")]
    Protocol(String),
    /// It took too long.
    #[error("no connection within {0:?}; see Limits::handshake_timeout")]
    TimedOut(std::time::Duration),
}

/// Open a WebSocket. Must be called within a tokio runtime, whose threads the connection then uses.
///
/// # Errors
/// If there is none, or not in [`Limits::handshake_timeout`].
pub async fn connect(
    url: &str,
    headers: &[(String, String)],
    subprotocols: &[String],
    limits: Arc<Limits>,
    tls: &ClientTls,
) -> Result<Connection, ConnectError> {
    let patience = limits.handshake_timeout;
    match timeout(patience, open(url, headers, subprotocols, limits, tls)).await {
        Ok(opened) => opened,
        Err(_) => Err(ConnectError::TimedOut(patience)),
    }
}

async fn open(
    url: &str,
    headers: &[(String, String)],
    subprotocols: &[String],
    limits: Arc<Limits>,
    tls: &ClientTls,
) -> Result<Connection, ConnectError> {
    let wrong = |cause: &str| ConnectError::Url { url: url.to_owned(), cause: cause.to_owned() };
    let mut request = url.into_client_request().map_err(|error| wrong(&error.to_string()))?;
    let secure = match request.uri().scheme_str() {
        Some("ws") => false,
        Some("wss") => true,
        _ => return Err(wrong("the scheme is neither ws nor wss")),
    };
    let host = request.uri().host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = request.uri().port_u16().unwrap_or(if secure { 443 } else { 80 });
    let target = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();

    for (name, value) in headers {
        let bad = || ConnectError::Header { name: name.clone() };
        let key = HeaderName::try_from(name.as_str()).map_err(|_| bad())?;
        request.headers_mut().append(key, HeaderValue::try_from(value.as_str()).map_err(|_| bad())?);
    }
    if !subprotocols.is_empty() {
        let bad = |_| ConnectError::Header { name: SEC_WEBSOCKET_PROTOCOL.to_string() };
        let offer = HeaderValue::try_from(subprotocols.join(", ")).map_err(bad)?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offer);
    }

    let failed = |cause: io::Error| ConnectError::Io { host: format!("{host}:{port}"), cause };
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let stream = if secure {
        let name = ServerName::try_from(host.clone()).map_err(|error| wrong(&error.to_string()))?;
        Stream::from(tls.connector()?.connect(name, stream).await.map_err(failed)?)
    } else {
        Stream::from(stream)
    };
    let peer = stream.peer().unwrap_or(NO_ADDRESS);

    let config = Some(config(&limits));
    let answered = tokio_tungstenite::client_async_with_config(request, stream, config).await;
    let (socket, response) = answered.map_err(|error| refusal(error, &host, port))?;
    let subprotocol = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
    let subprotocol = subprotocol.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let headers = texts(response.headers());
    let request = Request { peer, method: "GET".to_owned(), target, headers, body: Bytes::new() };
    Ok(Connection::start(socket, Arc::new(request), subprotocol, limits, None))
}

fn refusal(error: WsError, host: &str, port: u16) -> ConnectError {
    match error {
        WsError::Http(response) => {
            let body = response.body().as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(&body[..body.len().min(512)]).into_owned();
            ConnectError::Refused { status: response.status().as_u16(), body }
        }
        WsError::Io(cause) => ConnectError::Io { host: format!("{host}:{port}"), cause },
        other => ConnectError::Protocol(other.to_string()),
    }
}
