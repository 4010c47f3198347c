"""scripts/acceptance: plays the main story in a real account, and asks AWS what is not documented.

place.py is what a story and a question can use; sandbox.py makes it on this machine, and account.py
in a real account, with Terraform. story.py is the story of one pull request, probes.py creates the
pipelines and queues of the questions, and questions/ has a file for each service.

The sandbox has the same answers as the code assumes, so that a run in it tests the script, not AWS.
"""
