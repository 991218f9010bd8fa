//! Settings as Python gives them: those of the port, and those of the sessions.

use std::path::PathBuf;
use std::time::Duration;

use pipecat_rs_transport::serve::SessionServerSettings;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::websocket::server_settings;

/// Read the settings of a server of sessions.
pub(super) fn read(options: &Bound<'_, PyDict>, host: &str, port: u16) -> PyResult<SessionServerSettings> {
    let mut settings = SessionServerSettings::default();
    let of_the_port = PyDict::new(options.py());
    for (name, value) in options.iter() {
        let name: String = name.extract()?;
        match name.as_str() {
            "max_sessions" => settings.max_sessions = value.extract()?,
            "max_output_lateness_secs" => settings.overload.output_lateness = optional_secs(&name, &value)?,
            "max_loop_delay_secs" => settings.overload.loop_delay = optional_secs(&name, &value)?,
            "authorize_timeout_secs" => settings.authorize_timeout = secs(&name, &value)?,
            "retry_after_secs" => settings.retry_after = secs(&name, &value)?,
            "siblings" => settings.siblings = value.extract::<Option<(PathBuf, String)>>()?,
            "handed_over" => settings.handed_over = value.extract::<Option<(PathBuf, u32)>>()?,
            _ => of_the_port.set_item(name, value)?,
        }
    }
    settings.port = server_settings(&of_the_port, host, port)?;
    Ok(settings)
}

fn optional_secs(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    if value.is_none() { Ok(None) } else { secs(name, value).map(Some) }
}

pub(super) fn secs(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value.extract()?)
        .map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
}
