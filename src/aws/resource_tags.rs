//! Implements the tag index with the Resource Groups Tagging API.

use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, TagFilter};

use crate::domain::clone::tags::{MANAGED_BY, Tags};
use crate::domain::fault::Fault;
use crate::domain::ids::{Owner, PipelineArn, ProjectName};
use crate::ports::{TagIndex, TaggedResources};

use crate::aws::Aws;
use crate::aws::call::measured;
use crate::aws::fault::{Service, fault};

/// The type of the resources, which is the service in the ARN of a pipeline. Webhooks of
/// CodePipeline have it as well.
const PIPELINES: &str = "codepipeline";
/// The type of CodeBuild projects.
const PROJECTS: &str = "codebuild:project";
/// The most resources on a page (API reference, GetResources, `ResourcesPerPage`).
const PAGE: i32 = 100;

/// The client of the Resource Groups Tagging API.
pub struct ResourceTags(Client);

impl Aws {
    /// Creates the client of the Resource Groups Tagging API.
    #[must_use]
    pub fn resource_tags(&self) -> ResourceTags {
        ResourceTags::new(Client::new(&self.0))
    }
}

impl ResourceTags {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl TagIndex for ResourceTags {
    async fn clones(&self, owner: &Owner) -> Result<TaggedResources, Fault> {
        let call = "GetResources";
        let (mut clones, mut next) = (TaggedResources::default(), None);
        loop {
            let ours = TagFilter::builder().key(MANAGED_BY).values(owner.as_str());
            let request = self
                .0
                .get_resources()
                .resource_type_filters(PIPELINES)
                .resource_type_filters(PROJECTS)
                .tag_filters(ours.build())
                .resources_per_page(PAGE)
                .set_pagination_token(next);
            let answer = measured(Service::ResourceGroupsTagging, call, request.send())
                .await
                .map_err(|error| fault(Service::ResourceGroupsTagging, call, error))?;
            let page = answer.resource_tag_mapping_list.unwrap_or_default();
            page.into_iter().for_each(|one| add(&mut clones, one));
            // The last page has an empty token or none.
            next = answer.pagination_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(clones);
            }
        }
    }
}

/// Adds a pipeline or a project, and no other resource.
fn add(clones: &mut TaggedResources, resource: ResourceTagMapping) {
    let Some(arn) = resource.resource_arn else {
        return;
    };
    let tags = resource.tags.unwrap_or_default().into_iter();
    let tags: Tags = tags.map(|tag| (tag.key, tag.value)).collect();
    let project = arn.split_once(":project/").map(|(_, name)| name);
    if let Some(name) = project.and_then(|name| ProjectName::parse(name).ok()) {
        clones.projects.insert(name, tags);
    } else if let Some(name) = PipelineArn::parse(arn).ok().and_then(|arn| arn.name()) {
        clones.pipelines.insert(name, tags);
    }
}
