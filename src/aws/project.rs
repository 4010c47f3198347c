//! Converts a CodeBuild project between the SDK's types and JSON with the SDK's own schema. The
//! members of a request are listed here once, because the SDK's requests are built one by one; what
//! is inside a member is converted without a list.

use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::operation::create_project::CreateProjectInput;
use aws_sdk_codebuild::operation::create_project::builders::CreateProjectFluentBuilder;
use aws_sdk_codebuild::operation::update_project::builders::UpdateProjectFluentBuilder;
use aws_smithy_schema::codec::Codec;
use aws_smithy_schema::serde::ShapeSerializer;

use crate::domain::clone::projects::{NewProject, Project};

use crate::aws::declaration::codec;

/// Converts to JSON as `aws codebuild batch-get-projects` prints a project.
pub(super) fn from_sdk(project: &aws_sdk_codebuild::types::Project) -> Result<Project, String> {
    let mut serializer = codec().create_serializer();
    serializer
        .write_struct(aws_sdk_codebuild::types::Project::SCHEMA, project)
        .map_err(|error| error.to_string())?;
    let json = serde_json::from_slice(&serializer.finish()).map_err(|error| error.to_string())?;
    Project::new(json).ok_or_else(|| "the project is not a JSON object".to_owned())
}

/// Returns the request that creates a project.
pub(super) fn create(
    client: &Client,
    new: &NewProject,
) -> Result<CreateProjectFluentBuilder, String> {
    Ok(client.create_project().with(input(new)?))
}

/// Returns the request that replaces a project.
pub(super) fn update(
    client: &Client,
    new: &NewProject,
) -> Result<UpdateProjectFluentBuilder, String> {
    Ok(client.update_project().with(input(new)?))
}

fn input(new: &NewProject) -> Result<CreateProjectInput, String> {
    let json = serde_json::to_vec(&new.request).map_err(|error| error.to_string())?;
    CreateProjectInput::deserialize(&mut codec().create_deserializer(&json))
        .map_err(|error| error.to_string())
}

/// A request of CodeBuild that takes the members of a project.
trait TakesMembers {
    fn with(self, input: CreateProjectInput) -> Self;
}

/// Both requests have setters of the same names, and no trait in common.
macro_rules! takes_members {
    ($($request:ty),*) => {$(
        impl TakesMembers for $request {
            fn with(self, input: CreateProjectInput) -> Self {
                self.set_name(input.name)
                    .set_description(input.description)
                    .set_source(input.source)
                    .set_secondary_sources(input.secondary_sources)
                    .set_source_version(input.source_version)
                    .set_secondary_source_versions(input.secondary_source_versions)
                    .set_artifacts(input.artifacts)
                    .set_secondary_artifacts(input.secondary_artifacts)
                    .set_cache(input.cache)
                    .set_environment(input.environment)
                    .set_service_role(input.service_role)
                    .set_timeout_in_minutes(input.timeout_in_minutes)
                    .set_queued_timeout_in_minutes(input.queued_timeout_in_minutes)
                    .set_encryption_key(input.encryption_key)
                    .set_tags(input.tags)
                    .set_vpc_config(input.vpc_config)
                    .set_logs_config(input.logs_config)
                    .set_file_system_locations(input.file_system_locations)
                    .set_build_batch_config(input.build_batch_config)
                    .set_concurrent_build_limit(input.concurrent_build_limit)
                    .set_auto_retry_limit(input.auto_retry_limit)
            }
        }
    )*};
}

takes_members!(CreateProjectFluentBuilder, UpdateProjectFluentBuilder);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_codebuild::operation::update_project::UpdateProjectInput;
    use aws_smithy_schema::Schema;

    use super::*;

    /// What branchline sets of a project in no request.
    const UNSET: [&str; 1] = ["badgeEnabled"];

    fn members(schema: &'static Schema<'static>) -> BTreeSet<&'static str> {
        let members = schema.members().iter();
        members.filter_map(|member| member.member_name()).collect()
    }

    /// Returns the members that `takes_members` sets, in the spelling of the API.
    fn set() -> BTreeSet<String> {
        let source = include_str!("project.rs");
        let (_, body) = source.split_once("macro_rules!").unwrap();
        let (body, _) = body.split_once("takes_members!(").unwrap();
        let setters = body.split(".set_").skip(1);
        let name = |setter: &str| {
            let (name, _) = setter.split_once('(').unwrap();
            let mut words = name.split('_');
            let first = words.next().unwrap().to_owned();
            words.fold(first, |name, word| {
                let (head, tail) = word.split_at(1);
                format!("{name}{}{tail}", head.to_uppercase())
            })
        };
        setters.map(name).collect()
    }

    #[test]
    fn every_member_of_a_request_is_set() {
        for schema in [CreateProjectInput::SCHEMA, UpdateProjectInput::SCHEMA] {
            let mut wanted = members(schema);
            wanted.retain(|member| !UNSET.contains(member));
            let set = set();
            let set: BTreeSet<&str> = set.iter().map(String::as_str).collect();
            assert_eq!(set, wanted, "a version of the SDK has other members");
        }
    }

    #[test]
    fn every_member_of_an_answer_is_copied_or_left_out_on_purpose() {
        let answered = members(aws_sdk_codebuild::types::Project::SCHEMA);
        let taken = members(CreateProjectInput::SCHEMA);
        let left_out: Vec<&str> = answered.difference(&taken).copied().collect();
        assert_eq!(
            left_out,
            crate::domain::clone::projects::project::ANSWER_ONLY
        );
    }
}
