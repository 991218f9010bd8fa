//! A line in which each stream waits once, with its newest request.

use std::collections::{HashMap, VecDeque};

/// Requests of streams, first come, first served. A stream that asks again keeps its place, and
/// its older request falls out.
#[derive(Debug)]
pub(super) struct LatestQueue<T> {
    line: VecDeque<u64>,
    requests: HashMap<u64, T>,
    capacity: usize,
}

/// What became of a request that was put in line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed<T> {
    /// It waits.
    Waits,
    /// It waits in place of an older one of its stream, which is given back.
    Replaced(T),
    /// As many streams as are allowed wait already: it is given back.
    Full(T),
}

impl<T> LatestQueue<T> {
    /// Makes a line for at most `capacity` streams.
    pub(super) fn new(capacity: usize) -> Self {
        Self { line: VecDeque::new(), requests: HashMap::new(), capacity }
    }

    /// Puts a stream's request in line.
    pub(super) fn push(&mut self, stream: u64, request: T) -> Pushed<T> {
        if let Some(waiting) = self.requests.get_mut(&stream) {
            return Pushed::Replaced(std::mem::replace(waiting, request));
        }
        if self.requests.len() >= self.capacity {
            return Pushed::Full(request);
        }
        self.requests.insert(stream, request);
        self.line.push_back(stream);
        Pushed::Waits
    }

    /// Takes the request that has waited longest.
    pub(super) fn pop(&mut self) -> Option<T> {
        let stream = self.line.pop_front()?;
        self.requests.remove(&stream)
    }

    /// Takes a stream's request out of the line.
    pub(super) fn remove(&mut self, stream: u64) -> Option<T> {
        let request = self.requests.remove(&stream)?;
        self.line.retain(|waiting| *waiting != stream);
        Some(request)
    }

    /// Streams that wait.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LatestQueue, Pushed};

    #[derive(Debug, Clone)]
    enum Step {
        Push(u64),
        Pop,
        Remove(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![(0..5u64).prop_map(Step::Push), Just(Step::Pop), (0..5u64).prop_map(Step::Remove)]
    }

    proptest! {
        /// The model is a plain list of pairs.
        #[test]
        fn does_what_a_list_does(steps in prop::collection::vec(step(), 0..60), capacity in 1..4usize) {
            let mut queue = LatestQueue::new(capacity);
            let mut list: Vec<(u64, usize)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(stream) => {
                        let pushed = queue.push(stream, number);
                        if let Some(waiting) = list.iter_mut().find(|waiting| waiting.0 == stream) {
                            prop_assert_eq!(pushed, Pushed::Replaced(waiting.1));
                            waiting.1 = number;
                        } else if list.len() == capacity {
                            prop_assert_eq!(pushed, Pushed::Full(number));
                        } else {
                            prop_assert_eq!(pushed, Pushed::Waits);
                            list.push((stream, number));
                        }
                    }
                    Step::Pop => {
                        let first = (!list.is_empty()).then(|| list.remove(0).1);
                        prop_assert_eq!(queue.pop(), first);
                    }
                    Step::Remove(stream) => {
                        let at = list.iter().position(|waiting| waiting.0 == stream);
                        prop_assert_eq!(queue.remove(stream), at.map(|at| list.remove(at).1));
                    }
                }
                prop_assert_eq!(queue.len(), list.len());
            }
        }
    }
}
