# The template pipeline. It builds the base branch, and each pull request gets a clone of it.

# A new connection is PENDING until it is authorized once at GitHub, through the console.
resource "aws_codeconnections_connection" "github" {
  name          = var.name
  provider_type = "GitHub"
}

resource "aws_codepipeline" "template" {
  name           = local.template
  role_arn       = aws_iam_role.pipeline.arn
  pipeline_type  = "V2" # only an execution of a V2 pipeline can be started for a given commit
  execution_mode = "SUPERSEDED"

  artifact_store {
    location = aws_s3_bucket.artifacts.bucket
    type     = "S3"
  }

  stage {
    name = "Source"
    action {
      name             = "App"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      output_artifacts = ["source"]
      configuration = {
        ConnectionArn    = aws_codeconnections_connection.github.arn
        FullRepositoryId = var.repository
        BranchName       = var.base
        DetectChanges    = "true" # builds pushes to the base branch; clones have it turned off
      }
    }
  }

  stage {
    name = "Build"
    action {
      name            = "Build"
      category        = "Build"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["source"]
      configuration   = { ProjectName = aws_codebuild_project.build.name }
    }
  }

  # Add deployment stages here. Clones leave out the first stage that changes something outside, and
  # all that follow, unless the rule keeps them by name.

  depends_on = [aws_iam_role_policy.pipeline]
}

resource "aws_cloudwatch_log_group" "build" {
  name              = "/aws/codebuild/${var.name}-build"
  retention_in_days = 30
}

resource "aws_codebuild_project" "build" {
  name          = "${var.name}-build"
  description   = "Builds ${var.repository}"
  service_role  = aws_iam_role.build.arn
  build_timeout = 30 # minutes

  source {
    type = "CODEPIPELINE"
    # Prefer a buildspec.yml in the repository, and remove this argument.
    buildspec = yamlencode({
      version = "0.2"
      phases  = { build = { commands = ["echo \"$CODEBUILD_RESOLVED_SOURCE_VERSION\"", "ls -l"] } }
    })
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type         = "LINUX_CONTAINER"
    compute_type = "BUILD_GENERAL1_SMALL"
    image        = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.build.name
    }
  }
}
