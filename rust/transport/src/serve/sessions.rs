//! How many sessions there are: a hard maximum, and an end to all of them.

use std::sync::Arc;

use tokio::sync::watch;

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// There are as many sessions as there may be.
    Full,
    /// No more are begun.
    Draining,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    places: usize,
    draining: bool,
}

/// The places of sessions. A place is taken before a peer is let in, and free again when its bot has
/// ended: a bot that winds down after its connection still takes part.
pub(super) struct Sessions {
    max: usize,
    state: watch::Sender<State>,
}

impl Sessions {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, state: watch::Sender::default() })
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn taken(&self) -> usize {
        self.state.borrow().places
    }

    pub(super) fn is_draining(&self) -> bool {
        self.state.borrow().draining
    }

    /// Whether there would be a place, without taking it.
    pub(super) fn look(&self) -> Result<(), NoPlace> {
        let state = *self.state.borrow();
        if state.draining {
            Err(NoPlace::Draining)
        } else if state.places >= self.max {
            Err(NoPlace::Full)
        } else {
            Ok(())
        }
    }

    /// Take a place.
    pub(super) fn take(self: &Arc<Self>) -> Result<Place, NoPlace> {
        let mut refused = Ok(());
        // Looked at and counted under one lock: two at once cannot share the last place, and none is
        // taken after a drain has begun.
        self.state.send_if_modified(|state| {
            refused = match *state {
                State { draining: true, .. } => Err(NoPlace::Draining),
                State { places, .. } if places >= self.max => Err(NoPlace::Full),
                _ => Ok(()),
            };
            state.places += usize::from(refused.is_ok());
            refused.is_ok()
        });
        refused.map(|()| Place { sessions: Arc::clone(self) })
    }

    /// No more places from now on.
    pub(super) fn drain(&self) {
        self.state.send_modify(|state| state.draining = true);
    }

    /// Ready when no place is taken.
    pub(super) async fn empty(&self) {
        // It cannot fail: the sender is `self`.
        let _ = self.state.subscribe().wait_for(|state| state.places == 0).await;
    }

    /// Ready when there are fewer places taken than this.
    pub(super) async fn fewer_than(&self, places: usize) {
        // It cannot fail: the sender is `self`.
        let _ = self.state.subscribe().wait_for(|state| state.places < places).await;
    }
}

/// The place of one session, free again when it is dropped.
pub(super) struct Place {
    sessions: Arc<Sessions>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sessions.state.send_modify(|state| state.places -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn as_many_as_there_may_be_however_many_ask_at_once() {
        for _ in 0..50 {
            let sessions = Sessions::new(10);
            let barrier = Barrier::new(8);
            let places: Vec<Place> = thread::scope(|scope| {
                let ask = || {
                    barrier.wait();
                    (0..10).filter_map(|_| sessions.take().ok()).collect::<Vec<_>>()
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
                threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!((places.len(), sessions.taken()), (10, 10));
            drop(places);
            assert_eq!(sessions.taken(), 0);
        }
    }

    #[test]
    fn a_drain_refuses_though_there_are_places_and_what_is_taken_stays() {
        let sessions = Sessions::new(2);
        let place = sessions.take().ok();
        sessions.drain();
        assert_eq!(sessions.take().err(), Some(NoPlace::Draining));
        assert_eq!(sessions.look(), Err(NoPlace::Draining));
        assert_eq!(sessions.taken(), 1);
        drop(place);
        assert_eq!(sessions.taken(), 0);
    }
}
