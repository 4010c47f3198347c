use super::*;

#[test]
fn a_subject_key_reads_back() {
    for kind in [
        SubjectKind::PullRequest(7),
        SubjectKind::Branch(Branch::parse("a#b/ü").unwrap()),
    ] {
        let subject = Subject {
            repository: RepositoryId(1),
            kind,
        };
        assert_eq!(
            Subject::from_key(subject.repository, &subject.key()),
            Some(subject)
        );
    }
}

#[test]
fn a_time_prints_as_wide_as_every_other() {
    let time = Timestamp::from_rfc3339("2026-01-02T03:04:05+01:00").unwrap();
    assert_eq!(time.to_string(), "2026-01-02T02:04:05.000Z");
    assert_eq!(Timestamp(0).to_string().len(), time.to_string().len());
}

#[test]
fn each_type_refuses_invalid_text() {
    assert!(RepositoryName::parse("acme/api").is_ok());
    assert!(RepositoryName::parse("acme/api/x").is_err());
    assert!(RepositoryName::parse("acme").is_err());
    assert!(Branch::parse("feature/\u{7}").is_err());
    assert!(PipelineName::parse("a".repeat(101)).is_err());
    assert!(PipelineArn::parse("arn:aws:codepipeline:eu-west-1:123456789012:api").is_ok());
    assert!(PipelineArn::parse("arn:aws:s3:::bucket").is_err());
    assert!(ExecutionId::parse("12345678-1234-5678-abcd-12345678abcd").is_ok());
    assert!(ExecutionId::parse("12345678/1234").is_err());
}
