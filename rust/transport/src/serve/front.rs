//! The port's side: who is let in, and what is answered without Python.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::timeout;

use super::metrics::Refused;
use super::server::Shared;
use super::session::{Session, Share};
use super::sessions::{NoPlace, Place};
use crate::websocket::{Admission, BoxFuture, Connection, Handler, Request, Response};

/// What a hook says of a peer.
pub enum Verdict {
    /// It may come in.
    Admit {
        /// One of those that it offered.
        subprotocol: Option<String>,
        /// What its session is told of it.
        claims: Option<Box<dyn Any + Send>>,
    },
    /// It is answered instead.
    Refuse(Response),
}

/// What the owner of a server decides. Called on the runtime's threads: nothing here may block.
pub trait Hooks: Send + Sync + 'static {
    /// Whether a peer may come in, if there is a place. It is not asked if there is none.
    ///
    /// The request must not be kept when the future is over: the place is held until it is gone.
    fn authorize(&self, request: Arc<Request>) -> BoxFuture<'_, Verdict>;

    /// The answer to an HTTP request that is not about the server itself. `None`: 404.
    fn http(&self, request: Request) -> BoxFuture<'_, Option<Response>>;
}

/// A peer that was let in, and whose connection is about to open, if it does not go away.
struct Admitted {
    request: Weak<Request>,
    place: Place,
    claims: Option<Box<dyn Any + Send>>,
}

/// Those that are on their way in.
#[derive(Default)]
pub(super) struct Entrance(Mutex<Vec<Admitted>>);

impl Entrance {
    fn table(&self) -> MutexGuard<'_, Vec<Admitted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Free the places of those that went away.
    pub(super) fn sweep(&self) {
        self.table().retain(|admitted| admitted.request.strong_count() > 0);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.table().len()
    }

    fn take(&self, request: &Arc<Request>) -> Option<Admitted> {
        let mut table = self.table();
        let index = table.iter().position(|one| std::ptr::eq(one.request.as_ptr(), Arc::as_ptr(request)))?;
        Some(table.swap_remove(index))
    }
}

/// What answers at the port.
pub(super) struct Front {
    pub(super) shared: Arc<Shared>,
    pub(super) hooks: Box<dyn Hooks>,
    pub(super) patience: Duration,
}

impl Front {
    fn refuse(&self, why: Refused) -> Admission {
        self.shared.metrics.refused(why);
        let words = match why {
            Refused::Full => "the server is full\n",
            Refused::Draining => "the server takes no more sessions\n",
            Refused::Overloaded => "the server is overloaded\n",
            Refused::Unauthorized => "the server did not decide in time\n",
        };
        let mut response = Response::text(503, words);
        response.headers.push(("retry-after".to_owned(), self.shared.retry_after_secs.to_string()));
        Admission::Reject(response)
    }

    /// Whether it is worth while to ask the hook.
    fn look(&self) -> Result<(), Refused> {
        self.shared.entrance.sweep();
        self.shared.sessions.look().map_err(reason)?;
        if self.shared.overload().is_some() {
            return Err(Refused::Overloaded);
        }
        Ok(())
    }

    async fn decide(&self, request: Arc<Request>) -> Admission {
        if let Err(why) = self.look() {
            return self.refuse(why);
        }
        let (subprotocol, claims) =
            match timeout(self.patience, self.hooks.authorize(Arc::clone(&request))).await {
                Ok(Verdict::Admit { subprotocol, claims }) => (subprotocol, claims),
                Ok(Verdict::Refuse(response)) => {
                    self.shared.metrics.refused(Refused::Unauthorized);
                    return Admission::Reject(response);
                }
                Err(_) => return self.refuse(Refused::Unauthorized),
            };
        match self.shared.sessions.take() {
            Ok(place) => {
                let request = Arc::downgrade(&request);
                self.shared.entrance.table().push(Admitted { request, place, claims });
                Admission::Accept { subprotocol }
            }
            Err(none) => self.refuse(reason(none)),
        }
    }
}

fn reason(none: NoPlace) -> Refused {
    match none {
        NoPlace::Full => Refused::Full,
        NoPlace::Draining => Refused::Draining,
    }
}

impl Handler for Front {
    fn admit(&self, request: Arc<Request>) -> BoxFuture<'_, Admission> {
        Box::pin(self.decide(request))
    }

    fn connected(&self, connection: Connection) {
        let shared = &self.shared;
        let Some(admitted) = shared.entrance.take(connection.request()) else {
            return connection.close(1011, "this connection was not admitted");
        };
        let Some(seat) = shared.loops.choose(Instant::now()) else {
            return connection.close(1013, "no event loop runs sessions");
        };
        let share = Share {
            place: admitted.place,
            seat: Arc::clone(&seat),
            metrics: Arc::clone(&shared.metrics),
            running: Arc::clone(&shared.running),
        };
        let session = Session::begin(shared.next_id(), connection, admitted.claims, share);
        seat.event_loop.take(session);
    }

    fn http(&self, request: Request) -> BoxFuture<'_, Option<Response>> {
        if matches!(request.method.as_str(), "GET" | "HEAD")
            && let Some(response) = self.about_itself(request.path())
        {
            return Box::pin(std::future::ready(Some(response)));
        }
        self.hooks.http(request)
    }
}

impl Front {
    fn about_itself(&self, path: &str) -> Option<Response> {
        match path {
            "/health" => Some(typed(200, "application/json", self.shared.all_health().1)),
            "/ready" => {
                let (ready, health) = self.shared.all_health();
                Some(typed(if ready { 200 } else { 503 }, "application/json", health))
            }
            "/metrics" => {
                Some(typed(200, "text/plain; version=0.0.4; charset=utf-8", self.shared.all_metrics()))
            }
            _ => None,
        }
    }
}

fn typed(status: u16, kind: &str, body: String) -> Response {
    let headers = vec![
        ("content-type".to_owned(), kind.to_owned()),
        ("cache-control".to_owned(), "no-store".to_owned()),
    ];
    Response { status, headers, body: Bytes::from(body) }
}

#[cfg(test)]
mod tests {
    use super::super::sessions::Sessions;
    use super::*;

    #[test]
    fn a_peer_that_goes_away_before_its_connection_opens_leaves_its_place() {
        let (sessions, entrance) = (Sessions::new(2), Entrance::default());
        let requests = [Arc::new(request()), Arc::new(request())];
        for request in &requests {
            let place = sessions.take().unwrap_or_else(|_| panic!("there are two places"));
            let request = Arc::downgrade(request);
            entrance.table().push(Admitted { request, place, claims: None });
        }
        let [first, second] = requests;
        drop(first);
        entrance.sweep();
        assert_eq!((sessions.taken(), entrance.count()), (1, 1));
        let admitted = entrance.take(&second);
        entrance.sweep();
        assert_eq!((sessions.taken(), entrance.count()), (1, 0));
        drop(admitted);
        assert_eq!(sessions.taken(), 0);
    }

    fn request() -> Request {
        Request {
            peer: ([127, 0, 0, 1], 1).into(),
            method: "GET".to_owned(),
            target: "/".to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }
}
