//! Text from outside, made fit for a log line, a terminal and a message attribute.

/// The text in one line of at most `limit` characters. What would break the line, move a terminal's cursor or turn the
/// text around is written as its number, `\u{202e}`.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    let shown = text.chars().flat_map(|c| {
        let escaped = is_odd(c).then(|| c.escape_unicode());
        let plain = escaped.is_none().then_some(c);
        escaped.into_iter().flatten().chain(plain)
    });
    shown.take(limit).collect()
}

/// The same for a text of several lines, whose lines and tabs stay.
#[must_use]
pub fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if is_odd(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Control characters, separators of lines, marks and overrides of direction (Unicode, UAX 9), invisible characters, and
/// what SQS refuses.
fn is_odd(c: char) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays() {
        let text = "feature/日本 #1 \"ü\" 🦀";
        assert_eq!(one_line(text, 100), text);
    }

    #[test]
    fn what_moves_or_turns_is_numbered() {
        assert_eq!(
            one_line("a\nb\u{1b}[2J\u{202e}c\u{2028}", 100),
            r"a\u{a}b\u{1b}[2J\u{202e}c\u{2028}"
        );
    }

    #[test]
    fn lines_and_tabs_stay_and_nothing_else_moves() {
        assert_eq!(
            lines("{\n\t\"a\": 1\r\n}\u{1b}[2J\u{202e}"),
            "{\n\t\"a\": 1\\u{d}\n}\\u{1b}[2J\\u{202e}"
        );
    }

    #[test]
    fn it_ends() {
        assert_eq!(one_line(&"é".repeat(100), 3), "ééé");
    }
}
