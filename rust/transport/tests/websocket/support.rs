//! Both ends of a conversation, and a peer that writes what it likes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pipecat_rs_transport::websocket::{
    Admission, BoxFuture, ClientTls, Closed, Connection, Handler, Limits, Receiver, Request, Response, Role,
    Server, ServerSettings, connect,
};
use pipecat_rs_wire::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a receiver was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message(Message),
    Closed(Closed),
}

/// A receiver that passes on what it is told.
pub(crate) struct Recorder(UnboundedSender<Event>);

impl Receiver for Recorder {
    fn message(&self, message: Message) {
        let _nobody_looks = self.0.send(Event::Message(message));
    }

    fn closed(&self, closed: Closed) {
        let _nobody_looks = self.0.send(Event::Closed(closed));
    }
}

/// A connection and what came over it.
pub(crate) struct End {
    pub(crate) connection: Connection,
    events: UnboundedReceiver<Event>,
}

impl End {
    /// Receive from a connection.
    pub(crate) fn of(connection: Connection) -> Self {
        let (sender, events) = unbounded_channel();
        connection.receive(Arc::new(Recorder(sender)));
        Self { connection, events }
    }

    pub(crate) async fn event(&mut self) -> Event {
        self.events.recv().await.expect("an event is told before the connection is gone")
    }

    pub(crate) async fn message(&mut self) -> Message {
        match self.event().await {
            Event::Message(message) => message,
            Event::Closed(closed) => panic!("closed instead of a message: {closed:?}"),
        }
    }

    /// The end, and that nothing follows it.
    pub(crate) async fn closed(&mut self) -> Closed {
        loop {
            if let Event::Closed(closed) = self.event().await {
                assert!(!self.connection.is_open());
                assert_eq!(self.events.recv().await, None, "the end is told once, and last");
                return closed;
            }
        }
    }
}

/// Sends back what it gets.
pub(crate) struct Echo(pub(crate) Connection);

impl Receiver for Echo {
    fn message(&self, message: Message) {
        self.0.send(message).expect("an echo has room for what it was sent");
    }

    fn closed(&self, _closed: Closed) {}
}

type Admit = dyn Fn(Arc<Request>) -> BoxFuture<'static, Admission> + Send + Sync;

/// A handler that hands on the connections.
pub(crate) struct Host {
    connections: UnboundedSender<Connection>,
    admit: Box<Admit>,
}

impl Handler for Host {
    fn admit(&self, request: Arc<Request>) -> BoxFuture<'_, Admission> {
        (self.admit)(request)
    }

    fn connected(&self, connection: Connection) {
        let _nobody_looks = self.connections.send(connection);
    }

    fn http(&self, request: Request) -> BoxFuture<'_, Option<Response>> {
        Box::pin(async move {
            match request.path() {
                "/health" => Some(Response::text(200, "well\n")),
                "/echo" => Some(Response { status: 201, headers: Vec::new(), body: request.body }),
                "/broken" => Some(Response::text(99, "no such status")),
                _ => None,
            }
        })
    }
}

/// A server and the connections that it has accepted.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) accepted: UnboundedReceiver<Connection>,
}

impl Site {
    pub(crate) fn new(settings: ServerSettings) -> Self {
        let accept = |_| -> BoxFuture<'static, Admission> {
            Box::pin(std::future::ready(Admission::Accept { subprotocol: None }))
        };
        Self::admitting(settings, Box::new(accept))
    }

    pub(crate) fn admitting(settings: ServerSettings, admit: Box<Admit>) -> Self {
        let (connections, accepted) = unbounded_channel();
        let host = Arc::new(Host { connections, admit });
        let server = Server::listen(&Handle::current(), settings, host).unwrap();
        Self { server, accepted }
    }

    /// What happens if it cannot listen.
    pub(crate) fn try_new(settings: ServerSettings) -> std::io::Result<Server> {
        let (connections, _) = unbounded_channel();
        let admit: Box<Admit> = Box::new(|_| Box::pin(std::future::pending()));
        Server::listen(&Handle::current(), settings, Arc::new(Host { connections, admit }))
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self::new(ServerSettings { limits, ..ServerSettings::default() })
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/call?id=7", self.server.local_addr())
    }

    pub(crate) async fn accept(&mut self) -> Connection {
        self.accepted.recv().await.expect("the server is there")
    }

    /// The server's side and a raw peer.
    pub(crate) async fn raw(&mut self) -> (End, Raw) {
        let raw = Raw::connect(self.server.local_addr()).await;
        (End::of(self.accept().await), raw)
    }

    /// The server's side and a client's.
    pub(crate) async fn pair(&mut self) -> (End, End) {
        let client = client(&self.url()).await;
        (End::of(self.accept().await), End::of(client))
    }
}

pub(crate) async fn client(url: &str) -> Connection {
    connect(url, &[], &[], Arc::default(), &ClientTls::WebPki).await.unwrap()
}

/// A frame as a client sends it: masked, with a mask that changes nothing.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len());
    frame.extend_from_slice(payload);
    frame
}

/// The header of such a frame.
pub(crate) fn header(first: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..126 => header.push(0x80 | length as u8),
        126..65_536 => {
            header.push(0x80 | 126);
            header.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    header.extend_from_slice(&[0; 4]);
    header
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;

/// A peer without a WebSocket library.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

pub(crate) fn upgrade(path: &str, extra: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extra}\r\n"
    )
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut raw = Self { stream: TcpStream::connect(address).await.unwrap() };
        raw.write(upgrade("/raw", "").as_bytes()).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// A response's head.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// The next frame's first byte and payload.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        let first = self.stream.read_u8().await.unwrap();
        let length = match self.stream.read_u8().await.unwrap() {
            126 => u64::from(self.stream.read_u16().await.unwrap()),
            127 => self.stream.read_u64().await.unwrap(),
            length => u64::from(length),
        };
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await.unwrap();
        (first, payload)
    }

    /// The code and reason of the close frame that comes next.
    pub(crate) async fn goodbye(&mut self) -> (u16, String) {
        let (first, payload) = self.frame().await;
        assert_eq!(first, CLOSE);
        let (code, reason) = payload.split_first_chunk().unwrap();
        (u16::from_be_bytes(*code), String::from_utf8(reason.to_vec()).unwrap())
    }

    /// Whether the other side has hung up, and not reset, with nothing more to say.
    pub(crate) async fn at_end(&mut self) -> bool {
        self.stream.read(&mut [0]).await.unwrap() == 0
    }
}

/// One HTTP exchange: the whole answer.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(crate) fn request() -> Arc<Request> {
    Arc::new(Request {
        peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
        method: "GET".to_owned(),
        target: "/".to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
    })
}

/// A server's connection over a pipe of `bytes`, for tests in paused time.
pub(crate) async fn piped(limits: Limits, bytes: usize) -> (Connection, DuplexStream) {
    let (near, far) = duplex(bytes);
    (Connection::over(near, Role::Server, request(), None, Arc::new(limits)).await, far)
}

pub(crate) fn binary(bytes: impl Into<Bytes>) -> Message {
    Message::Binary(bytes.into())
}

pub(crate) fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

pub(crate) const SOON: Duration = Duration::from_secs(10);
