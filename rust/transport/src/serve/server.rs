//! A port with sessions behind it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::exposition::{Exposition, merge_expositions};
use super::front::{Entrance, Front, Hooks};
use super::handover;
use super::health::{Health, merge_health};
use super::loops::{Loops, SessionLoop};
use super::metrics::Metrics;
use super::overload::{Overload, OverloadLimits, Recent};
use super::session::Running;
use super::sessions::Sessions;
use super::siblings::{Kind, Siblings};
use crate::lateness::Lateness;
use crate::websocket::{Connection, Server, ServerSettings};

/// The loops are asked, and the output's lateness looked at, this often.
const TICK: Duration = Duration::from_millis(250);
/// Peers beyond the maximum that may be in the middle of being refused.
const SPARE_CONNECTIONS: usize = 256;

/// What a server of sessions is.
#[derive(Clone, Debug)]
pub struct SessionServerSettings {
    /// The port, and the bounds of each connection. Its `max_connections` is not used.
    pub port: ServerSettings,
    /// The most sessions at once: a hard maximum.
    pub max_sessions: usize,
    /// Above this, nobody new is let in.
    pub overload: OverloadLimits,
    /// The longest time for the hook to decide on a peer.
    pub authorize_timeout: Duration,
    /// When those that are refused for now may ask again.
    pub retry_after: Duration,
    /// For one of several processes that share a port: where they leave for each other what they
    /// have to say, and its name among them, which labels its metrics.
    pub siblings: Option<(PathBuf, String)>,
    /// Instead of listening: the Unix socket over which another process hands over what it has
    /// accepted, and this process's number there.
    pub handed_over: Option<(PathBuf, u32)>,
}

impl Default for SessionServerSettings {
    fn default() -> Self {
        Self {
            port: ServerSettings::default(),
            max_sessions: 100,
            overload: OverloadLimits::default(),
            authorize_timeout: Duration::from_secs(5),
            retry_after: Duration::from_secs(5),
            siblings: None,
            handed_over: None,
        }
    }
}

/// What the port, the sessions and the watch share.
pub(super) struct Shared {
    pub(super) sessions: Arc<Sessions>,
    pub(super) loops: Loops,
    pub(super) metrics: Arc<Metrics>,
    pub(super) running: Arc<Running>,
    pub(super) entrance: Entrance,
    pub(super) retry_after_secs: u64,
    limits: OverloadLimits,
    recent: Mutex<Recent>,
    overload: Mutex<Option<Overload>>,
    ids: AtomicU64,
    started: Instant,
    siblings: Option<Siblings>,
    port: OnceLock<Weak<Server>>,
}

