"""The tools of tests/gateway: the mapping template in the engine of AWS, and its results in SQS.

case.py, corpus.py and headers.py have the webhooks, engine.py renders the template, and arrivals.py
sends the forms to an emulated SQS and reads them with branchline. packages.py installs the engine.
"""
