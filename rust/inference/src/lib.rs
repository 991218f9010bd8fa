//! Neural networks of the media plane, run in batches on threads of their own.

mod error;
mod runtime;
pub mod smart_turn;
pub mod vad;

pub use error::InferenceError;
pub use runtime::Runtime;
