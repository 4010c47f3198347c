use super::*;

fn text(format: &str, title: &str) -> Result<String, String> {
    let repository = RepositoryName::parse("acme/api").unwrap();
    let branch = Branch::parse("feature/ü").unwrap();
    let base = Branch::parse("main").unwrap();
    let values = PlaceholderValues {
        repository: &repository,
        branch: &branch,
        number: Some(7),
        sha: None,
        base: Some(&base),
        author: None,
        title: Some(title),
    };
    FormatString::parse(format)?.text(&values)
}

#[test]
fn every_value_is_inserted_unchanged() {
    assert_eq!(
        text(
            "{repository} {owner} {repo} {branch} {branch_slug} {number} {base} {author}",
            ""
        )
        .unwrap(),
        "acme/api acme api feature/ü feature-1363e351 7 main ghost"
    );
    let odd = "\"quotes\" {number} \\ \n $(rm) `x` 🦀";
    assert_eq!(text("<{title}>", odd).unwrap(), format!("<{odd}>"));
}

#[test]
fn escaped_braces_and_codepipelines_variables_are_kept() {
    assert_eq!(text(r#"{{"pr":{number}}}"#, "").unwrap(), r#"{"pr":7}"#);
    assert_eq!(
        text("#{Source.CommitId}-{repository}#{number}", "").unwrap(),
        "#{Source.CommitId}-acme/api#7"
    );
}

#[test]
fn a_value_never_becomes_a_variable() {
    let odd = [
        ("{title}", "a #{Source.Secret}"),
        ("{title}{{x}}", "a#"),
        ("a#{{x}}{title}", "#{x}"),
        ("{title}{title}", "{x}#"),
    ];
    for (format, title) in odd {
        let error = text(format, title).unwrap_err();
        assert!(
            error.contains("with {title} the text would contain '#{'"),
            "{format}: {error}"
        );
    }
    assert!(text("#{title}", "{x}").is_err());
}

#[test]
fn a_missing_value_is_an_error() {
    assert!(text("{sha}", "").unwrap_err().contains("no {sha}"));
}

#[test]
fn an_invalid_format_string_is_refused() {
    for (format, why) in [
        ("{repo", "without"),
        ("repo}", "without"),
        ("{sha1}", "unknown placeholder '{sha1}': use {repository}"),
    ] {
        let error = FormatString::parse(format).unwrap_err();
        assert!(error.contains(why), "{format}: {error}");
    }
}

#[test]
fn a_name_that_ends_like_a_format_shows_the_number_of_its_pull_request() {
    let number = |format: &str, name: &str| {
        let format = FormatString::parse(format).unwrap();
        format.number_at_end(name).map(|(number, _)| number)
    };
    assert_eq!(number("-pr-{number}", "api-pr-17"), Some(17));
    assert_eq!(number("-{number}-dev", "api-17-dev"), Some(17));
    assert_eq!(number("-{repo}-pr-{number}", "web-api-pr-17"), Some(17));
    for (format, name) in [
        ("-pr-{number}", "api-pr-"),
        ("-pr-{number}", "api-pr-x17"),
        ("-pr-{number}", "-pr-17"),
        ("-pr-{number}", "api-main"),
        ("{number}", "api-17"),
        ("-{branch_slug}", "api-feature"),
    ] {
        assert_eq!(number(format, name), None, "{format} of {name}");
    }
}

#[test]
fn a_format_string_is_written_as_it_is_read() {
    for (written, text) in [
        ("preview/pr-{number}", "preview/pr-{number}"),
        ("{{x}}-{repo}", "{{x}}-{repo}"),
        ("#{Source.X}", "#{{Source.X}}"),
        ("", ""),
    ] {
        let format = FormatString::parse(written).unwrap();
        assert_eq!(format.to_string(), text);
        assert_eq!(FormatString::parse(text).unwrap(), format);
    }
}
