//! The byte stream below a connection: TCP, TLS, or anything else, with a look at its writes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{client, server};

/// A stream of bytes in both directions.
pub(super) trait Bytestream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Bytestream for T {}

enum Inner {
    Plain(TcpStream),
    ServerTls(Box<server::TlsStream<TcpStream>>),
    ClientTls(Box<client::TlsStream<TcpStream>>),
    Other(Box<dyn Bytestream>),
}

/// One connection's bytes.
pub(super) struct Stream {
    inner: Inner,
    /// Bytes that were taken by the socket.
    written: u64,
    /// Whether it took nothing at the last write.
    blocked: bool,
}

impl Stream {
    pub(super) fn other(stream: impl Bytestream) -> Self {
        Inner::Other(Box::new(stream)).into()
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// The peer's address, if there is a socket.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match &self.inner {
            Inner::Plain(stream) => stream.peer_addr().ok(),
            Inner::ServerTls(stream) => stream.get_ref().0.peer_addr().ok(),
            Inner::ClientTls(stream) => stream.get_ref().0.peer_addr().ok(),
            Inner::Other(_) => None,
        }
    }
}

impl From<Inner> for Stream {
    fn from(inner: Inner) -> Self {
        Self { inner, written: 0, blocked: false }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Inner::Plain(stream).into()
    }
}

impl From<server::TlsStream<TcpStream>> for Stream {
    fn from(stream: server::TlsStream<TcpStream>) -> Self {
        Inner::ServerTls(Box::new(stream)).into()
    }
}

impl From<client::TlsStream<TcpStream>> for Stream {
    fn from(stream: client::TlsStream<TcpStream>) -> Self {
        Inner::ClientTls(Box::new(stream)).into()
    }
}

macro_rules! each {
    ($inner:expr, $stream:ident => $call:expr) => {
        match $inner {
            Inner::Plain($stream) => $call,
            Inner::ServerTls($stream) => $call,
            Inner::ClientTls($stream) => $call,
            Inner::Other($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(&mut self.inner, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = each!(&mut self.inner, stream => Pin::new(stream).poll_write(cx, bytes));
        self.blocked = result.is_pending();
        if let Poll::Ready(Ok(count)) = result {
            self.written += count as u64;
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = each!(&mut self.inner, stream => Pin::new(stream).poll_flush(cx));
        // TLS takes a write into its own buffer: its flush is what meets the socket.
        self.blocked = result.is_pending();
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.inner, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
