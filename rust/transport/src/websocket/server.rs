//! A port for WebSockets and small HTTP requests.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::capacity::Capacity;
use super::connection::{Connection, NO_ADDRESS};
use super::handshake::handshake;
use super::limits::Limits;
use super::request::Handler;
use super::tls::ServerTls;

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;

/// What a server is.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// A name or an address of this host: `0.0.0.0`, `::`, `localhost`.
    pub address: String,
    /// The port. 0: any that is free.
    pub port: u16,
    /// The certificate, for `wss`.
    pub tls: Option<ServerTls>,
    /// Of each connection.
    pub limits: Limits,
    /// The most WebSockets at once: a hard maximum. Others are answered with 503.
    pub max_connections: usize,
    /// The most WebSockets of one address. Others are answered with 429.
    pub max_connections_per_address: Option<usize>,
    /// The most sockets that are not WebSockets (yet). Others wait to be accepted.
    pub max_handshakes: usize,
    /// The origins of the web pages that may connect: `https://example.com`. Pages of others are
    /// answered with 403; a peer that names no origin is no browser, and passes. `None`: any.
    pub allowed_origins: Option<Vec<String>>,
    /// The paths that have a WebSocket. `None`: all.
    pub paths: Option<Vec<String>>,
    /// The longest body of an HTTP request, in bytes.
    pub max_http_body: usize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            address: "127.0.0.1".to_owned(),
            port: 0,
            tls: None,
            limits: Limits::default(),
            max_connections: 1_000,
            max_connections_per_address: None,
            max_handshakes: 256,
            allowed_origins: None,
            paths: None,
            max_http_body: 1 << 20,
        }
    }
}

/// What a server has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerStats {
    /// WebSockets that are open, or about to be.
    pub connections: usize,
    /// WebSockets that were opened.
    pub accepted: u64,
    /// Refused because the server was full.
    pub refused_full: u64,
    /// Refused because their address had its share.
    pub refused_address: u64,
    /// Refused because of the page that they came from.
    pub refused_origin: u64,
    /// Refused because the server is about to stop.
    pub refused_draining: u64,
    /// Refused by the handler, or because of what they asked for.
    pub rejected: u64,
    /// Sockets that did not get as far as a request, or went away before the answer.
    pub failed_handshakes: u64,
    /// Other HTTP requests.
    pub http_requests: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) accepted: AtomicU64,
    pub(super) refused_full: AtomicU64,
    pub(super) refused_address: AtomicU64,
    pub(super) refused_origin: AtomicU64,
    pub(super) refused_draining: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) failed_handshakes: AtomicU64,
    pub(super) http_requests: AtomicU64,
}

/// What the accepting task and the handshakes share.
pub(super) struct Shared {
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) limits: Arc<Limits>,
    pub(super) allowed_origins: Option<Vec<String>>,
    pub(super) paths: Option<Vec<String>>,
    pub(super) max_http_body: usize,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) capacity: Arc<Capacity>,
    pub(super) counters: Counters,
    refusing: AtomicBool,
    closing: watch::Sender<bool>,
    handshakes: Arc<Semaphore>,
    max_handshakes: u32,
}

impl Shared {
    /// Whether WebSockets are refused.
    pub(super) fn is_refusing(&self) -> bool {
        self.refusing.load(Relaxed)
    }

    /// Whether those that are open are told to go.
    pub(super) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }
}

