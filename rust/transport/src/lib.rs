//! Native processors that own timers and tasks: they run on tokio's workers, and nothing that
//! Python does can make them late.

mod arrival_meter;
mod lateness;
pub mod local;
mod paced_source;
pub mod playout;
mod runtime;
pub mod serve;
mod sink;
pub mod websocket;

pub use arrival_meter::{ArrivalMeter, Arrivals};
pub use lateness::{Lateness, LatenessCounts};
pub use paced_source::PacedSource;
pub use runtime::runtime;
pub use sink::{Refusal, Sink};
