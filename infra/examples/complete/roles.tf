# Roles of the template, its clones, and their builds.
#
# A build runs the buildspec, which in a clone is the code of a pull request. So clones have a
# build role of their own (build_role_arn in the rule): grant it nothing that a pull request must
# not have. The role of the pipeline starts actions, and runs the commands of Commands actions,
# which this template has none of. role_arn in the rule would replace that one, and would not
# change what a build may do.

resource "aws_iam_role" "pipeline" {
  name = "${var.name}-${var.region}-pipeline"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "codepipeline.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id }
        ArnLike      = { "aws:SourceArn" = ["${local.pipelines}:${local.template}", "${local.pipelines}:${local.clones}"] }
      }
    }]
  })
}

locals {
  # A connection has two service prefixes, and the user guide of CodePipeline requires permissions
  # under both. The action, the condition key and the ARN of a statement must all have the same
  # prefix, so each prefix gets a statement of its own.
  connections = {
    for prefix in ["codeconnections", "codestar-connections"] :
    prefix => join(":", [for i, part in split(":", aws_codeconnections_connection.github.arn) : i == 2 ? prefix : part])
  }
}

resource "aws_iam_role_policy" "pipeline" {
  name = "run-pipelines"
  role = aws_iam_role.pipeline.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        for prefix, arn in local.connections : {
          Sid       = prefix == "codeconnections" ? "UseConnection" : "UseCodeStarConnection"
          Effect    = "Allow"
          Action    = "${prefix}:UseConnection"
          Resource  = arn
          Condition = { "ForAllValues:StringEquals" = { "${prefix}:FullRepositoryId" = var.repository } }
        }
      ],
      [
        {
          Sid      = "ReadArtifactBucket"
          Effect   = "Allow"
          Action   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
          Resource = aws_s3_bucket.artifacts.arn
        },
        {
          Sid      = "ReadAndWriteArtifacts"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectAcl"]
          Resource = "${aws_s3_bucket.artifacts.arn}/*"
        },
        {
          Sid      = "StartBuilds"
          Effect   = "Allow"
          Action   = ["codebuild:BatchGetBuilds", "codebuild:StartBuild"]
          Resource = aws_codebuild_project.build.arn
        },
        {
          Sid       = "PassCloneBuildRole"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = aws_iam_role.clone_build.arn
          Condition = { StringEquals = { "iam:PassedToService" = "codebuild.amazonaws.com" } }
        },
      ],
    )
  })
}

locals {
  trust_codebuild = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "codebuild.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

# The template's builds: reviewed code of the base branch.
resource "aws_iam_role" "build" {
  name               = "${var.name}-${var.region}-build"
  assume_role_policy = local.trust_codebuild
}

resource "aws_iam_role_policy" "build" {
  name = "build"
  role = aws_iam_role.build.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.build.arn}:*"
      },
      {
        Sid      = "ReadAndWriteArtifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        Resource = "${aws_s3_bucket.artifacts.arn}/*"
      },
    ]
  })
}

# The clones' builds: code that nobody has reviewed yet.
resource "aws_iam_role" "clone_build" {
  name               = "${var.name}-${var.region}-clone-build"
  assume_role_policy = local.trust_codebuild
}

locals {
  # CodePipeline keeps the artifacts of a pipeline in a folder that has the first 20 characters of
  # the pipeline's name.
  clone_folders   = "${substr(trimsuffix(local.clones, "*"), 0, 20)}*"
  template_folder = substr(local.template, 0, 20)
}

resource "aws_iam_role_policy" "clone_build" {
  name = "build"
  role = aws_iam_role.clone_build.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.build.arn}:*"
      },
      {
        # The folders of clones alone: the template's artifacts are what production gets.
        Sid      = "ReadAndWriteArtifactsOfClones"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        Resource = "${aws_s3_bucket.artifacts.arn}/${local.clone_folders}/*"
      },
    ]
  })

  lifecycle {
    precondition {
      condition     = !startswith(local.template_folder, trimsuffix(local.clone_folders, "*"))
      error_message = "The name of the repository is too long for this example: clones would share the artifact folder ${local.template_folder} with the template, because CodePipeline uses the first 20 characters of a pipeline's name. Choose a shorter name for both (local.template, and pipeline_name in the rule)."
    }
  }
}
