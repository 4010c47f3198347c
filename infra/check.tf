# `branchline check` as the last step of an apply, on the machine that applies. It reads the secrets
# by itself, so that neither the plan nor the state has them.
resource "terraform_data" "check" {
  count            = var.check_with == null ? 0 : 1
  triggers_replace = [aws_ecs_task_definition.consumer.arn, sha256(local.configuration), sha256(aws_iam_role_policy.daemon.policy)]

  provisioner "local-exec" {
    command = "\"$CHECK_SCRIPT\" \"$BRANCHLINE\" check --daemon-role \"$DAEMON_ROLE\""
    environment = {
      CHECK_SCRIPT = "${path.module}/check.sh"
      BRANCHLINE   = var.check_with
      DAEMON_ROLE  = aws_iam_role.daemon.arn
      # Version 1 of the AWS CLI reads the second one alone.
      AWS_REGION         = local.region
      AWS_DEFAULT_REGION = local.region
      BRANCHLINE_CONFIG  = "env:BRANCHLINE_TOML"
      BRANCHLINE_TOML    = local.configuration
      CHECK_SECRETS = join("\n", [
        for name, arn in local.secrets : join(" ", concat(
          [name, join(":", slice(split(":", arn), 0, 7))],
          [for index in [7, 8, 9] : try(coalesce(split(":", arn)[index]), "-")],
        ))
      ])
    }
  }

  depends_on = [
    aws_ecs_service.consumer,
    aws_sqs_queue_policy.access,
    aws_cloudwatch_event_target.internal_queue,
    aws_iam_role_policy.execution,
  ]
}
