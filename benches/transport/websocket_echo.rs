//! What does a message of 20 ms cost a server that sends it back, and how long is it on its way?
//!
//! The callers are another process. A CPU time is that of the server's process for a message that it
//! receives and sends: user and system, as the scheduler accounts it. "paced" callers send 50 messages
//! a second, as calls do; "at once" each sends the next one when the last has come back.

#![expect(clippy::print_stdout, reason = "a table is what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pipecat_rs_transport::runtime;
use pipecat_rs_transport::websocket::{
    Admission, BoxFuture, ClientTls, Closed, Connection, Handler, Limits, Receiver, Request, Response,
    Server, ServerSettings, connect,
};
use pipecat_rs_wire::Message;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// 320 samples of 16 bits: 20 ms at 16 kHz.
const BYTES: usize = 640;
const CHUNK: Duration = Duration::from_millis(20);
const LASTS: Duration = Duration::from_secs(4);

struct Echo(Connection);

impl Receiver for Echo {
    fn message(&self, message: Message) {
        let _closed = self.0.send(message);
    }

    fn closed(&self, _closed: Closed) {}
}

struct Host;

impl Handler for Host {
    fn admit(&self, _request: Arc<Request>) -> BoxFuture<'_, Admission> {
        Box::pin(std::future::ready(Admission::Accept { subprotocol: None }))
    }

    fn connected(&self, connection: Connection) {
        connection.receive(Arc::new(Echo(connection.clone())));
    }

    fn http(&self, _request: Request) -> BoxFuture<'_, Option<Response>> {
        Box::pin(std::future::ready(None))
    }
}

struct Ear(UnboundedSender<()>);

impl Receiver for Ear {
    fn message(&self, _message: Message) {
        let _over = self.0.send(());
    }

    fn closed(&self, _closed: Closed) {}
}

/// Those who go as fast as they can are welcome here.
fn limits() -> Limits {
    Limits { max_messages_per_second: None, ..Limits::default() }
}

/// CPU time of this process's threads, in ns.
fn cpu() -> u64 {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let times = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok());
    times.map(|line| line.split(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Memory of this process, in KiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One call: its round trips in µs.
async fn call(url: String, index: u32, calls: u32, paced: bool) -> Vec<u32> {
    let connection = connect(&url, &[], &[], Arc::new(limits()), &ClientTls::WebPki).await.unwrap();
    let (sender, mut back) = unbounded_channel();
    connection.receive(Arc::new(Ear(sender)));
    let samples = Bytes::from(vec![1; BYTES]);
    // Calls do not begin in step.
    let mut due = Instant::now() + Duration::from_millis(500) + CHUNK * index / calls;
    sleep_until(due).await;
    let end = due + LASTS;
    let mut trips = Vec::new();
    while due < end {
        let sent = Instant::now();
        connection.send(Message::Binary(samples.clone())).unwrap();
        back.recv().await.unwrap();
        trips.push(sent.elapsed().as_micros() as u32);
        due = if paced { due + CHUNK } else { Instant::now() };
        if paced {
            sleep_until(due).await;
        }
    }
    connection.close(1000, "");
    trips
}

/// The callers' process: prints how many messages there were, and their p50 and p99 in µs.
fn callers(url: &str, calls: u32, paced: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut trips = runtime.block_on(async {
        let mut all = JoinSet::new();
        for index in 0..calls {
            all.spawn(call(url.to_owned(), index, calls, paced));
        }
        all.join_all().await.concat()
    });
    trips.sort_unstable();
    let at = |share: usize| trips[(trips.len() - 1) * share / 100];
    println!("{} {} {}", trips.len(), at(50), at(99));
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, url, calls, pace] = &arguments[..]
        && role == "callers"
    {
        return callers(url, calls.parse().unwrap(), pace == "paced");
    }
    let settings = ServerSettings { limits: limits(), ..ServerSettings::default() };
    let server = Server::listen(runtime().handle(), settings, Arc::new(Host)).unwrap();
    let url = format!("ws://{}/", server.local_addr());

    println!("| calls | pace | messages/s | CPU for a message | p50 | p99 |");
    println!("|--:|---|--:|--:|--:|--:|");
    for (calls, pace) in [(1, "paced"), (100, "paced"), (500, "paced"), (1, "at once"), (100, "at once")] {
        let before = cpu();
        let callers = Command::new(std::env::current_exe().unwrap())
            .args(["callers", &url, &calls.to_string(), pace])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = callers.wait_with_output().unwrap();
        let spent = cpu() - before;
        let figures: Vec<u64> = String::from_utf8(output.stdout)
            .unwrap()
            .split_whitespace()
            .map(|one| one.parse().unwrap())
            .collect();
        let [count, p50, p99] = figures[..] else { panic!("the callers failed") };
        let each = spent as f64 / count as f64 / 1e3;
        let rate = count as f64 / LASTS.as_secs_f64();
        println!("| {calls} | {pace} | {rate:.0} | {each:.2} µs | {p50} µs | {p99} µs |");
    }

    let before = memory();
    let calls = 1_000;
    let open = runtime().block_on(async {
        let mut open = Vec::new();
        for _ in 0..calls {
            open.push(connect(&url, &[], &[], Arc::default(), &ClientTls::WebPki).await.unwrap());
        }
        open
    });
    let each = (memory() - before) as f64 / calls as f64;
    println!("\nAn idle connection: {each:.1} KiB, a server's and a client's together.");
    drop(open);
    runtime().block_on(server.close(Duration::from_secs(5)));
}
