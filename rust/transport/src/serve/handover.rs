//! Sockets that another process has accepted, and hands over.
//!
//! One process has the port, and as many as there are cores run sessions. The first gives each socket
//! to the one with the fewest sessions, over a Unix socket: a byte with a descriptor. It is told after
//! each socket, and whenever the number of sessions changes, in two numbers (u32, little endian): how
//! many sockets were served so far, and how many sessions there are.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::server::Shared;
use crate::websocket::Server;

/// Sockets that are taken at once.
const AT_ONCE: usize = 16;

/// Serve what comes, until whoever hands over is gone.
pub(super) async fn follow(control: UnixStream, port: Arc<Server>, shared: Arc<Shared>) {
    let served = Arc::new(AtomicU32::new(0));
    let news = Arc::new(Notify::new());
    let (reader, mut writer) = control.into_split();
    let take = async {
        loop {
            let Ok(sockets) = reader.as_ref().async_io(Interest::READABLE, || receive(reader.as_ref())).await
            else {
                return;
            };
            if sockets.is_empty() {
                return; // the other end is closed
            }
            for socket in sockets {
                let (served, news) = (Arc::clone(&served), Arc::clone(&news));
                let serving = port.serve(socket.into());
                tokio::spawn(async move {
                    // A peer that has gone meanwhile is served.
                    if let Ok(serving) = serving {
                        serving.await;
                    }
                    served.fetch_add(1, Relaxed);
                    news.notify_one();
                });
            }
        }
    };
    let tell = async {
        let mut told = 0;
        loop {
            tokio::select! {
                () = news.notified() => {}
                () = shared.sessions.fewer_than(told) => {}
            }
            told = shared.sessions.taken();
            let begun = told.saturating_sub(shared.entrance.count());
            let mut words = [0; 8];
            words[..4].copy_from_slice(&served.load(Relaxed).to_le_bytes());
            words[4..].copy_from_slice(&u32::try_from(begun).unwrap_or(u32::MAX).to_le_bytes());
            if writer.write_all(&words).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = take => {}
        () = tell => {}
    }
}

/// Connect to whoever hands over, and say who this is.
pub(super) fn connect(path: &Path, number: u32) -> io::Result<UnixStream> {
    use std::io::Write;
    let mut control = std::os::unix::net::UnixStream::connect(path)?;
    control.write_all(&number.to_le_bytes())?;
    control.set_nonblocking(true)?;
    UnixStream::from_std(control)
}

fn receive(control: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut bytes = [0; AT_ONCE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    recvmsg(control, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut sockets = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            sockets.extend(descriptors);
        }
    }
    Ok(sockets)
}
