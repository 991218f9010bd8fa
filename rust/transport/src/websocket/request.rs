//! What a peer asks of a server, and who answers.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::connection::Connection;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An HTTP request: one that wants a WebSocket, or any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// From where, as the socket says.
    pub peer: SocketAddr,
    /// `GET`, `POST`.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// Names in lower case, in the order that they came.
    pub headers: Vec<(String, String)>,
    /// Empty for a WebSocket.
    pub body: Bytes,
}

impl Request {
    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// What follows the path's question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    /// The subprotocols that the peer offers, the best one first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case("sec-websocket-protocol"))
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200, 404.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// What follows.
    pub body: Bytes,
}

impl Response {
    /// Plain text.
    #[must_use]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
        Self { status, headers, body: Bytes::from(body.into()) }
    }
}

/// Whether a peer gets its WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Accept {
        /// One of those that it offered. Another one is not sent: a browser would refuse it.
        subprotocol: Option<String>,
    },
    /// It is answered instead.
    Reject(Response),
}

/// What a server asks and tells. Called on the runtime's threads: nothing here may block.
pub trait Handler: Send + Sync + 'static {
    /// Whether a peer gets its WebSocket. It is refused if this takes longer than the handshake may;
    /// the future is dropped if the peer goes away.
    fn admit(&self, request: Arc<Request>) -> BoxFuture<'_, Admission>;

    /// A WebSocket is open. Nothing is read from it before [`Connection::receive`]; it closes if
    /// every handle is dropped before that.
    fn connected(&self, connection: Connection);

    /// The answer to a request that wants no WebSocket. `None`: 404.
    fn http(&self, request: Request) -> BoxFuture<'_, Option<Response>>;
}
