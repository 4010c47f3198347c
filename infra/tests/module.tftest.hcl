# terraform test, in infra/: the module by itself, with AWS mocked. No account is asked and nothing is made.
# scripts/infra-check runs the same with a stand-in for the provider, so that nothing is downloaded either.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  # The real provider looks at these: a mocked value that is no ARN would be refused.
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:mock" }
  }
  mock_resource "aws_appautoscaling_policy" {
    defaults = { arn = "arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:mock" }
  }
  mock_resource "aws_api_gateway_stage" {
    defaults = { arn = "arn:aws:apigateway:eu-west-1::/restapis/mock/stages/live" }
  }
  mock_resource "aws_api_gateway_rest_api" {
    defaults = { execution_arn = "arn:aws:execute-api:eu-west-1:123456789012:mock" }
  }
}

override_resource {
  target = aws_sqs_queue.webhooks
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:branchline-webhooks" }
}
override_resource {
  target = aws_sqs_queue.internal
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:branchline-internal" }
}
override_resource {
  target = aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:branchline-dead-letters" }
}
override_resource {
  target = aws_sqs_queue.quarantine
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:branchline-quarantine" }
}

# What has no default.
variables {
  rules               = "[[rule]]\nrepository = \"acme/api\"\non = \"pull_request\"\ntemplate = \"api-template\"\n"
  image               = "registry.example.com/branchline:1"
  webhook_secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:branchline/webhook-AbCdEf"]
  template_names      = ["api-template"]
  pipeline_role_arns  = ["arn:aws:iam::123456789012:role/api-pipeline"]
  vpc_id              = "vpc-0123456789abcdef0"
  subnet_ids          = ["subnet-0123456789abcdef0"]
}

run "by_default" {
  assert {
    condition     = jsondecode(aws_sqs_queue.webhooks.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 100 }
    error_message = "SQS's own redrive must come long after the daemon's."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.internal.redrive_policy) == jsondecode(aws_sqs_queue.webhooks.redrive_policy)
    error_message = "The internal queue must redrive as the queue of webhooks does."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead_letters.redrive_allow_policy).sourceQueueArns == [aws_sqs_queue.webhooks.arn, aws_sqs_queue.internal.arn]
    error_message = "Only the two queues that the daemon receives from may redrive to the dead-letter queue."
  }
  assert {
    condition     = [for s in jsondecode(aws_sqs_queue_policy.guard["internal"].policy).Statement : s.Principal.AWS if s.Effect == "Allow"] == [aws_iam_role.daemon.arn]
    error_message = "The internal queue's policy must name the daemon's role as the only sender."
  }
  assert {
    condition     = strcontains(aws_ssm_parameter.configuration.value, "internal_url    = \"${aws_sqs_queue.internal.url}\"")
    error_message = "The daemon must know the internal queue."
  }
  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.api.policy).Statement : [s.Action, s.Resource]] == [["sqs:SendMessage", aws_sqs_queue.webhooks.arn]]
    error_message = "The API may send webhooks and do nothing else."
  }
  assert {
    condition     = aws_api_gateway_integration.sqs.passthrough_behavior == "NEVER" && toset(keys(aws_api_gateway_integration.sqs.request_templates)) == toset(["application/json", "application/x-www-form-urlencoded"])
    error_message = "GitHub's two content types reach SQS, and no other."
  }
  assert {
    condition     = length(aws_api_gateway_rest_api_policy.sources) == 0 && length(aws_wafv2_web_acl_association.webhooks) == 0
    error_message = "Without ranges and without a web ACL, none is put before the API."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : !contains(["PullImage", "PullLogin", "SecretsKey"], s.Sid)])
    error_message = "An image outside ECR and secrets under AWS's key need no permission."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.daemon.policy).Statement : !endswith(s.Sid, "Connections")])
    error_message = "Without connections there is none to pass."
  }
  assert {
    condition     = aws_dynamodb_table.mappings.deletion_protection_enabled && aws_appautoscaling_target.consumer.min_capacity == 1
    error_message = "The table is protected, and one task runs."
  }
}

