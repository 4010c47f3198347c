//! Finds the key that a person may have meant.

/// Returns the known key that differs least from `name`, if it is close enough to be a typing
/// mistake.
pub(super) fn closest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let distances = known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate));
    distances
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts the insertions, deletions and substitutions between two words (Levenshtein distance).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.chars().zip(row.iter().skip(1)) {
            left = (above + 1)
                .min(left + 1)
                .min(diagonal + usize::from(x != y));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(
            (
                distance("", "abc"),
                distance("kitten", "sitting"),
                distance("same", "same")
            ),
            (3, 3, 0)
        );
        assert_eq!(
            closest("tabel", &["table", "url"]),
            None,
            "two edits in five characters make another word"
        );
        assert_eq!(closest("templat", &["template", "on"]), Some("template"));
    }
}
