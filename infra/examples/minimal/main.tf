# branchline for one repository whose template pipeline, connection, webhook secret and network
# exist already. Create the webhook at GitHub with the output below: ../../README.md, step 5.
module "branchline" {
  source                     = "../.."
  rules                      = [{ repository = ["acme/api"], on = "pull_request", template = "api-template" }]
  pipeline_role_arns         = ["arn:aws:iam::123456789012:role/api-pipeline"]
  connection_arns            = ["arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-2222-4333-8444-555555555555"]
  webhook_secret_arns        = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:branchline/webhook-AbCdEf"]
  vpc_id                     = "vpc-0123456789abcdef0"
  subnet_ids                 = ["subnet-0123456789abcdef0"]
  manage_api_gateway_account = true # if `aws apigateway get-account` shows no cloudwatchRoleArn
}

output "webhook_url" {
  description = "The payload URL for GitHub's form. It ends in a secret."
  value       = module.branchline.webhook_urls["a"]
  sensitive   = true
}
