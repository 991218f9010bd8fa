//! What waits outside a compound until its doors open.

use crate::epoch::Epoch;
use crate::frame::{Direction, Frame};
use crate::host::Host;
use crate::mailbox::{Lane, Mailbox};

/// A mailbox for each end, by the direction of the frames that wait there. Order counts across
/// both, as in one queue.
pub(super) struct Held<H: Host> {
    mailboxes: [Mailbox<H>; 2],
    came: u32,
}

impl<H: Host> Default for Held<H> {
    fn default() -> Self {
        Self { mailboxes: [Mailbox::default(), Mailbox::default()], came: 0 }
    }
}

impl<H: Host> Held<H> {
    pub(super) fn push(&mut self, frame: Frame<H>) {
        // A mailbox notes when a frame came: here that is its place among all.
        self.came = self.came.wrapping_add(1);
        self.mailboxes[frame.direction as usize].push(Lane::of(frame.class), frame, self.came);
    }

    /// At which end the next frame waits, by its direction: system frames first, as everywhere.
    pub(super) fn turn(&self) -> Option<Direction> {
        self.next().map(|(direction, _)| direction)
    }

    /// The next frame to go in.
    pub(super) fn pop(&mut self) -> Option<Frame<H>> {
        let (direction, lane) = self.next()?;
        self.mailboxes[direction as usize].pop(lane)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next().is_none()
    }

    /// Take out what an interruption drops.
    #[must_use]
    pub(super) fn interrupt(&mut self, epoch: Epoch) -> Vec<Frame<H>> {
        let mut dropped = Vec::new();
        for mailbox in &mut self.mailboxes {
            mailbox.purge(epoch, &mut dropped, |_place| {});
        }
        dropped
    }

    /// Take out all data: nothing is processed after a cancel.
    #[must_use]
    pub(super) fn clear(&mut self) -> Vec<Frame<H>> {
        let mut dropped = Vec::new();
        for mailbox in &mut self.mailboxes {
            mailbox.clear_data(&mut dropped);
        }
        dropped
    }

    fn next(&self) -> Option<(Direction, Lane)> {
        let [down, up] = &self.mailboxes;
        [Lane::System, Lane::Data].into_iter().find_map(|lane| {
            let direction = match (down.oldest_ms(lane), up.oldest_ms(lane)) {
                (Some(down), Some(up)) if up.wrapping_sub(down) > u32::MAX / 2 => Direction::Upstream,
                (Some(_), _) => Direction::Downstream,
                (None, Some(_)) => Direction::Upstream,
                (None, None) => return None,
            };
            Some((direction, lane))
        })
    }
}

/// What an end is to do when its bell rings.
pub(super) enum Turn<T> {
    /// Let this in.
    Enter(T),
    /// It is the other end's turn.
    Elsewhere,
    /// Nothing waits, or the doors are closed again.
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Bits, Kind};
    use crate::testing::{frame, frame_of, interruption};

    fn ids(held: &mut Held<crate::testing::MockHost>) -> Vec<u64> {
        std::iter::from_fn(|| held.pop()).map(|frame| frame.id).collect()
    }

    #[test]
    fn order_counts_across_both_ends_and_system_frames_go_first() {
        let mut held = Held::default();
        for id in 1..=4 {
            let mut frame = frame(id);
            frame.direction = if id % 2 == 0 { Direction::Upstream } else { Direction::Downstream };
            held.push(frame);
        }
        held.push(frame_of(5, Kind::Other, Bits::SYSTEM));
        assert_eq!(held.turn(), Some(Direction::Downstream));
        assert_eq!(ids(&mut held), [5, 1, 2, 3, 4]);
        assert!(held.is_empty());
    }

    #[test]
    fn order_outlasts_the_counter() {
        let mut held = Held { came: u32::MAX - 1, ..Held::default() };
        for (id, direction) in
            [(1, Direction::Upstream), (2, Direction::Downstream), (3, Direction::Upstream)]
        {
            let mut frame = frame(id);
            frame.direction = direction;
            held.push(frame);
        }
        assert_eq!(ids(&mut held), [1, 2, 3]);
    }

    #[test]
    fn an_interruption_drops_what_lets_it() {
        let mut held = Held::default();
        held.push(frame(1));
        held.push(frame_of(2, Kind::End, Bits::CONTROL.with(Bits::UNINTERRUPTIBLE)));
        held.push(frame_of(3, Kind::Other, Bits::PROTECTED));
        held.push(interruption());
        let mut newer = frame(5);
        newer.epoch = Epoch(1);
        held.push(newer);
        let dropped = held.interrupt(Epoch(1));
        assert_eq!(dropped.iter().map(|frame| frame.id).collect::<Vec<_>>(), [1]);
        assert_eq!(ids(&mut held)[1..], [2, 3, 5]);
    }
}
