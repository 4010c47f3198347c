//! What single values mean.

/// An endpoint.
pub(super) fn http_url(text: String) -> Result<String, &'static str> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest.filter(|rest| !rest.is_empty() && !text.contains(char::is_whitespace)) {
        Some(_) => Ok(text),
        None => Err("want a URL: https://..."),
    }
}

/// A queue.
pub(super) fn queue_url(text: String) -> Result<String, &'static str> {
    let url = http_url(text).map_err(
        |_| "want the URL of an SQS queue: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME",
    )?;
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(_, path)| path);
    if path.trim_matches('/').is_empty() {
        Err("names no queue: want https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")
    } else {
        Ok(url)
    }
}

/// API reference, CreateTable, `TableName`; not an ARN, since the name also marks our pipelines.
pub(super) fn table_name(text: String) -> Result<String, &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match (3..=255).contains(&text.len()) && text.chars().all(legal) {
        true => Ok(text),
        false => Err("not a table's name: want 3 to 255 of A-Z a-z 0-9 . _ -"),
    }
}

/// A Region.
pub(super) fn region_name(text: String) -> Result<String, &'static str> {
    let legal = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if legal {
        Ok(text)
    } else {
        Err("not an AWS Region, for instance eu-west-1")
    }
}
