# The daemon's metrics. dashboards/grafana.json is the same dashboard for Grafana.
resource "aws_cloudwatch_dashboard" "metrics" {
  count          = var.metrics == "cloudwatch" && var.create_dashboard ? 1 : 0
  dashboard_name = "${var.name}-${local.region}" # one name for all Regions of the account
  dashboard_body = templatefile("${path.module}/dashboards/cloudwatch.json.tftpl", {
    name     = local.owner # the namespace of the metrics
    region   = local.region
    webhooks = aws_sqs_queue.webhooks.name
    internal = aws_sqs_queue.internal.name
  })
}
