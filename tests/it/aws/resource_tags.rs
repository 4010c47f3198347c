//! What the index of tags asks of the Resource Groups Tagging API, and what it makes of the
//! answers.

use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::error::ErrorMetadata;
use aws_sdk_resourcegroupstagging::operation::get_resources::{
    GetResourcesError, GetResourcesOutput,
};
use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, Tag};
use aws_smithy_mocks::{Rule, mock};
use branchline::domain::fault::Reason;
use branchline::ports::TagIndex;

use super::clients;
use crate::world::story::owner;

/// Returns a page with these resources, which is asked for with this token.
fn page(after: Option<&'static str>, names: &[&str], next: &'static str) -> Rule {
    let resource = |name: &&str| {
        let tag = Tag::builder().key("branchline:rule").value("api").build();
        ResourceTagMapping::builder()
            .resource_arn(format!(
                "arn:aws:codepipeline:eu-west-1:123456789012:{name}"
            ))
            .tags(tag.unwrap())
            .build()
    };
    let resources: Vec<_> = names.iter().map(resource).collect();
    mock!(Client::get_resources)
        .match_requests(move |request| {
            let filter = request.tag_filters().first().unwrap();
            request.pagination_token() == after
                && request.resource_type_filters() == ["codepipeline", "codebuild:project"]
                && request.resources_per_page() == Some(100)
                && filter.key() == Some("branchline:managed-by")
                && filter.values() == ["branchline"]
        })
        .then_output(move || {
            GetResourcesOutput::builder()
                .set_resource_tag_mapping_list(Some(resources.clone()))
                .pagination_token(next)
                .build()
        })
}

#[tokio::test]
async fn every_page_is_read_and_only_pipelines_and_projects_count() {
    let pages = [
        page(
            None,
            &["api-pr-7", "webhook:github", "project/api-pr-7-api"],
            "more",
        ),
        // A page may be empty and not the last (API reference, GetResources).
        page(Some("more"), &[], "last"),
        page(Some("last"), &["api-pr-8"], ""),
    ];
    let index = clients::resource_tags(&pages.each_ref());
    let clones = index.clones(&owner()).await.unwrap();
    let names: Vec<_> = clones.pipelines.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["api-pr-7", "api-pr-8"]);
    let projects: Vec<_> = clones.projects.keys().map(|name| name.as_str()).collect();
    assert_eq!(projects, ["api-pr-7-api"]);
    let tags = clones.pipelines.values().next().unwrap();
    assert_eq!(tags["branchline:rule"], "api");
}

#[tokio::test]
async fn a_denied_call_is_named() {
    let denied = mock!(Client::get_resources).then_error(|| {
        let error = ErrorMetadata::builder().code("AccessDeniedException");
        GetResourcesError::generic(error.message("no").build())
    });
    let answer = clients::resource_tags(&[&denied]).clones(&owner()).await;
    let fault = answer.unwrap_err();
    assert_eq!(fault.reason, Reason::AwsDenied);
    assert!(fault.detail.contains("GetResources"), "{fault}");
}
