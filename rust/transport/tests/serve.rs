//! A server of sessions over real sockets, with loops that are lists.

#![expect(clippy::unwrap_used, reason = "what helps a test is one")]

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pipecat_rs_transport::Lateness;
use pipecat_rs_transport::serve::{
    Hooks, Outcome, Overload, OverloadLimits, Pulse, Session, SessionLoop, SessionServer,
    SessionServerSettings, Verdict,
};
use pipecat_rs_transport::websocket::{BoxFuture, ClientTls, Connection, Request, Response, connect};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Lets everybody in who does not ask for `/no`.
struct Open;

impl Hooks for Open {
    fn authorize(&self, request: Arc<Request>) -> BoxFuture<'_, Verdict> {
        Box::pin(async move {
            match request.path() {
                "/no" => Verdict::Refuse(Response::text(403, "no\n")),
                _ => Verdict::Admit { subprotocol: None, claims: Some(Box::new(7_u32)) },
            }
        })
    }

    fn http(&self, _request: Request) -> BoxFuture<'_, Option<Response>> {
        Box::pin(std::future::ready(None))
    }
}

/// A loop that keeps its sessions, and answers unless it is blocked.
#[derive(Clone, Default)]
struct List {
    sessions: Arc<Mutex<Vec<Session>>>,
    blocked: Arc<AtomicBool>,
}

impl List {
    fn count(&self) -> usize {
        self.sessions.lock().unwrap().len()
    }
}

impl SessionLoop for List {
    fn take(&self, session: Session) {
        self.sessions.lock().unwrap().push(session);
    }

    fn ask(&self, pulse: Arc<Pulse>) {
        if !self.blocked.load(SeqCst) {
            pulse.answer(Instant::now());
        }
    }
}

fn server(max_sessions: usize, overload: OverloadLimits) -> SessionServer {
    let settings = SessionServerSettings { max_sessions, overload, ..SessionServerSettings::default() };
    SessionServer::listen(&Handle::current(), settings, Box::new(Open)).unwrap()
}

const UNLIMITED: OverloadLimits = OverloadLimits { output_lateness: None, loop_delay: None };

async fn call(server: &SessionServer, path: &str) -> Result<Connection, String> {
    let url = format!("ws://{}{path}", server.port().local_addr());
    connect(&url, &[], &[], Arc::default(), &ClientTls::WebPki).await.map_err(|error| error.to_string())
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(timeout(Duration::from_secs(10), wait).await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_as_there_may_be_are_let_in_and_spread_evenly() {
    let server = Arc::new(server(10, UNLIMITED));
    let loops = [List::default(), List::default()];
    for each in &loops {
        server.add_loop(Box::new(each.clone()));
    }
    let mut calls = JoinSet::new();
    for _ in 0..60 {
        let server = Arc::clone(&server);
        calls.spawn(async move { call(&server, "/").await });
    }
    let results = calls.join_all().await;
    let open: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(open.len(), 10);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|why| why.contains("full")));
    until("the loops share them", || loops.iter().map(List::count).sum::<usize>() == 10).await;
    assert_eq!(loops.each_ref().map(List::count), [5, 5]);
    assert_eq!(server.health().status(), "full");

    let claims = loops[0].sessions.lock().unwrap()[0].claims.lock().unwrap().take();
    assert_eq!(claims.unwrap().downcast_ref::<u32>(), Some(&7));

    // A place is free when the bot has ended, whatever became of the connection.
    let session = loops[0].sessions.lock().unwrap().pop().unwrap();
    assert!(call(&server, "/").await.unwrap_err().contains("full"));
    session.finish(Outcome::Completed);
    assert!(call(&server, "/").await.is_ok());
    until("it went to the loop with fewer", || loops[0].count() == 5).await;

    server.drain();
    assert!(call(&server, "/").await.unwrap_err().contains("takes no more"));
    for each in &loops {
        each.sessions.lock().unwrap().clear();
    }
    timeout(Duration::from_secs(5), server.drained()).await.unwrap();
    server.close(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn whom_the_hook_refuses_takes_no_place() {
    let server = server(1, UNLIMITED);
    server.add_loop(Box::new(List::default()));
    for _ in 0..3 {
        assert!(call(&server, "/no").await.unwrap_err().contains("403"));
    }
    assert_eq!(server.health().sessions, 0);
    assert!(call(&server, "/").await.is_ok());
    server.close(Duration::ZERO).await;
}

#[tokio::test]
async fn a_loop_that_does_not_answer_gets_no_session_while_another_does() {
    let server = server(100, UNLIMITED);
    let (blocked, free) = (List::default(), List::default());
    blocked.blocked.store(true, SeqCst);
    server.add_loop(Box::new(blocked.clone()));
    server.add_loop(Box::new(free.clone()));
    let silent = || server.health().loops[0].1 > Duration::from_millis(100);
    until("the blocked loop is silent", silent).await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        calls.push(call(&server, "/").await.unwrap());
    }
    until("all are there", || free.count() == 4).await;
    assert_eq!(blocked.count(), 0);
    server.close(Duration::ZERO).await;
}

#[tokio::test]
async fn nobody_is_let_in_while_what_is_served_is_late() {
    let server = server(100, OverloadLimits { loop_delay: None, ..OverloadLimits::default() });
    server.add_loop(Box::new(List::default()));
    let first = call(&server, "/").await.unwrap();
    // As if 300 chunks had been written 60 ms late.
    (0..300).for_each(|_| Lateness::of_output().record(Duration::from_millis(60)));
    until("it is overloaded", || server.health().overload.is_some()).await;
    assert!(
        matches!(server.health().overload, Some(Overload::Output(late)) if late > Duration::from_millis(50))
    );
    assert!(call(&server, "/").await.unwrap_err().contains("overloaded"));
    assert!(first.is_open(), "who is there stays");
    assert!(server.metrics().contains("sessions_refused_total{reason=\"overloaded\"} 1"));
    server.close(Duration::ZERO).await;
}
