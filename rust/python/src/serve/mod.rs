//! A port with bots behind it, for Python: requests, sessions, and the loops that run them.

mod event_loop;
mod hooks;
mod request;
mod server;
mod session;
mod settings;

pub(crate) use request::HttpRequest;
pub(crate) use server::SessionServer;
pub(crate) use session::Session;
