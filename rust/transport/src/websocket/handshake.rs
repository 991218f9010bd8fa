//! From an accepted socket to a WebSocket or an HTTP answer: one request for each socket.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request as HttpRequest, Response as HttpResponse, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::capacity::{Refused, Slot};
use super::connection::Connection;
use super::driver::config;
use super::request::{Admission, Request, Response};
use super::server::Shared;
use super::stream::Stream;

type Answer = HttpResponse<Full<Bytes>>;

/// A WebSocket that was granted, and waits for its socket.
struct Granted {
    upgrade: OnUpgrade,
    request: Arc<Request>,
    subprotocol: Option<String>,
    slot: Slot,
}

/// Serve one socket until it is a WebSocket, or answered.
pub(super) async fn handshake(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    let patience = shared.limits.handshake_timeout;
    let stream = match &shared.tls {
        None => Stream::from(stream),
        Some(acceptor) => match timeout(patience, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Stream::from(stream),
            _ => {
                shared.counters.failed_handshakes.fetch_add(1, Relaxed);
                return;
            }
        },
    };

    let granted: Mutex<Option<Granted>> = Mutex::new(None);
    let service = service_fn(|request| {
        let (shared, granted) = (&shared, &granted);
        async move { Ok::<_, Infallible>(answer(request, peer, shared, granted).await) }
    });
    let serve = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(shared.limits.max_header_bytes.max(8 << 10))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // Headers, decision and answer have this long each.
    if !matches!(timeout(patience * 3, serve).await, Ok(Ok(()))) {
        shared.counters.failed_handshakes.fetch_add(1, Relaxed);
        return;
    }
    let granted = granted.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(granted) = granted {
        open(granted, &shared).await;
    }
}

/// Make the connection, now that the socket is free of HTTP.
async fn open(granted: Granted, shared: &Arc<Shared>) {
    let Ok(upgraded) = granted.upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else { return };
    let limits = Arc::clone(&shared.limits);
    let socket = WebSocketStream::from_partially_read(
        parts.io.into_inner(),
        parts.read_buf.to_vec(),
        Role::Server,
        Some(config(&limits)),
    );
    let socket = socket.await;
    let connection =
        Connection::start(socket, granted.request, granted.subprotocol, limits, Some(granted.slot));
    shared.counters.accepted.fetch_add(1, Relaxed);
    if shared.is_closing() {
        connection.close(1001, "the server is going away");
    }
    shared.handler.connected(connection);
}

async fn answer(
    request: HttpRequest<Incoming>,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    granted: &Mutex<Option<Granted>>,
) -> Answer {
    let decided = if wants_websocket(request.headers()) {
        websocket(request, peer, shared, granted).await
    } else {
        http(request, peer, shared).await.map(|response| answer_of(&response))
    };
    decided.unwrap_or_else(|refusal| answer_of(&refusal))
}

