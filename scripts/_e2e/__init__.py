"""scripts/e2e: the Terraform of infra/ applied to emulators, and the daemon it describes at work there, over HTTP.

LocalStack is API Gateway and SQS, since no other emulator runs the integration between the two; moto is the rest.
__main__.py is the order of things, module.py applies, container.py starts the daemon, steps.py is what is checked.

What no emulator here does, and this cannot show: IAM and the policies of queues and API (scripts/infra-check judges
them), throttling, access logs, alarms and scaling. What only a newer provider knows is left out: see module.py.
"""
