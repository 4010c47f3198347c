"""What a GitHub contains: the App, its installations, tokens, repositories, and their content."""

import itertools
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from _common.isolation import REGION

from .faults import Faults
from .limits import Limits
from .specification import Json

APP_ID = 4242
CLIENT_ID = "Iv23liBranchlineFake"
SLUG = "branchline"
HOMEPAGE = "https://branchline.invalid/"

PERMISSIONS = {
    "checks": "write",
    "contents": "read",
    "deployments": "write",
    "issues": "write",
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
EVENTS = [
    "check_run",
    "check_suite",
    "create",
    "delete",
    "issue_comment",
    "merge_group",
    "pull_request",
    "push",
    "repository",
]


@dataclass
class App:
    """The GitHub App. All worlds have the same one, with the key of the server."""

    permissions: dict[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    events: list[str] = field(default_factory=lambda: list(EVENTS))


@dataclass
class Installation:
    """The App's installation in an account."""

    id: int
    account: str
    permissions: dict[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    events: list[str] = field(default_factory=lambda: list(EVENTS))
    repositories: list[int] | None = None
    """The ids of the repositories, or None for all of the account."""
    suspended: bool = False


@dataclass
class Token:
    """A token of an installation, or a fine-grained token of a person."""

    text: str
    permissions: dict[str, str]
    repositories: list[int] | None
    expires_at: float | None = None
    installation: int | None = None
    login: str | None = None


@dataclass
class PullRequest:
    """A pull request of a repository, with the commits that were its head."""

    number: int
    title: str
    head_ref: str
    head_sha: str
    head_repository: str | None
    """The full name of the head's repository, or None if the fork was deleted."""
    base_ref: str
    login: str = "ada"
    state: str = "open"
    draft: bool = False
    merged: bool = False
    locked: bool = False
    labels: list[str] = field(default_factory=list)
    created_at: float = 0.0
    updated_at: float = 0.0
    closed_at: float | None = None
    heads: list[str] = field(default_factory=list)


@dataclass
class Status:
    """A commit status. It never changes; the newest of a context counts."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: str
    created_at: float


@dataclass
class CheckSuite:
    """The check runs of one App for a commit."""

    id: int
    sha: str
    status: str = "queued"


@dataclass
class CheckRun:
    """A check run of the App."""

    id: int
    suite: CheckSuite
    name: str
    status: str = "queued"
    conclusion: str | None = None
    details_url: str | None = None
    external_id: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    output: Json = field(default_factory=dict)
    actions: list[Json] = field(default_factory=list)
    annotations: int = 0


@dataclass
class Comment:
    """A comment of an issue or a pull request."""

    id: int
    number: int
    body: str
    login: str
    by_app: bool
    created_at: float
    updated_at: float


@dataclass
class DeploymentStatus:
    """A status of a deployment. It never changes; the newest counts."""

    id: int
    state: str
    description: str
    environment_url: str
    log_url: str
    creator: str
    created_at: float


@dataclass
class Deployment:
    """A deployment of a commit to an environment."""

    id: int
    sha: str
    ref: str
    task: str
    environment: str
    payload: Any
    description: str | None
    transient: bool
    production: bool
    creator: str
    created_at: float
    statuses: list[DeploymentStatus] = field(default_factory=list)

    @property
    def state(self) -> str:
        """Returns the state of the newest status. Without one, GitHub shows it as pending."""
        return self.statuses[-1].state if self.statuses else "pending"


@dataclass
class Repository:
    """A repository and its content."""

    id: int
    full_name: str
    default_branch: str = "main"
    private: bool = False
    archived: bool = False
    branches: dict[str, str] = field(default_factory=dict)
    commits: set[str] = field(default_factory=set)
    pull_requests: dict[int, PullRequest] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    suites: dict[str, CheckSuite] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    files: dict[tuple[str, str], Json] = field(default_factory=dict)
    """What each commit has under a path: a type, and the text of a file or its size."""

    @property
    def owner(self) -> str:
        """Returns the name of the account."""
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        """Returns the name within the account."""
        return self.full_name.partition("/")[2]

    def resolve(self, ref: str) -> str | None:
        """Returns the commit of a SHA, a branch, or the full name of a branch."""
        if ref in self.commits:
            return ref
        return self.branches.get(ref.removeprefix("refs/").removeprefix("heads/"))


@dataclass(frozen=True)
class FrontDoor:
    """The queue behind the URL of the webhooks."""

    queue_url: str
    region: str = REGION


class World:
    """One GitHub. A test has its own, so that tests do not see each other."""

    def __init__(self, base: str, app_key: str) -> None:
        self.base = base
        """The URL of its API."""
        self.app_key = app_key
        """The private key of the App, as GitHub sends it when an App is created."""
        self.lock = threading.RLock()
        self.clock_offset = 0.0
        self.limits = Limits()
        self.faults = Faults()
        self.app = App()
        self.installations: dict[int, Installation] = {1001: Installation(1001, "acme")}
        self.repositories: dict[int, Repository] = {}
        self.renamed: dict[str, int] = {}
        """The ids of repositories by the names that they had before."""
        self.tokens: dict[str, Token] = {}
        self.deliveries: dict[str, list[Json]] = {}
        """The deliveries of each hook: `app`, `repos/730001/HOOK_ID` or `orgs/acme/HOOK_ID`."""
        self.front_door: FrontDoor | None = None
        """Where webhooks are delivered again. Without it, a redelivery goes nowhere."""
        self.webhooks: list[Json] = []
        """The webhooks that GitHub would have sent: `{"event", "payload"}`."""
        self.violations: list[Json] = []
        self.requests: list[Json] = []
        self.in_flight = 0
        self._ids = itertools.count(5_000_000_001)
        self.add_repository(Repository(730001, "acme/api"))

    def now(self) -> float:
        """Returns GitHub's time, which a test can move on."""
        return time.time() + self.clock_offset

    def new_id(self) -> int:
        """Returns an id that nothing has. GitHub's exceed 32 bits."""
        return next(self._ids)

    def add_repository(self, repository: Repository) -> None:
        """Adds a repository with a commit on its default branch."""
        sha = f"{repository.id:040x}"
        repository.branches.setdefault(repository.default_branch, sha)
        repository.commits.update(repository.branches.values())
        self.repositories[repository.id] = repository

    def repository(self, full_name: str) -> Repository | None:
        """Finds a repository by its present name."""
        wanted = full_name.lower()
        found = self.repositories.values()
        return next((each for each in found if each.full_name.lower() == wanted), None)

    def installation_of(self, repository: Repository) -> Installation | None:
        """Returns the installation that covers a repository."""
        for each in self.installations.values():
            covers = each.repositories is None or repository.id in each.repositories
            if each.account == repository.owner and covers:
                return each
        return None

    def violate(self, what: str, **more: Any) -> None:
        """Records what the client or the fake must not do."""
        self.violations.append({"what": what, **more})


def timestamp(seconds: float) -> str:
    """Returns a time as GitHub writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
