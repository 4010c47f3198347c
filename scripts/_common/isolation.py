"""The environment of a child process, without the AWS and branchline settings of the person.

The credentials are made up, so nothing that runs in this environment can reach a real account.
"""

import os

REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
LOCAL = "127.0.0.1"


def environment(**more: str) -> dict[str, str]:
    """Returns the variables of this process with every AWS and branchline setting replaced.

    A profile, a session token or an endpoint of the person's shell would otherwise be mixed in.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BRANCHLINE_"))}
    isolated = {
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": LOCAL,
        "no_proxy": LOCAL,
    }
    return kept | isolated | CREDENTIALS | more


def isolate() -> None:
    """Applies the same to this process. Call it before the first client is made."""
    wanted = environment()
    os.environ.clear()
    os.environ.update(wanted)
