# Run `terraform test` in infra/: it tests the module with a mocked AWS provider, needs no account
# and creates nothing. scripts/infra-check runs the same tests with a stand-in for the provider, so
# that nothing is downloaded either.

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
  # The real provider validates these values and rejects a mocked value that is not an ARN.
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:123456789012:rule/branchline-pipeline-events" }
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

override_resource {
  target = aws_sqs_queue.undelivered_events
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:branchline-undelivered-events" }
}

# The variables without a default.
variables {
  rules               = [{ repository = ["acme/api"], on = "pull_request", template = "api-template" }]
  image               = "registry.example.com/branchline:1"
  webhook_secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:branchline/webhook-AbCdEf"]
  pipeline_role_arns  = ["arn:aws:iam::123456789012:role/api-pipeline"]
  vpc_id              = "vpc-0123456789abcdef0"
  subnet_ids          = ["subnet-0123456789abcdef0"]

  manage_api_gateway_account = false
}

run "defaults" {
  assert {
    condition     = jsondecode(aws_sqs_queue.webhooks.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead_letters.arn, maxReceiveCount = 100 }
    error_message = "SQS must redrive long after the daemon dead-letters a message itself."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue.internal.redrive_policy) == jsondecode(aws_sqs_queue.webhooks.redrive_policy)
    error_message = "The internal queue must have the redrive policy of the webhook queue."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead_letters.redrive_allow_policy).sourceQueueArns == [aws_sqs_queue.webhooks.arn, aws_sqs_queue.internal.arn]
    error_message = "Only the two queues that the daemon receives from may redrive to the dead-letter queue."
  }
  assert {
    condition     = [for s in jsondecode(aws_sqs_queue_policy.access["internal"].policy).Statement : s.Principal if s.Effect == "Allow"] == [{ Service = "events.amazonaws.com" }, { AWS = aws_iam_role.daemon.arn }]
    error_message = "The internal queue's policy must name EventBridge and the daemon's role as the only senders."
  }
  assert {
    condition     = alltrue([for queue in ["internal", "undelivered_events"] : jsondecode(aws_sqs_queue_policy.access[queue].policy).Statement[0].Condition == { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.pipelines.arn } }])
    error_message = "EventBridge must send for the one rule only."
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.pipelines.event_pattern).detail.pipeline == [{ prefix = "api-pr-" }]
    error_message = "The rule must select the clones by what their names begin with."
  }
  assert {
    condition     = aws_cloudwatch_event_target.internal_queue.arn == aws_sqs_queue.internal.arn && one(aws_cloudwatch_event_target.internal_queue.dead_letter_config).arn == aws_sqs_queue.undelivered_events.arn
    error_message = "Events must go to the internal queue, and those that cannot be sent to their own queue."
  }
  assert {
    condition     = strcontains(aws_ssm_parameter.configuration[0].value, "internal_url    = \"${aws_sqs_queue.internal.url}\"")
    error_message = "The daemon must know the internal queue."
  }
  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.api.policy).Statement : [s.Action, s.Resource]] == [["sqs:SendMessage", aws_sqs_queue.webhooks.arn]]
    error_message = "The API may send webhooks and nothing else."
  }
  assert {
    condition     = aws_api_gateway_integration.sqs["a"].passthrough_behavior == "NEVER" && toset(keys(aws_api_gateway_integration.sqs["a"].request_templates)) == toset(["application/json", "application/x-www-form-urlencoded"])
    error_message = "Only the two content types of GitHub may reach SQS."
  }
  assert {
    condition     = jsondecode(nonsensitive(aws_api_gateway_rest_api_policy.webhooks.policy)).Statement[0].Resource == ["${aws_api_gateway_rest_api.webhooks.execution_arn}/*/POST/${nonsensitive(aws_api_gateway_resource.webhook["a"].path_part)}"]
    error_message = "The resource policy must allow a POST to the one URL and nothing else."
  }
  assert {
    condition     = !can(jsondecode(nonsensitive(aws_api_gateway_rest_api_policy.webhooks.policy)).Statement[0].Condition) && length(aws_wafv2_web_acl.webhooks) + length(aws_wafv2_web_acl_association.webhooks) == 0
    error_message = "Without address ranges and a web ACL, the API must accept every address and have no web ACL."
  }
  assert {
    condition     = can(regex("^webhook-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", nonsensitive(aws_api_gateway_resource.webhook["a"].path_part)))
    error_message = "The URL must end in a random token."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : !contains(["PullImage", "LogInToRegistry", "DecryptSecrets"], s.Sid)])
    error_message = "An image outside ECR and secrets under the AWS managed key need no permission."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.daemon.policy).Statement : !endswith(s.Sid, "Connections")])
    error_message = "Without connections, the daemon needs no permission to pass one."
  }
  assert {
    condition     = aws_dynamodb_table.mappings.deletion_protection_enabled && aws_appautoscaling_target.consumer.min_capacity == 1
    error_message = "By default the table must be protected, and one task must run."
  }
}

