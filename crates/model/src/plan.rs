//! What must be reviewed before many things change at once.

/// Whether a deed that touches so many of so many people asks for their number to be typed first.
pub fn needs_count(touched: u64, of: u64) -> bool {
    touched > 50.min(5.max(of / 20))
}

#[cfg(test)]
mod tests {
    use super::needs_count;

    #[test]
    fn a_twentieth_of_everybody_is_much_but_five_are_few_and_fifty_many() {
        for (of, most) in [(0, 5), (10, 5), (100, 5), (200, 10), (1000, 50), (100_000, 50)] {
            assert!(!needs_count(most, of) && needs_count(most + 1, of), "{of}");
        }
    }
}
