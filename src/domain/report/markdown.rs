//! Text for GitHub's Markdown. Names and messages are a stranger's text: they are shown as code, in
//! which GitHub interprets neither links nor mentions.

/// Returns the text as code within a line. Backticks and line ends cannot end the code early.
pub(super) fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| match c {
            '`' => '\'',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    // A table cell ends at a vertical bar, in code as well.
    format!("`{}`", text.replace('|', "\\|"))
}

/// Returns the text as a block of code, cut to `limit` characters.
pub(super) fn block(text: &str, limit: usize) -> String {
    let text: String = text.chars().take(limit).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

/// Returns a link. `url` is one of branchline's own or was checked to be `http` or `https`; what
/// could end the link early is escaped.
pub(super) fn link(text: &str, url: &str) -> String {
    let url = url
        .replace('(', "%28")
        .replace(')', "%29")
        .replace(' ', "%20");
    format!("[{text}]({url})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_code() {
        assert_eq!(code("a`b` | @octocat\n# x"), "`a'b' \\| @octocat # x`");
        assert_eq!(code(" \n "), "");
        assert_eq!(block("a\n```\nb", 100), "````text\na\n```\nb\n````\n");
        assert_eq!(block("abc", 2), "```text\nab\n```\n");
        assert_eq!(
            link("log", "https://x/a(b) c"),
            "[log](https://x/a%28b%29%20c)"
        );
    }
}
