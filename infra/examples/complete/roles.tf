# Roles of the template, its clones, and their builds. A clone runs the code of a pull request with
# these permissions: grant nothing that a pull request must not have. Clones that need more get a
# role of their own (role_arn in the rule).

resource "aws_iam_role" "pipeline" {
  name = "${var.name}-pipeline"
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
      ],
    )
  })
}

resource "aws_iam_role" "build" {
  name = "${var.name}-build"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "codebuild.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
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