run "codestar_connection_is_passed_under_both_prefixes" {
  variables {
    connection_arns = ["arn:aws:codestar-connections:eu-west-1:123456789012:connection/00000000-0000-4000-8000-000000000000"]
  }
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.daemon.policy).Statement : [s.Action, s.Resource] if endswith(s.Sid, "Connections")] == [
      ["codeconnections:PassConnection", ["arn:aws:codeconnections:eu-west-1:123456789012:connection/00000000-0000-4000-8000-000000000000"]],
      ["codestar-connections:PassConnection", ["arn:aws:codestar-connections:eu-west-1:123456789012:connection/00000000-0000-4000-8000-000000000000"]],
    ]
    error_message = "Each prefix must have a statement of its own, on its own ARN."
  }
}

run "clones_with_any_name" {
  variables {
    clone_names = ["api-pr-*", "*-preview"]
  }
  assert {
    condition     = !can(jsondecode(aws_cloudwatch_event_rule.pipelines.event_pattern).detail)
    error_message = "A pattern that begins with a wildcard needs the events of every pipeline."
  }
}

run "an_app_at_github" {
  variables {
    github  = { app = "Iv23liAbCdEf", private_key = "env:GITHUB_APP_KEY" }
    secrets = { GITHUB_APP_KEY = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:github-AbCdEf" }
  }
  assert {
    condition     = can(regex("app = \"Iv23liAbCdEf\"\n *private_key = \"env:GITHUB_APP_KEY\"", aws_ssm_parameter.configuration[0].value))
    error_message = "The configuration must name the App and refer to its key."
  }
}

run "address_ranges_web_acl_and_ecr_image" {
  variables {
    source_cidrs = ["192.0.2.0/24"]
    web_acl_arn  = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/web/11111111-2222-4333-8444-555555555555"
    image        = "999999999999.dkr.ecr.us-east-1.amazonaws.com/team/branchline@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }
  assert {
    condition     = jsondecode(nonsensitive(aws_api_gateway_rest_api_policy.webhooks.policy)).Statement[0].Condition.IpAddress["aws:SourceIp"] == ["192.0.2.0/24"]
    error_message = "Only these address ranges may call the API."
  }
  assert {
    condition     = aws_wafv2_web_acl_association.webhooks[0].resource_arn == aws_api_gateway_stage.live.arn && aws_wafv2_web_acl_association.webhooks[0].web_acl_arn == var.web_acl_arn && length(aws_wafv2_web_acl.webhooks) == 0
    error_message = "The given web ACL must be associated with the stage, and no other created."
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : s.Resource if s.Sid == "PullImage"]) == "arn:aws:ecr:us-east-1:999999999999:repository/team/branchline"
    error_message = "The execution role must be able to pull this image and no other."
  }
}

run "built_in_web_acl_without_address_ranges" {
  variables {
    web_acl_rate = 2000
  }
  assert {
    condition     = one(aws_wafv2_web_acl.webhooks[0].rule).statement[0].rate_based_statement[0].limit == 2000 && length(one(aws_wafv2_web_acl.webhooks[0].rule).statement[0].rate_based_statement[0].scope_down_statement) == 0 && length(aws_wafv2_ip_set.trusted) == 0
    error_message = "Without address ranges, the rate rule must count every address."
  }
}

run "two_urls_during_a_rotation" {
  variables {
    path_tokens = ["a", "b"]
  }
  assert {
    condition     = length(distinct([for resource in aws_api_gateway_resource.webhook : nonsensitive(resource.path_part)])) == 2
    error_message = "Each URL must have a token of its own."
  }
  assert {
    condition     = length(jsondecode(nonsensitive(aws_api_gateway_rest_api_policy.webhooks.policy)).Statement[0].Resource) == 2
    error_message = "Both URLs must be accepted."
  }
}

run "without_access_logs_no_account_role" {
  variables {
    access_logs = false
  }
  assert {
    condition     = length(aws_api_gateway_account.logs) + length(aws_iam_role.api_logs) + length(aws_cloudwatch_log_group.access) + length(aws_api_gateway_stage.live.access_log_settings) == 0
    error_message = "Without access logs, the resources that only serve them must not exist."
  }
}

