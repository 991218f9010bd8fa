use std::fmt;

/// Frequencies of the keypad's rows, from the top, in Hz.
pub(super) const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
/// Frequencies of its columns, from the left, in Hz.
pub(super) const COLUMNS_HZ: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

const KEYPAD: [char; 16] = ['1', '2', '3', 'A', '4', '5', '6', 'B', '7', '8', '9', 'C', '*', '0', '#', 'D'];

/// A key of a telephone's keypad; the column with A to D is not on most of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(u8);

impl Key {
    /// All keys, row by row.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..16).map(Self)
    }

    /// The key with this label: `0` to `9`, `A` to `D`, `*` or `#`.
    #[must_use]
    pub fn from_label(label: char) -> Option<Self> {
        let place = KEYPAD.iter().position(|&key| key == label.to_ascii_uppercase())?;
        Some(Self(place as u8))
    }

    /// What is written on it.
    #[must_use]
    pub fn label(self) -> char {
        KEYPAD[usize::from(self.0)]
    }

    /// The frequencies of its row and its column, in Hz.
    #[must_use]
    pub fn frequencies(self) -> (f32, f32) {
        (ROWS_HZ[usize::from(self.0 / 4)], COLUMNS_HZ[usize::from(self.0 % 4)])
    }

    pub(super) fn at(row: usize, column: usize) -> Self {
        Self((row * 4 + column) as u8)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_labels_and_frequencies() {
        assert_eq!(Key::all().map(Key::label).collect::<String>(), "123A456B789C*0#D");
        assert_eq!(Key::from_label('#').unwrap().frequencies(), (941.0, 1477.0));
        assert_eq!(Key::from_label('d').unwrap().to_string(), "D");
        assert_eq!(Key::from_label('x'), None);
    }
}
