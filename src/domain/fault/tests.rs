use super::*;

#[test]
fn a_row_of_a_newer_branchline_is_predicted_and_an_unanswered_call_is_not() {
    assert!(Reason::AwsUnavailable.is_from_aws());
    assert!(!Reason::MappingNewer.is_from_aws());
    assert!(!Reason::GitHubUnavailable.is_from_aws());
}

#[test]
fn words_are_distinct_and_kebab_case() {
    let mut words: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Reason::ALL.len());
    assert!(
        words
            .iter()
            .all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
    );
}

#[test]
fn a_detail_is_one_bounded_line() {
    let fault = Fault::new(Reason::InvalidPayload, "a\nb\u{1b}[31m".repeat(1_000));
    assert!(fault.detail.chars().count() <= DETAIL_LIMIT);
    assert!(!fault.detail.chars().any(char::is_control));
}