/// A listening server. Dropping it frees the port; what is connected stays.
pub struct Server {
    shared: Arc<Shared>,
    local: SocketAddr,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Bind, and accept from then on.
    ///
    /// # Errors
    /// If the address cannot be bound, or the certificate not be used.
    pub fn listen(runtime: &Handle, settings: ServerSettings, handler: Arc<dyn Handler>) -> io::Result<Self> {
        let _within = runtime.enter();
        let listener = bind(&settings)?;
        let local = listener.local_addr()?;
        let shared = Self::share(settings, handler)?;
        let accepting = runtime.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, local, accepting: Mutex::new(Some(accepting)) })
    }

    /// Without a port: it serves the sockets that are given to [`serve`](Self::serve).
    ///
    /// # Errors
    /// If the certificate cannot be used.
    pub fn without_port(settings: ServerSettings, handler: Arc<dyn Handler>) -> io::Result<Self> {
        let shared = Self::share(settings, handler)?;
        Ok(Self { shared, local: NO_ADDRESS, accepting: Mutex::new(None) })
    }

    /// Serve a socket that somebody else has accepted, until it is a WebSocket, or answered. Within a
    /// tokio runtime.
    ///
    /// # Errors
    /// If the socket is no good.
    pub fn serve(&self, socket: std::net::TcpStream) -> io::Result<impl Future<Output = ()> + use<>> {
        socket.set_nonblocking(true)?;
        let stream = TcpStream::from_std(socket)?;
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        let shared = Arc::clone(&self.shared);
        Ok(async move {
            let Ok(permit) = Arc::clone(&shared.handshakes).acquire_owned().await else { return };
            serve(stream, peer, shared, permit).await;
        })
    }

    fn share(settings: ServerSettings, handler: Arc<dyn Handler>) -> io::Result<Arc<Shared>> {
        let max_handshakes = u32::try_from(settings.max_handshakes.max(1)).unwrap_or(u32::MAX);
        Ok(Arc::new(Shared {
            tls: settings.tls.as_ref().map(ServerTls::acceptor).transpose()?,
            limits: Arc::new(settings.limits),
            allowed_origins: settings.allowed_origins,
            paths: settings.paths,
            max_http_body: settings.max_http_body,
            handler,
            capacity: Capacity::new(settings.max_connections, settings.max_connections_per_address),
            counters: Counters::default(),
            refusing: AtomicBool::new(false),
            closing: watch::Sender::new(false),
            handshakes: Arc::new(Semaphore::new(max_handshakes as usize)),
            max_handshakes,
        }))
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Answer new WebSockets with 503 from now on. HTTP requests are still served: a health check
    /// can say that the server is about to stop.
    pub fn refuse(&self) {
        self.shared.refusing.store(true, Relaxed);
    }

    /// Free the port. WebSockets that are open stay; those that are about to be are refused.
    pub fn stop_accepting(&self) {
        self.refuse();
        if let Some(accepting) = self.take_accepting() {
            accepting.abort();
        }
    }

    fn take_accepting(&self) -> Option<JoinHandle<()>> {
        self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ready when no WebSocket is open: after [`refuse`](Self::refuse) or
    /// [`stop_accepting`](Self::stop_accepting), the end of the last call.
    pub async fn drained(&self) {
        self.shared.capacity.empty().await;
    }

    /// Free the port, close what is connected with 1001, and abort what has not ended after `grace`.
    /// When this is done, nothing of the server runs any more.
    pub async fn close(&self, grace: Duration) {
        self.refuse();
        if let Some(accepting) = self.take_accepting() {
            accepting.abort();
            let _aborted = accepting.await;
        }
        self.shared.closing.send_replace(true);
        for connection in self.connections() {
            connection.close(1001, "the server is going away");
        }
        if timeout(grace, self.ended()).await.is_err() {
            for connection in self.connections() {
                connection.abort();
            }
            self.ended().await;
        }
    }

    async fn ended(&self) {
        // Handshakes first: the last of them may open connections.
        let all = self.shared.handshakes.acquire_many(self.shared.max_handshakes).await;
        self.drained().await;
        drop(all);
    }

    /// The WebSockets that are open.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.capacity.connections()
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        let counters = &self.shared.counters;
        ServerStats {
            connections: self.shared.capacity.count(),
            accepted: counters.accepted.load(Relaxed),
            refused_full: counters.refused_full.load(Relaxed),
            refused_address: counters.refused_address.load(Relaxed),
            refused_origin: counters.refused_origin.load(Relaxed),
            refused_draining: counters.refused_draining.load(Relaxed),
            rejected: counters.rejected.load(Relaxed),
            failed_handshakes: counters.failed_handshakes.load(Relaxed),
            http_requests: counters.http_requests.load(Relaxed),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_accepting();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local).field("stats", &self.stats()).finish()
    }
}

fn bind(settings: &ServerSettings) -> io::Result<TcpListener> {
    let mut failure = None;
    for address in (settings.address.as_str(), settings.port).to_socket_addrs()? {
        match bind_one(address, settings.limits.socket_send_buffer) {
            Ok(listener) => return Ok(listener),
            Err(error) => {
                let explained = format!("cannot listen on {address}: {error}");
                failure = Some(io::Error::new(error.kind(), explained));
            }
        }
    }
    Err(failure.unwrap_or_else(|| {
        let explained = format!("{} has no address", settings.address);
        io::Error::new(io::ErrorKind::AddrNotAvailable, explained)
    }))
}

fn bind_one(address: SocketAddr, send_buffer: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(send_buffer)?; // those that are accepted inherit it
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // Before the accept: too many handshakes are a queue in the kernel, not sockets of ours.
        let Ok(permit) = Arc::clone(&shared.handshakes).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_peer(&error) => continue,
            Err(_out_of_descriptors) => {
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Without it, small messages would wait for the acknowledgement of earlier ones.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        tokio::spawn(serve(stream, peer, Arc::clone(&shared), permit));
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>, permit: OwnedSemaphorePermit) {
    let _permit = permit;
    let mut closing = shared.closing.subscribe();
    tokio::select! {
        () = handshake(stream, peer, Arc::clone(&shared)) => {}
        _ = closing.wait_for(|closing| *closing) => {}
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
