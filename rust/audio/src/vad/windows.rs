/// Cuts a stream into windows of one length.
#[derive(Debug, Clone)]
pub struct Windows {
    size: usize,
    /// What no window has had yet: less than one, between calls.
    rest: Vec<i16>,
}

impl Windows {
    /// Makes one for windows of `size` samples; at least one.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let size = size.max(1);
        Self { size, rest: Vec::with_capacity(size) }
    }

    /// Samples of a window.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Takes a piece of audio in and calls back with each window that it completes, and with whether
    /// that is the piece's last one.
    pub fn process(&mut self, mut input: &[i16], mut window: impl FnMut(&[i16], bool)) {
        if self.rest.len() + input.len() < self.size {
            self.rest.extend_from_slice(input);
            return;
        }
        if !self.rest.is_empty() {
            let (first, others) = input.split_at(self.size - self.rest.len());
            self.rest.extend_from_slice(first);
            window(&self.rest, others.len() < self.size);
            self.rest.clear();
            input = others;
        }
        let windows = input.chunks_exact(self.size);
        self.rest.extend_from_slice(windows.remainder());
        let count = windows.len();
        for (index, samples) in windows.enumerate() {
            window(samples, index + 1 == count);
        }
    }

    /// Forgets the samples of the window that has begun.
    pub fn reset(&mut self) {
        self.rest.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn how_a_stream_is_cut_makes_no_difference_to_its_windows(
            pieces in vec(vec(any::<i16>(), 0..50), 0..20), size in 1_usize..20,
        ) {
            let mut windows = Windows::new(size);
            let mut cut = Vec::new();
            for piece in &pieces {
                let (before, mut ends) = (cut.len(), Vec::new());
                windows.process(piece, |window, is_last| {
                    cut.push(window.to_vec());
                    ends.push(is_last);
                });
                // The last window of a piece, and no other, is said to be it.
                let expected: Vec<bool> = (before..cut.len()).map(|at| at + 1 == cut.len()).collect();
                prop_assert_eq!(ends, expected);
            }
            let whole = pieces.concat();
            let expected: Vec<Vec<i16>> = whole.chunks_exact(size).map(<[i16]>::to_vec).collect();
            prop_assert_eq!(cut, expected);
        }
    }

    #[test]
    fn a_window_that_has_begun_can_be_forgotten() {
        let mut windows = Windows::new(2);
        windows.process(&[1], |_, _| unreachable!("it is half a window"));
        windows.reset();
        let mut seen = Vec::new();
        windows.process(&[2, 3], |window, _| seen.extend_from_slice(window));
        assert_eq!(seen, [2, 3]);
    }
}
