"""Questions to GitHub. They need a token with the permission to write commit statuses."""

import http.client
import json
import os
import urllib.parse
from typing import Any

from ..asking import Answer, Asking, Questions

QUESTIONS = Questions()
ask = QUESTIONS.add

TOKEN = "ACCEPTANCE_GITHUB_TOKEN"
API = "ACCEPTANCE_GITHUB_API"
CONTEXT = "branchline/acceptance"
SECONDS = 30


@ask(
    "long-description",
    "What does GitHub answer for a commit status with a description of 141 characters?",
    assumed="422: branchline cuts descriptions to 140",
    where="src/domain/report/mod.rs",
)
def long_description(asking: Asking) -> Answer:
    if not os.environ.get(TOKEN):
        return Answer.unasked(f"{TOKEN} is not set")
    status, answer = _status(asking, asking.place.commits[1], "x" * 141)
    return Answer.of(f"{status} {_message(answer)}", holds=status == 422)


@ask(
    "status-of-a-commit",
    "Can the token set a status of the head commit?",
    assumed="yes, with 201",
    where="docs/GITHUB.md",
)
def status_of_a_commit(asking: Asking) -> Answer:
    if not os.environ.get(TOKEN):
        return Answer.unasked(f"{TOKEN} is not set")
    status, answer = _status(asking, asking.place.commits[1], "Asked by scripts/acceptance")
    return Answer.of(f"{status} {_message(answer)}".strip(), holds=status == 201)


@ask(
    "status-of-a-fork",
    "Can it set a status of a fork's commit in the base repository?",
    assumed="yes: the head of a pull request is known there",
    where="docs/GITHUB.md",
)
def status_of_a_fork(asking: Asking) -> Answer:
    if not os.environ.get(TOKEN):
        return Answer.unasked(f"{TOKEN} is not set")
    if not asking.place.fork_commit:
        return Answer.unasked("no commit of a fork was given (--fork-commit)")
    status, answer = _status(asking, asking.place.fork_commit, "Asked by scripts/acceptance")
    return Answer.of(f"{status} {_message(answer)}".strip(), holds=status == 201)


def _status(asking: Asking, commit: str, description: str) -> tuple[int, Any]:
    """Posts a commit status, and returns the HTTP status and the answer."""
    base = urllib.parse.urlsplit(os.environ.get(API, "https://api.github.com"))
    secure = base.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connect(base.hostname or "", base.port, timeout=SECONDS)
    body = {"state": "success", "context": CONTEXT, "description": description}
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ[TOKEN]}",
        "Content-Type": "application/json",
        "User-Agent": "branchline-acceptance",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    path = f"{base.path}/repos/{asking.place.repository}/statuses/{commit}"
    try:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def _message(answer: Any) -> str:
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""