async fn websocket(
    mut request: HttpRequest<Incoming>,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    granted: &Mutex<Option<Granted>>,
) -> Result<Answer, Response> {
    let counters = &shared.counters;
    let refuse = |counter: &std::sync::atomic::AtomicU64, status, why: &str| {
        counter.fetch_add(1, Relaxed);
        Err(Response::text(status, why))
    };
    if shared.is_refusing() {
        return refuse(&counters.refused_draining, 503, "the server takes no more connections\n");
    }
    if let (Some(allowed), Some(origin)) = (&shared.allowed_origins, request.headers().get(ORIGIN)) {
        let known = allowed.iter().any(|one| one.as_bytes().eq_ignore_ascii_case(origin.as_bytes()));
        if !known {
            return refuse(&counters.refused_origin, 403, "this origin is not allowed\n");
        }
    }
    if let Some(paths) = &shared.paths
        && !paths.iter().any(|path| path == request.uri().path())
    {
        return refuse(&counters.rejected, 404, "there is no WebSocket here\n");
    }
    let mut response = match create_response_with_body(&request, || Full::new(Bytes::new())) {
        Ok(response) => response,
        Err(error) => {
            let mut refusal = Response::text(400, format!("not a WebSocket handshake: {error}\n"));
            refusal.headers.push(("sec-websocket-version".to_owned(), "13".to_owned()));
            counters.rejected.fetch_add(1, Relaxed);
            return Err(refusal);
        }
    };
    let slot = match shared.capacity.take(peer.ip()) {
        Ok(slot) => slot,
        Err(Refused::Full) => return refuse(&counters.refused_full, 503, "the server is full\n"),
        Err(Refused::Address) => {
            return refuse(&counters.refused_address, 429, "too many connections from this address\n");
        }
    };

    let asked = Arc::new(read(&request, peer, Bytes::new()));
    let decision = timeout(shared.limits.handshake_timeout, shared.handler.admit(Arc::clone(&asked))).await;
    let subprotocol = match decision {
        Ok(Admission::Accept { subprotocol }) => subprotocol,
        Ok(Admission::Reject(refusal)) => {
            counters.rejected.fetch_add(1, Relaxed);
            return Err(refusal);
        }
        Err(_) => return refuse(&counters.rejected, 503, "the server did not decide in time\n"),
    };
    let subprotocol = subprotocol.filter(|name| asked.subprotocols().any(|offered| offered == name));
    if let Some(value) = subprotocol.as_deref().and_then(|name| HeaderValue::from_str(name).ok()) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let grant = Granted { upgrade, request: asked, subprotocol, slot };
    *granted.lock().unwrap_or_else(PoisonError::into_inner) = Some(grant);
    Ok(response)
}

async fn http(
    request: HttpRequest<Incoming>,
    peer: SocketAddr,
    shared: &Arc<Shared>,
) -> Result<Response, Response> {
    shared.counters.http_requests.fetch_add(1, Relaxed);
    let patience = shared.limits.handshake_timeout;
    let (parts, body) = request.into_parts();
    let body = match timeout(patience, Limited::new(body, shared.max_http_body).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let most = shared.max_http_body;
            return Err(Response::text(413, format!("the body is longer than {most} bytes\n")));
        }
        Ok(Err(_)) => return Err(Response::text(400, "the body cannot be read\n")),
        Err(_) => return Err(Response::text(408, "the body did not come in time\n")),
    };
    let asked = read(&HttpRequest::from_parts(parts, ()), peer, body);
    match timeout(patience, shared.handler.http(asked)).await {
        Ok(Some(response)) => Ok(response),
        Ok(None) => Err(Response::text(404, "there is nothing here\n")),
        Err(_) => Err(Response::text(503, "the server did not answer in time\n")),
    }
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    let has = |name: HeaderName, token: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    has(UPGRADE, "websocket") && has(CONNECTION, "upgrade")
}

fn read<B>(request: &HttpRequest<B>, peer: SocketAddr, body: Bytes) -> Request {
    let target = request.uri().path_and_query().map_or("/", |path| path.as_str());
    Request {
        peer,
        method: request.method().to_string(),
        target: target.to_owned(),
        headers: texts(request.headers()),
        body,
    }
}

/// Headers as text; what is not UTF-8 in them is replaced.
pub(super) fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// A response with a status or header that cannot be sent is a fault of ours, and said to be one.
fn answer_of(response: &Response) -> Answer {
    let build = || {
        let status = StatusCode::from_u16(response.status).ok().filter(|status| status.as_u16() >= 200)?;
        let mut answer = HttpResponse::new(Full::new(response.body.clone()));
        *answer.status_mut() = status;
        for (name, value) in &response.headers {
            let name = HeaderName::try_from(name.as_str()).ok()?;
            answer.headers_mut().append(name, HeaderValue::try_from(value.as_str()).ok()?);
        }
        Some(answer)
    };
    let mut answer = build().unwrap_or_else(|| {
        let mut answer =
            HttpResponse::new(Full::new(Bytes::from_static(b"a response that cannot be sent\n")));
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        answer
    });
    // One request: what a socket costs has an end.
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
