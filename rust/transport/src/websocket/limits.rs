//! What one peer may cost.

use std::time::Duration;

/// The bounds of one connection. The defaults suit voice: 20 ms of audio in a message.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest message that is received, in bytes. A longer one ends the connection with 1009.
    /// Buffers stay as large as the largest message that passed: a peer can make a connection hold
    /// about twice this.
    pub max_message: usize,
    /// The longest frame of a message that is received, in bytes.
    pub max_frame: usize,
    /// The messages that a peer may send in a second for long, pings among them. More of them end
    /// the connection with 1008. `None`: any number, as a service may send that is connected to.
    pub max_messages_per_second: Option<u32>,
    /// The messages that may come at once, after a gap of the network.
    pub message_burst: u32,
    /// The longest time without a message of data in either direction.
    pub idle_timeout: Option<Duration>,
    /// A ping is sent when the peer said nothing for this long. `None`: no pings.
    pub ping_interval: Option<Duration>,
    /// The peer is gone if it says nothing for this long after a ping.
    pub pong_timeout: Duration,
    /// The peer is gone if its socket takes not a byte for this long while something is to be sent.
    pub write_timeout: Duration,
    /// The longest time from [`close`](super::Connection::close) to the end, with what is queued.
    pub close_timeout: Duration,
    /// Nothing is queued any more when this many messages are.
    pub send_queue_messages: usize,
    /// Nothing is queued any more when this many bytes are: the last message may go beyond.
    pub send_queue_bytes: usize,
    /// The kernel's buffer of what is sent, in bytes. What is in it cannot be taken back by an
    /// interruption; less than the path's rate times its delay costs throughput.
    pub socket_send_buffer: u32,
    /// The longest time for each part of opening: TLS, the headers, the decision to admit, the answer.
    pub handshake_timeout: Duration,
    /// The longest request line and headers, in bytes. 8 KiB at least.
    pub max_header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 1 << 20,
            max_frame: 1 << 20,
            max_messages_per_second: Some(500),
            message_burst: 2_000,
            idle_timeout: None,
            ping_interval: Some(Duration::from_secs(20)),
            pong_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            send_queue_messages: 1_024,
            send_queue_bytes: 1 << 20,
            socket_send_buffer: 128 << 10,
            handshake_timeout: Duration::from_secs(10),
            max_header_bytes: 16 << 10,
        }
    }
}
