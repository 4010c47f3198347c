"""scripts/e2e: applies infra/ to emulators and runs the daemon there, with webhooks over HTTP.

LocalStack emulates API Gateway and SQS, because no other emulator runs the integration between the
two. moto emulates the rest. main.py has the phases, module.py applies Terraform, container.py
starts the daemon, and steps.py has the checks.

These emulators do not show IAM, the policies of queues and API (scripts/infra-check checks them),
throttling, access logs, alarms and scaling. Arguments that need a newer provider are left out: see
module.py.
"""
