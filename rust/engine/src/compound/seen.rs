//! Which frames have already left or entered a compound: the newest few thousand identities, so that the set
//! cannot grow for a whole session.

use std::collections::{HashSet, VecDeque};

const REMEMBERED: usize = 8192;

/// A bounded set of frame identities.
#[derive(Default)]
pub(super) struct Seen {
    set: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Seen {
    /// Remember an identity; false if it is known.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        if !self.set.insert(id) {
            return false;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
        self.order.push_back(id);
        true
    }

    /// Whether an identity is remembered.
    pub(super) fn contains(&self, id: u64) -> bool {
        self.set.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_new_once_and_old_ones_are_forgotten() {
        let mut seen = Seen::default();
        assert!(seen.insert(1));
        assert!(!seen.insert(1));
        for id in 2..=REMEMBERED as u64 + 1 {
            assert!(seen.insert(id));
        }
        assert!(seen.insert(1), "forgotten after {REMEMBERED} others");
        assert!(seen.order.len() <= REMEMBERED && seen.set.len() <= REMEMBERED);
    }
}
