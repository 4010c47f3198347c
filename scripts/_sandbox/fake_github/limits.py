"""GitHub's rate limits: the primary one by the hour, and the secondary ones by the minute.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from collections import deque
from dataclasses import dataclass, field

from .answers import Refusal

PER_HOUR = 5_000
POINTS_PER_MINUTE = 900
CONTENT_PER_MINUTE = 80
CONTENT_PER_HOUR = 500
READ_POINTS = 1
WRITE_POINTS = 5
RETRY_AFTER = 60


@dataclass
class Budget:
    """What one owner (an installation, a person, the App) has used."""

    limit: int = PER_HOUR
    used: int = 0
    reset: float = 0.0
    content: deque[float] = field(default_factory=deque)
    points: deque[tuple[float, int]] = field(default_factory=deque)

    def renew(self, now: float) -> None:
        """Begins a new hour if the last one is over."""
        if now >= self.reset:
            self.used, self.reset = 0, now + 3600

    def headers(self) -> dict[str, str]:
        """Returns the headers of the primary limit."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(0, self.limit - self.used)),
            "x-ratelimit-reset": str(int(self.reset)),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-resource": "core",
        }


@dataclass
class Secondary:
    """A secondary limit that a test has set, until a time."""

    until: float
    status: int = 403
    retry_after: bool = True


class Limits:
    """The budgets of a world."""

    def __init__(self) -> None:
        self.secondary: Secondary | None = None
        self.counts_by_the_minute = True
        self._budgets: dict[str, Budget] = {}

    def budget(self, owner: str, now: float) -> Budget:
        """Returns the budget of an owner."""
        budget = self._budgets.setdefault(owner, Budget())
        budget.renew(now)
        return budget

    def check(self, owner: str, now: float, *, creates: bool, is_read: bool) -> None:
        """Raises the refusal of a limit that is reached. Otherwise counts the request."""
        budget = self.budget(owner, now)
        if budget.used >= budget.limit:
            subject = owner.replace("installation ", "installation ID ").replace("user", "user ID")
            raise Refusal(403, f"API rate limit exceeded for {subject}.", headers=budget.headers())
        self._check_secondary(budget, now, creates, READ_POINTS if is_read else WRITE_POINTS)
        budget.used += 1

    def give_back(self, owner: str, now: float) -> None:
        """Does not count a request that was answered with 304."""
        self.budget(owner, now).used -= 1

    def _check_secondary(self, budget: Budget, now: float, creates: bool, points: int) -> None:
        if self.secondary is not None and now < self.secondary.until:
            raise _secondary(self.secondary, now)
        if not self.counts_by_the_minute:
            return
        while budget.content and budget.content[0] <= now - 3600:
            budget.content.popleft()
        while budget.points and budget.points[0][0] <= now - 60:
            budget.points.popleft()
        in_last_minute = sum(1 for each in budget.content if each > now - 60)
        is_full = in_last_minute >= CONTENT_PER_MINUTE or len(budget.content) >= CONTENT_PER_HOUR
        spent = sum(each for _, each in budget.points) + points
        if (creates and is_full) or spent > POINTS_PER_MINUTE:
            raise _secondary(Secondary(now + RETRY_AFTER), now)
        budget.points.append((now, points))
        if creates:
            budget.content.append(now)


def _secondary(limit: Secondary, now: float) -> Refusal:
    headers = {"retry-after": str(int(limit.until - now) + 1)} if limit.retry_after else {}
    message = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
    return Refusal(limit.status, message, headers=headers)
