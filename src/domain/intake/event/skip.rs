//! Finds the marks with which people skip a build, in a commit message or a title.

/// The marks that may stand anywhere in the text (GitHub, "Skipping workflow runs").
const MARKS: [&str; 5] = [
    "[skip ci]",
    "[ci skip]",
    "[no ci]",
    "[skip actions]",
    "[actions skip]",
];

/// Returns true if a text asks to skip the build: by a mark anywhere, or by the trailer
/// `skip-checks: true` (GitHub, "Skipping workflow runs").
pub(super) fn is_requested(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let marked = MARKS.iter().any(|mark| text.contains(mark));
    let trailer = |line: &str| {
        let (key, value) = line.split_once(':')?;
        Some(key.trim() == "skip-checks" && value.trim() == "true")
    };
    marked || text.lines().filter_map(trailer).any(|skips| skips)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_skips_the_build_and_no_similar_text_does() {
        for text in [
            "docs [skip ci]",
            "[CI Skip] docs",
            "docs\n\n[no ci]",
            "[skip actions]",
            "docs [actions skip] docs",
            "docs\n\n\nskip-checks: true",
            "docs\r\n\r\nSkip-Checks:true\r\n",
        ] {
            assert!(is_requested(text), "{text:?}");
        }
        for text in [
            "",
            "skip ci",
            "explain [skip  ci]",
            "[ci]",
            "[no actions]",
            "about skip-checks: true",
            "skip-checks: false",
        ] {
            assert!(!is_requested(text), "{text:?}");
        }
    }
}