impl Shared {
    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Relaxed) + 1
    }

    pub(super) fn overload(&self) -> Option<Overload> {
        *self.overload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tick(&self) {
        let now = Instant::now();
        self.entrance.sweep();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.look(Lateness::of_output(), now);
        let overload = recent.overload(&self.limits, self.loops.shortest_silence(now));
        drop(recent);
        *self.overload.lock().unwrap_or_else(PoisonError::into_inner) = overload;
        self.loops.ask(now);
    }

    pub(super) fn health(&self) -> Health {
        self.entrance.sweep();
        let now = Instant::now();
        let seats = self.loops.all();
        Health {
            sessions: self.sessions.taken(),
            max_sessions: self.sessions.max(),
            draining: self.sessions.is_draining(),
            overload: self.overload(),
            output_lateness_p99: self.recent.lock().unwrap_or_else(PoisonError::into_inner).p99(),
            loops: seats
                .iter()
                .map(|seat| (seat.sessions.load(Relaxed), seat.pulse.silent_for(now)))
                .collect(),
            uptime: self.started.elapsed(),
        }
    }

    fn metrics(&self) -> String {
        let label = self.siblings.as_ref().map(|siblings| format!("process=\"{}\"", siblings.process));
        let label = label.unwrap_or_default();
        let mut text = Exposition::new(&label);
        let health = self.health();
        text.single("pipecat_rs_sessions", "gauge", "Sessions that run.", health.sessions);
        text.single("pipecat_rs_sessions_maximum", "gauge", "The most there may be.", health.max_sessions);
        text.single(
            "pipecat_rs_ready",
            "gauge",
            "Whether a new session would be begun.",
            u8::from(health.is_ready()),
        );
        text.single("pipecat_rs_draining", "gauge", "Whether no more are begun.", u8::from(health.draining));
        text.single(
            "pipecat_rs_uptime_seconds",
            "gauge",
            "Since the server was made.",
            health.uptime.as_secs_f64(),
        );
        self.write_refusals(&mut text);
        let open: Vec<_> = self.running.connections().iter().map(Connection::stats).collect();
        self.metrics.write(&mut text, &open);
        let name = "pipecat_rs_output_lateness_seconds";
        text.family(name, "histogram", "How late chunks of audio were written.");
        text.lateness(name, "", &Lateness::of_output().counts());
        self.loops.write(&mut text);
        write_process(&mut text);
        text.finish()
    }

    fn write_refusals(&self, text: &mut Exposition) {
        let name = "pipecat_rs_sessions_refused_total";
        text.family(name, "counter", "Peers that were not let in, by reason.");
        let mut ours = 0;
        for (reason, count) in self.metrics.refusals() {
            ours += count;
            text.sample(name, &format!("reason=\"{reason}\""), count);
        }
        let port = self.port.get().and_then(Weak::upgrade).map(|port| port.stats()).unwrap_or_default();
        for (reason, count) in [
            ("address", port.refused_address),
            ("origin", port.refused_origin),
            ("busy", port.refused_full),
            // The port counts what its handler refused among these.
            ("malformed", port.rejected.saturating_sub(ours)),
            ("handshake", port.failed_handshakes),
        ] {
            text.sample(name, &format!("reason=\"{reason}\""), count);
        }
    }

    /// Those of all processes that share the port.
    pub(super) fn all_metrics(&self) -> String {
        let own = self.metrics();
        let Some(siblings) = &self.siblings else { return own };
        let all = siblings.gather(Kind::Metrics, own);
        merge_expositions(all.iter().map(|(_, text)| text.as_str()))
    }

    /// As JSON, of all processes that share the port, and whether a new session would be begun.
    pub(super) fn all_health(&self) -> (bool, String) {
        let health = self.health();
        match &self.siblings {
            None => (health.is_ready(), health.json()),
            Some(siblings) => merge_health(&siblings.gather(Kind::Health, health.json())),
        }
    }

    fn tell_siblings(&self) {
        if let Some(siblings) = &self.siblings {
            siblings.leave(Kind::Metrics, &self.metrics());
            siblings.leave(Kind::Health, &self.health().json());
        }
    }
}

/// What the system says of the process.
fn write_process(text: &mut Exposition) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    if let Some(kib) = field("VmRSS:") {
        let help = "Resident memory.";
        text.single("process_resident_memory_bytes", "gauge", help, kib * 1024);
    }
    if let Some(threads) = field("Threads:") {
        text.single("process_threads", "gauge", "Threads.", threads);
    }
    if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
        // Without the one that this looks with.
        let open = descriptors.count().saturating_sub(1);
        text.single("process_open_fds", "gauge", "Open file descriptors.", open);
    }
}

/// A port, and a bot for each peer that is let in.
pub struct SessionServer {
    shared: Arc<Shared>,
    port: Arc<Server>,
    tasks: Vec<JoinHandle<()>>,
}

