//! What people write into a commit or a title so that nothing is built.

/// Whether a text asks for no build: `[skip ci]` or `[ci skip]` anywhere, or the trailer `skip-checks: true` (GitHub,
/// "Skipping workflow runs" and "About status checks").
pub(super) fn asks(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let marked = ["[skip ci]", "[ci skip]"]
        .iter()
        .any(|mark| text.contains(mark));
    let trailer = |line: &str| {
        let (key, value) = line.split_once(':')?;
        Some(key.trim() == "skip-checks" && value.trim() == "true")
    };
    marked || text.lines().filter_map(trailer).any(|is| is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_no_build_is_heard() {
        for text in [
            "docs [skip ci]",
            "[CI Skip] docs",
            "docs\n\n\nskip-checks: true",
            "docs\r\n\r\nSkip-Checks:true\r\n",
        ] {
            assert!(asks(text), "{text:?}");
        }
        for text in [
            "",
            "skip ci",
            "explain [skip  ci]",
            "about skip-checks: true",
            "skip-checks: false",
        ] {
            assert!(!asks(text), "{text:?}");
        }
    }
}
