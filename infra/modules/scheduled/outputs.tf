output "schedule_arn" {
  description = "The schedule, which `aws scheduler get-schedule` shows."
  value       = aws_scheduler_schedule.this.arn
}

output "role_arn" {
  description = "The role with which the schedule runs a task."
  value       = aws_iam_role.scheduler.arn
}
