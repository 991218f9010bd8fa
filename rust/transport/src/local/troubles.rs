//! What a device tells besides samples: gaps, and its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a device tells besides samples.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    count: AtomicU64,
    /// Set once, by the device's thread, when nothing will come of it any more.
    lost: Mutex<Option<String>>,
}

impl Troubles {
    /// Samples came too late, or too many.
    pub(super) fn note(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The device is gone. Says whether that is news.
    pub(super) fn lose(&self, why: &str) -> bool {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let news = lost.is_none();
        lost.get_or_insert_with(|| why.to_owned());
        news
    }

    pub(super) fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