run "an_old_connection_is_passed_under_both_names" {
  variables {
    connection_arns = ["arn:aws:codestar-connections:eu-west-1:123456789012:connection/00000000-0000-4000-8000-000000000000"]
  }
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.daemon.policy).Statement : [s.Action, s.Resource] if endswith(s.Sid, "Connections")] == [
      ["codeconnections:PassConnection", ["arn:aws:codeconnections:eu-west-1:123456789012:connection/00000000-0000-4000-8000-000000000000"]],
      ["codestar-connections:PassConnection", ["arn:aws:codestar-connections:eu-west-1:123456789012:connection/00000000-0000-4000-8000-000000000000"]],
    ]
    error_message = "Each name has a permission of its own, on its own ARN."
  }
}

run "ranges_an_acl_and_an_image_in_ecr" {
  variables {
    source_cidrs = ["192.0.2.0/24"]
    web_acl_arn  = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/web/11111111-2222-4333-8444-555555555555"
    image        = "999999999999.dkr.ecr.us-east-1.amazonaws.com/team/branchline@sha256:0000"
  }
  assert {
    condition     = jsondecode(aws_api_gateway_rest_api_policy.sources[0].policy).Statement[0].Condition.IpAddress["aws:SourceIp"] == ["192.0.2.0/24"]
    error_message = "Only these may call."
  }
  assert {
    condition     = aws_wafv2_web_acl_association.webhooks[0].resource_arn == aws_api_gateway_stage.live.arn
    error_message = "The web ACL is before the API."
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : s.Resource if s.Sid == "PullImage"]) == "arn:aws:ecr:us-east-1:999999999999:repository/team/branchline"
    error_message = "The image is pulled from where it is, and nothing else is."
  }
}

run "no_logs_of_the_api_need_no_role_of_the_account" {
  variables {
    access_logs = false
  }
  assert {
    condition     = length(aws_api_gateway_account.logs) + length(aws_iam_role.api_logs) + length(aws_cloudwatch_log_group.access) + length(aws_api_gateway_stage.live.access_log_settings) == 0
    error_message = "What is only there for logs must go with them."
  }
}

run "two_secrets_while_one_is_rotated" {
  variables {
    webhook_secret_arns = [
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:new-AbCdEf",
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:old-AbCdEf",
    ]
  }
  assert {
    condition     = strcontains(aws_ssm_parameter.configuration.value, "secrets = [\"env:WEBHOOK_SECRET_0\",\"env:WEBHOOK_SECRET_1\"]")
    error_message = "The daemon must know both of them."
  }
  assert {
    condition     = tolist([for s in jsondecode(aws_ecs_task_definition.consumer.container_definitions)[0].secrets : s.valueFrom if s.name != "BRANCHLINE_TOML"]) == var.webhook_secret_arns
    error_message = "The task must be given both of them."
  }
}

run "another_configuration_is_another_task" {
  variables {
    drain_timeout = 100
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.consumer.container_definitions)[0].stopTimeout == 115
    error_message = "Fargate's limit is 120 seconds, and the daemon says goodbye for 4."
  }
}

# --- What is refused ---

run "a_name_with_a_space" {
  command = plan
  variables {
    name = "Branch Line"
  }
  expect_failures = [var.name]
}

run "a_clone_may_be_called_anything" {
  command = plan
  variables {
    clone_names = ["*"]
  }
  expect_failures = [var.clone_names]
}

run "any_role_may_be_passed" {
  command = plan
  variables {
    pipeline_role_arns = ["arn:aws:iam::123456789012:role/*"]
  }
  expect_failures = [var.pipeline_role_arns]
}

run "no_secret" {
  command = plan
  variables {
    webhook_secret_arns = []
  }
  expect_failures = [var.webhook_secret_arns]
}

run "fewer_tasks_at_most_than_at_least" {
  command = plan
  variables {
    min_tasks = 5
  }
  expect_failures = [var.max_tasks]
}

run "another_processor" {
  command = plan
  variables {
    cpu_architecture = "RISCV"
  }
  expect_failures = [var.cpu_architecture]
}
