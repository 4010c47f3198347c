//! Validates single values.

use std::time::Duration;

/// Reads a duration: a whole number and a unit, such as `30m`, `12h` or `14d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_number)?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

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

/// Accepts the URL of a queue. On a host of AWS its path is the account and the name; an emulator
/// may have any path.
pub(super) fn queue_url(text: String) -> Result<String, String> {
    const EXPECTED: &str = "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME";
    let url =
        http_url(text).map_err(|_| format!("expected the URL of an SQS queue: {EXPECTED}"))?;
    let (_, path) = host_and_path(&url);
    let parts: Vec<&str> = path.split('/').collect();
    match (queue_region(&url), parts.as_slice()) {
        (_, [] | [""]) => Err(format!("has no queue name: expected {EXPECTED}")),
        (None, _) => Ok(url),
        (Some(_), [account, name]) if is_queue_name(name) => {
            account_id(account)?;
            Ok(url)
        }
        (Some(_), _) => Err(format!(
            "is not the URL of an SQS queue: expected {EXPECTED}"
        )),
    }
}

/// Returns the Region of a queue, from the host of its URL (AWS General Reference, "Amazon SQS
/// endpoints and quotas", and VPC endpoints). `None` if it is not a host of AWS.
pub(super) fn queue_region(url: &str) -> Option<&str> {
    let (host, _) = host_and_path(url);
    let is_aws = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
        .iter()
        .any(|domain| host.ends_with(domain));
    let labels: Vec<&str> = host.split('.').collect();
    let region = match labels.as_slice() {
        ["sqs" | "sqs-fips", region, ..] | [_, "sqs" | "sqs-fips", region, ..] => region,
        [region, "queue", ..] => region,
        _ => return None,
    };
    is_aws.then_some(*region)
}

/// Returns the account of a queue, from the path of its URL. An emulator's may have none.
pub(super) fn queue_account(url: &str) -> Option<&str> {
    let (_, path) = host_and_path(url);
    let (rest, _) = path.rsplit_once('/')?;
    let account = rest.rsplit('/').next()?;
    account_id(account).is_ok().then_some(account)
}

/// Returns the host and the path of a URL, without the slashes around the path.
fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host, path.trim_matches('/'))
}

/// Accepts the name of a queue (SQS API reference, CreateQueue, `QueueName`).
fn is_queue_name(name: &str) -> bool {
    let base = name.strip_suffix(".fifo").unwrap_or(name);
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    (1..=80).contains(&name.len()) && !base.is_empty() && base.chars().all(legal)
}

/// Accepts the id of an account.
pub(super) fn account_id(text: &str) -> Result<(), String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match (digits, text.len()) {
        (true, 12) => Ok(()),
        (true, length) => Err(format!(
            "the account id '{text}' has {length} digits: expected 12"
        )),
        (false, _) => Err(format!("'{text}' is not an account id: expected 12 digits")),
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

/// Returns `None` if a value is present and wrong, and `Some(None)` if it is missing.
pub(super) fn unless_wrong<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let seconds = |text| duration(text).map(|one| one.as_secs());
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("5m"), Some(300));
        assert_eq!(seconds("12h"), Some(43_200));
        assert_eq!(seconds("14d"), Some(1_209_600));
        for wrong in [
            "", "d", "14", "-1d", "+1d", "1.5h", "1 h", "1h30m", "14D", "1é",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
        assert_eq!(seconds("99999999999999999999d"), None);
        assert_eq!(seconds("999999999999999999d"), None);
    }
}