run "two_secrets_during_a_rotation" {
  variables {
    webhook_secret_arns = [
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:new-AbCdEf",
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:old-AbCdEf",
    ]
  }
  assert {
    condition     = strcontains(aws_ssm_parameter.configuration[0].value, "secrets = [\"env:WEBHOOK_SECRET_0\",\"env:WEBHOOK_SECRET_1\"]")
    error_message = "The configuration must name both secrets."
  }
  assert {
    condition     = tolist([for s in jsondecode(aws_ecs_task_definition.consumer.container_definitions)[0].secrets : s.valueFrom if s.name != "BRANCHLINE_TOML"]) == var.webhook_secret_arns
    error_message = "The task definition must pass both secrets."
  }
}

run "each_webhook_with_a_secret_of_its_own" {
  variables {
    webhook_secret_arns = []
    secrets             = { API_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:github-AbCdEf:api::" }
    github              = { secret = [{ value = "env:API_SECRET", repositories = ["acme/api"] }] }
  }
  assert {
    condition     = can(regex("\\[github\\]\\s+\\[\\[github.secret\\]\\]\\s+repositories = \\[\"acme/api\"\\]\\s+value = \"env:API_SECRET\"\\s+\\[\\[rule\\]\\]", aws_ssm_parameter.configuration[0].value))
    error_message = "Without secrets for all repositories, the list must be left out: an empty one is refused."
  }
  assert {
    condition     = [for s in jsondecode(aws_ecs_task_definition.consumer.container_definitions)[0].secrets : s.valueFrom if s.name == "API_SECRET"] == [var.secrets.API_SECRET]
    error_message = "The task definition must pass the secret."
  }
  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.execution.policy).Statement : s.Resource if s.Sid == "ReadSecrets"]) == ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:github-AbCdEf"]
    error_message = "The permission must name the secret, without the key."
  }
}

run "keys_of_the_services" {
  assert {
    condition     = alltrue([for queue in local.all_queues : queue.sqs_managed_sse_enabled && queue.kms_master_key_id != "x"])
    error_message = "Without a key, SQS must encrypt with its own."
  }
  assert {
    condition     = !one(aws_dynamodb_table.mappings.server_side_encryption).enabled && aws_cloudwatch_log_group.consumer.kms_key_id == null
    error_message = "Without keys, DynamoDB and CloudWatch Logs must encrypt with their own."
  }
  assert {
    condition     = !strcontains(join("", [aws_iam_role_policy.daemon.policy, aws_iam_role_policy.api.policy, aws_iam_role_policy.execution.policy, aws_iam_policy.operator[0].policy]), "kms:")
    error_message = "Without keys, nobody needs a permission for one."
  }
}

run "operators_without_secrets" {
  variables {
    operators_read_secrets = false
    kms_key_arns           = { secrets = ["arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-4333-8444-555555555555"] }
  }
  assert {
    condition     = length([for s in jsondecode(aws_iam_policy.operator[0].policy).Statement : s if endswith(s.Sid, "Secrets")]) == 0
    error_message = "The policy for operators must not allow reading secrets."
  }
}

run "stop_timeout_covers_the_drain" {
  variables {
    drain_timeout = 100
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.consumer.container_definitions)[0].stopTimeout == 115
    error_message = "The stop timeout must be the drain timeout plus 15 seconds: Fargate allows 120, and the daemon needs 4 for its last acknowledgements."
  }
}

# --- Rejected variables ---

run "name_with_a_space" {
  command = plan
  variables {
    name = "Branch Line"
  }
  expect_failures = [var.name]
}

run "clone_names_that_match_any_pipeline" {
  command = plan
  variables {
    clone_names = ["*"]
  }
  expect_failures = [var.clone_names]
}

run "clone_names_that_cover_a_template" {
  command = plan
  variables {
    clone_names = ["api-*"]
  }
  expect_failures = [aws_iam_role_policy.daemon]
}

run "pipeline_roles_with_a_wildcard" {
  command = plan
  variables {
    pipeline_role_arns = ["arn:aws:iam::123456789012:role/*"]
  }
  expect_failures = [var.pipeline_role_arns]
}

run "no_webhook_secret" {
  command = plan
  variables {
    webhook_secret_arns = []
  }
  expect_failures = [var.webhook_secret_arns]
}

run "a_rule_with_a_secret_that_is_not_passed" {
  command = plan
  variables {
    rules = [{ repository = ["acme/api"], on = "pull_request", template = "api-template", secrets = { "Source/GitHub/OAuthToken" = "env:GITHUB_TOKEN" } }]
  }
  expect_failures = [var.secrets]
}

run "an_app_without_its_key" {
  command = plan
  variables {
    github = { app = "Iv23liAbCdEf" }
  }
  expect_failures = [var.github]
}

run "max_tasks_below_min_tasks" {
  command = plan
  variables {
    min_tasks = 5
  }
  expect_failures = [var.max_tasks]
}

run "unsupported_cpu_architecture" {
  command = plan
  variables {
    cpu_architecture = "RISCV"
  }
  expect_failures = [var.cpu_architecture]
}
