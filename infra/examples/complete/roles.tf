# Who runs the template and its clones, and who builds. A clone runs a pull request's code under these: give them nothing
# that a pull request may not have, and clones with more a role of their own (role_arn in the rule).

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
  # A connection answers to two service names, and CodePipeline's user guide asks for both. Action, condition and ARN of a
  # permission must agree, so each name gets a statement of its own.
  connections = {
    for prefix in ["codeconnections", "codestar-connections"] :
    prefix => join(":", [for i, part in split(":", aws_codeconnections_connection.github.arn) : i == 2 ? prefix : part])
  }
}

resource "aws_iam_role_policy" "pipeline" {
  name = "run"
  role = aws_iam_role.pipeline.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        for prefix, arn in local.connections : {
          Sid       = prefix == "codeconnections" ? "FetchSource" : "FetchSourceByOldName"
          Effect    = "Allow"
          Action    = "${prefix}:UseConnection"
          Resource  = arn
          Condition = { "ForAllValues:StringEquals" = { "${prefix}:FullRepositoryId" = var.repository } }
        }
      ],
      [
        {
          Sid      = "LookAtArtifactStore"
          Effect   = "Allow"
          Action   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
          Resource = aws_s3_bucket.artifacts.arn
        },
        {
          Sid      = "PassArtifacts"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectAcl"]
          Resource = "${aws_s3_bucket.artifacts.arn}/*"
        },
        {
          Sid      = "Build"
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
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.build.arn}:*"
      },
      {
        Sid      = "PassArtifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
        Resource = "${aws_s3_bucket.artifacts.arn}/*"
      },
    ]
  })
}
