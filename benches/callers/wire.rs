//! WebSocket frames as a client sends and reads them (RFC 6455).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const MOST_HEAD: usize = 16 << 10;

/// Kinds of frames.
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Append a whole message in one frame, masked as a client has to.
pub(crate) fn put_message(opcode: u8, payload: &[u8], into: &mut Vec<u8>) {
    into.push(0x80 | opcode);
    match payload.len() {
        length @ 0..126 => into.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            into.push(0x80 | 126);
            into.extend((length as u16).to_be_bytes());
        }
        length => {
            into.push(0x80 | 127);
            into.extend((length as u64).to_be_bytes());
        }
    }
    into.extend(KEY);
    into.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// Open a WebSocket; returns the connection and what already came behind the handshake.
pub(crate) async fn open(stream: &mut TcpStream, host: &str, path: &str) -> io::Result<Vec<u8>> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = &answer[..end];
            if !head.starts_with(b"HTTP/1.1 101") {
                let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
                return Err(io::Error::other(String::from_utf8_lossy(line).into_owned()));
            }
            return Ok(answer.split_off(end + 4));
        }
        if answer.len() > MOST_HEAD || stream.read_buf(&mut answer).await? == 0 {
            return Err(io::Error::other("no answer to the handshake"));
        }
    }
}

/// A frame that was read: its kind and its payload.
pub(crate) struct Frame<'a> {
    /// What kind it is.
    pub(crate) opcode: u8,
    /// What is in it.
    pub(crate) payload: &'a [u8],
}

/// The first frame of what was read, and its length. Messages in pieces are not joined: servers of
/// audio do not send any.
pub(crate) fn first_frame(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (length, header): (usize, usize) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let payload = bytes.get(header..header.checked_add(length)?)?;
    Some((Frame { opcode: first & 0xf, payload }, header + length))
}