impl SessionServer {
    /// Bind, and let peers in once there is a loop.
    ///
    /// # Errors
    /// If the address cannot be bound, or the certificate not be used.
    pub fn listen(
        runtime: &Handle,
        settings: SessionServerSettings,
        hooks: Box<dyn Hooks>,
    ) -> io::Result<Self> {
        let now = Instant::now();
        let shared = Arc::new(Shared {
            sessions: Sessions::new(settings.max_sessions),
            loops: Loops::default(),
            metrics: Arc::default(),
            running: Arc::default(),
            entrance: Entrance::default(),
            retry_after_secs: settings.retry_after.as_secs().max(1),
            limits: settings.overload,
            recent: Mutex::new(Recent::new(Lateness::of_output(), now)),
            overload: Mutex::new(None),
            ids: AtomicU64::new(0),
            started: now,
            siblings: settings.siblings.map(|(folder, process)| Siblings { folder, process }),
            port: OnceLock::new(),
        });
        let patience = settings.authorize_timeout.min(settings.port.limits.handshake_timeout);
        let front = Front { shared: Arc::clone(&shared), hooks, patience };
        let max_connections = settings.max_sessions.saturating_add(SPARE_CONNECTIONS);
        let port = ServerSettings { max_connections, ..settings.port };
        let mut tasks = Vec::new();
        let port = match settings.handed_over {
            None => Arc::new(Server::listen(runtime, port, Arc::new(front))?),
            Some((path, number)) => {
                let _within = runtime.enter();
                let port = Arc::new(Server::without_port(port, Arc::new(front))?);
                let control = handover::connect(&path, number)?;
                let (followed, known) = (Arc::clone(&port), Arc::clone(&shared));
                tasks.push(runtime.spawn(async move {
                    handover::follow(control, followed, Arc::clone(&known)).await;
                    known.sessions.drain(); // nobody hands over any more
                }));
                port
            }
        };
        // Set once: nobody else has the shared state yet that could have.
        let _ = shared.port.set(Arc::downgrade(&port));
        tasks.push(runtime.spawn(watch(Arc::downgrade(&shared))));
        Ok(Self { shared, port, tasks })
    }

    /// The port itself.
    #[must_use]
    pub fn port(&self) -> &Arc<Server> {
        &self.port
    }

    /// Let a loop run sessions. The number that is returned names it.
    pub fn add_loop(&self, event_loop: Box<dyn SessionLoop>) -> usize {
        self.shared.loops.add(event_loop)
    }

    /// Give a loop no more sessions. What it runs stays.
    pub fn remove_loop(&self, number: usize) {
        self.shared.loops.remove(number);
    }

    /// Begin no more sessions. The port stays open, so that `/health` can say so.
    pub fn drain(&self) {
        self.shared.sessions.drain();
    }

    /// Ready when no session runs.
    pub async fn drained(&self) {
        self.shared.sessions.empty().await;
    }

    /// Free the port and close what is connected, for `grace` politely. Bots see their connection
    /// close; waiting for them is [`drained`](Self::drained).
    pub async fn close(&self, grace: Duration) {
        self.drain();
        self.tasks.iter().for_each(JoinHandle::abort);
        self.port.close(grace).await;
        self.shared.entrance.sweep();
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Prometheus' text: of all processes that share the port.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.shared.all_metrics()
    }

    /// Sessions begun so far, those refused by reason, and what became of the bots of the others.
    #[must_use]
    pub fn totals(&self) -> Vec<(&'static str, u64)> {
        use super::session::Outcome;
        let metrics = &self.shared.metrics;
        let finished = Outcome::ALL.map(|outcome| (outcome.name(), metrics.total_finished(outcome)));
        let started = [("started", metrics.total_started())];
        let refused = metrics.refusals().map(|(reason, count)| match reason {
            "full" => ("refused_full", count),
            "draining" => ("refused_draining", count),
            "overloaded" => ("refused_overloaded", count),
            _ => ("refused_unauthorized", count),
        });
        started.into_iter().chain(finished).chain(refused).collect()
    }
}

impl Drop for SessionServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl fmt::Debug for SessionServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionServer").field("port", &self.port).field("health", &self.health()).finish()
    }
}

async fn watch(shared: Weak<Shared>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 0_u32.. {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.tick();
        if tick.is_multiple_of(4) {
            shared.tell_siblings();
        }
    }
}
