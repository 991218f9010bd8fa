//! Settings as Python gives them: a dict of what is not to be as usual.

use std::time::Duration;

use pipecat_rs_transport::websocket::{ClientTls, Limits, ServerSettings, ServerTls};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The settings of a server.
pub(crate) fn server(options: &Bound<'_, PyDict>, address: &str, port: u16) -> PyResult<ServerSettings> {
    let mut settings = ServerSettings { address: address.to_owned(), port, ..ServerSettings::default() };
    let (mut certificate, mut key) = (None, None);
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        match name.as_str() {
            "certificate" => certificate = Some(pem(&value)?),
            "private_key" => key = Some(pem(&value)?),
            "max_connections" => settings.max_connections = value.extract()?,
            "max_connections_per_address" => settings.max_connections_per_address = value.extract()?,
            "allowed_origins" => settings.allowed_origins = value.extract()?,
            "paths" => settings.paths = value.extract()?,
            "max_http_body" => settings.max_http_body = value.extract()?,
            _ => limit(&mut settings.limits, &name, &value)?,
        }
    }
    settings.tls = match (certificate, key) {
        (None, None) => None,
        (Some(cert_pem), Some(key_pem)) => Some(ServerTls { cert_pem, key_pem }),
        _ => return Err(PyValueError::new_err("TLS needs both a certificate and a private_key")),
    };
    Ok(settings)
}

/// The settings of a client.
pub(super) fn client(options: &Bound<'_, PyDict>) -> PyResult<(Limits, ClientTls)> {
    let mut limits = Limits::default();
    let mut tls = ClientTls::WebPki;
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        match name.as_str() {
            "ca_certificates" => tls = ClientTls::Authorities(pem(&value)?),
            _ => limit(&mut limits, &name, &value)?,
        }
    }
    Ok((limits, tls))
}

fn limit(limits: &mut Limits, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match name {
        "max_message_bytes" => {
            limits.max_message = value.extract()?;
            limits.max_frame = limits.max_message;
        }
        "max_messages_per_second" => limits.max_messages_per_second = value.extract()?,
        "message_burst" => limits.message_burst = value.extract()?,
        "idle_timeout_secs" => limits.idle_timeout = optional_secs(name, value)?,
        "ping_interval_secs" => limits.ping_interval = optional_secs(name, value)?,
        "pong_timeout_secs" => limits.pong_timeout = secs(name, value)?,
        "write_timeout_secs" => limits.write_timeout = secs(name, value)?,
        "close_timeout_secs" => limits.close_timeout = secs(name, value)?,
        "handshake_timeout_secs" => limits.handshake_timeout = secs(name, value)?,
        "send_queue_messages" => limits.send_queue_messages = value.extract()?,
        "send_queue_bytes" => limits.send_queue_bytes = value.extract()?,
        "max_header_bytes" => limits.max_header_bytes = value.extract()?,
        _ => return Err(PyValueError::new_err(format!("there is no WebSocket option {name:?}"))),
    }
    Ok(())
}

fn optional_secs(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    if value.is_none() { Ok(None) } else { secs(name, value).map(Some) }
}

fn secs(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value.extract()?)
        .map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
}

fn pem(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    match value.extract::<String>() {
        Ok(text) => Ok(text.into_bytes()),
        Err(_) => value.extract(),
    }
}
