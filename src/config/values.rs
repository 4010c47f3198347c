//! Validates single values.

/// Accepts the URL of an endpoint.
pub(super) fn http_url(text: String) -> Result<String, &'static str> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest.filter(|rest| !rest.is_empty() && !text.contains(char::is_whitespace)) {
        Some(_) => Ok(text),
        None => Err("expected a URL: https://..."),
    }
}

/// Accepts the URL of a queue.
pub(super) fn queue_url(text: String) -> Result<String, &'static str> {
    let url = http_url(text).map_err(
        |_| "expected the URL of an SQS queue: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME",
    )?;
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(_, path)| path);
    if path.trim_matches('/').is_empty() {
        Err("has no queue name: expected https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")
    } else {
        Ok(url)
    }
}

/// Accepts the name of a table (DynamoDB API reference, CreateTable, `TableName`). It is not an
/// ARN, since our pipelines are tagged with the name.
pub(super) fn table_name(text: String) -> Result<String, &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match (3..=255).contains(&text.len()) && text.chars().all(legal) {
        true => Ok(text),
        false => Err("not a table name: expected 3 to 255 of A-Z a-z 0-9 . _ -"),
    }
}

/// Accepts the name of a Region.
pub(super) fn region_name(text: String) -> Result<String, &'static str> {
    let legal = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if legal {
        Ok(text)
    } else {
        Err("not an AWS Region: expected a name such as eu-west-1")
    }
}
