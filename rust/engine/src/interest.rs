//! Declared interest: which frame classes a processor handles itself.

use crate::frame::Class;
use crate::sync::{AtomicU64, Ordering};

const WORDS: usize = 64;

/// A set of class numbers that grows as classes become known and may be read from any thread.
///
/// A class whose number does not fit is handled: that is slower, never wrong.
pub struct Interest {
    words: [AtomicU64; WORDS],
}

impl Default for Interest {
    fn default() -> Self {
        Self { words: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Interest {
    /// Add a class.
    pub fn add(&self, class: u16) {
        if let Some(word) = self.words.get(usize::from(class) / 64) {
            word.fetch_or(1 << (class % 64), Ordering::Release);
        }
    }

    /// Whether a processor with this interest handles frames of the class.
    #[must_use]
    pub fn covers(&self, class: Class) -> bool {
        class.kind.always_handled() || self.names(class)
    }

    /// Whether the class is in the set.
    #[must_use]
    pub fn names(&self, class: Class) -> bool {
        self.words
            .get(usize::from(class.id) / 64)
            .is_none_or(|word| word.load(Ordering::Acquire) >> (class.id % 64) & 1 == 1)
    }
}
