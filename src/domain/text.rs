//! Makes text from outside safe for a log line, a terminal and a message attribute.

/// Returns the text as one line of at most `limit` characters. A character that would break the
/// line, move a terminal's cursor or reverse the direction of the text is written as its code
/// point, `\u{202e}`.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    let shown = text.chars().flat_map(|c| {
        let escaped = is_unsafe(c).then(|| c.escape_unicode());
        let plain = escaped.is_none().then_some(c);
        escaped.into_iter().flatten().chain(plain)
    });
    shown.take(limit).collect()
}

/// Escapes the text as [`one_line`] does. A text that is cut ends in `…`.
#[must_use]
pub fn title(text: &str, limit: usize) -> String {
    let whole = one_line(text, limit + 1);
    match whole.chars().count() > limit {
        true => whole.chars().take(limit - 1).chain(['…']).collect(),
        false => whole,
    }
}

/// Escapes the text as [`one_line`] does, but keeps line breaks and tabs, and does not shorten it.
#[must_use]
pub fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if is_unsafe(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Returns true for control characters, line separators, direction marks and overrides (Unicode,
/// UAX 9), invisible characters, and characters that SQS refuses.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
                | '\u{fffe}'
                | '\u{ffff}'
        )
}

/// Returns a number with its noun: `1 message`, `2 messages`.
#[must_use]
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Returns the phrases for the numbers that are not 0: `3 failing`.
pub fn counted<'a>(
    numbers: impl IntoIterator<Item = (usize, &'a str)>,
) -> impl Iterator<Item = String> {
    let numbers = numbers.into_iter().filter(|(number, _)| *number > 0);
    numbers.map(|(number, what)| format!("{number} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_unchanged() {
        let text = "feature/日本 #1 \"ü\" 🦀";
        assert_eq!(one_line(text, 100), text);
    }

    #[test]
    fn characters_that_move_the_cursor_or_turn_the_text_are_escaped() {
        assert_eq!(
            one_line("a\nb\u{1b}[2J\u{202e}c\u{2028}", 100),
            r"a\u{a}b\u{1b}[2J\u{202e}c\u{2028}"
        );
    }

    #[test]
    fn line_breaks_and_tabs_are_kept_in_a_text_of_several_lines() {
        assert_eq!(
            lines("{\n\t\"a\": 1\r\n}\u{1b}[2J\u{202e}"),
            "{\n\t\"a\": 1\\u{d}\n}\\u{1b}[2J\\u{202e}"
        );
    }

    #[test]
    fn a_line_is_cut_at_its_limit() {
        assert_eq!(one_line(&"é".repeat(100), 3), "ééé");
    }

    #[test]
    fn a_title_that_is_cut_says_so() {
        assert_eq!(title(&"é".repeat(100), 3), "éé…");
        assert_eq!(title("éé\n", 7), r"éé\u{a}");
        assert_eq!(title("éé\n", 6), r"éé\u{…");
    }
}
