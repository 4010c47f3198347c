"""Who calls, and what they may do: the App by its JWT, an installation or a person by a token."""

import secrets
from dataclasses import dataclass
from typing import Any

import jwt

from . import content
from .answers import Refusal, not_found
from .content import Installation, Repository, Token, World

MAX_JWT_SECONDS = 600
TOKEN_SECONDS = 3600
LEVELS = {"read": 0, "write": 1, "admin": 2}

APP = "app"
"""Instead of permissions: the operation needs the App's JWT."""

ANYONE = "anyone"

_READ_CODE = [{"contents": "read"}]
_COMMENT = [{"issues": "write"}, {"pull_requests": "write"}]
_HOOKS = [{"repository_hooks": "write"}]
_ORGANISATION_HOOKS = [{"organization_hooks": "write"}]

NEEDS: dict[str, Any] = {
    "apps/create-from-manifest": ANYONE,
    "apps/list-repos-accessible-to-installation": [{}],
    "apps/revoke-installation-access-token": [{}],
    "checks/create": [{"checks": "write"}],
    "checks/get": [{"checks": "read"}],
    "checks/list-for-ref": [{"checks": "read"}],
    "checks/rerequest-run": [{"checks": "write"}],
    "checks/rerequest-suite": [{"checks": "write"}],
    "checks/update": [{"checks": "write"}],
    "git/get-commit": _READ_CODE,
    "issues/create-comment": _COMMENT,
    "issues/delete-comment": _COMMENT,
    "issues/get-comment": [{"issues": "read"}, {"pull_requests": "read"}],
    "issues/list-comments": [{"issues": "read"}, {"pull_requests": "read"}],
    "issues/update-comment": _COMMENT,
    "orgs/get-webhook-delivery": _ORGANISATION_HOOKS,
    "orgs/list-webhook-deliveries": _ORGANISATION_HOOKS,
    "orgs/redeliver-webhook-delivery": _ORGANISATION_HOOKS,
    "pulls/get": [{"pull_requests": "read"}, {"contents": "read"}],
    "pulls/list": [{"pull_requests": "read"}],
    "rate-limit/get": ANYONE,
    "repos/create-commit-status": [{"statuses": "write"}],
    "repos/create-deployment": [{"deployments": "write"}],
    "repos/create-deployment-status": [{"deployments": "write"}],
    "repos/get": [{"metadata": "read"}],
    "repos/get-branch": _READ_CODE,
    "repos/get-combined-status-for-ref": [{"statuses": "read"}],
    "repos/get-content": _READ_CODE,
    "repos/get-webhook-delivery": _HOOKS,
    "repos/list-branches": _READ_CODE,
    "repos/list-for-authenticated-user": [{"metadata": "read"}],
    "repos/list-commit-statuses-for-ref": [{"statuses": "read"}],
    "repos/list-deployment-statuses": [{"deployments": "read"}],
    "repos/list-deployments": [{"deployments": "read"}],
    "repos/list-webhook-deliveries": _HOOKS,
    "repos/redeliver-webhook-delivery": _HOOKS,
    "users/get-authenticated": [{}],
}
"""The permissions of each operation, as sets of which one is enough. Others need the JWT."""

APPS_ONLY = {"checks/create", "checks/rerequest-run", "checks/rerequest-suite", "checks/update"}


@dataclass(frozen=True)
class Caller:
    """Who made a request."""

    kind: str
    """`app`, `installation`, `person`, or `anyone`."""
    owner: str
    """Whose rate limit counts."""
    token: Token | None = None

    @property
    def is_integration(self) -> bool:
        """Returns whether this is the App in one of its installations."""
        return self.kind == "installation"


def identify(world: World, public_key: bytes, header: str | None) -> Caller:
    """Returns the caller of a request, by its Authorization header."""
    if not header:
        return Caller("anyone", "anyone")
    scheme, _, credential = header.partition(" ")
    if scheme.lower() not in ("bearer", "token") or not credential:
        raise _bad("Bad credentials")
    token = world.tokens.get(credential)
    if token is not None:
        return _by_token(world, token)
    if credential.count(".") == 2 and not credential.startswith(("ghs_", "github_pat_")):
        if scheme.lower() != "bearer":
            raise _bad("A JSON web token could not be decoded")
        _check_jwt(world, public_key, credential)
        return Caller("app", f"app {content.APP_ID}")
    raise _bad("Bad credentials")


def _by_token(world: World, token: Token) -> Caller:
    if token.expires_at is not None and token.expires_at <= world.now():
        raise _bad("Bad credentials")
    if token.installation is None:
        return Caller("person", f"user {token.login}", token)
    installation = world.installations.get(token.installation)
    if installation is None:
        raise _bad("Bad credentials")
    if installation.suspended:
        raise Refusal(403, "This installation has been suspended")
    return Caller("installation", f"installation {installation.id}", token)


def _check_jwt(world: World, public_key: bytes, text: str) -> None:
    try:
        claims = jwt.decode(
            text,
            public_key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_iss": False},
        )
    except jwt.PyJWTError:
        raise _bad("A JSON web token could not be decoded") from None
    now = world.now()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, (int, float)) or issued > now:
        raise _bad(
            "'Issued at' claim ('iat') must be an Integer representing the time that the "
            "assertion was issued"
        )
    if not isinstance(expires, (int, float)) or expires <= now:
        raise _bad(
            "'Expiration time' claim ('exp') must be a numeric value representing the future "
            "time at which the assertion expires"
        )
    if expires > now + MAX_JWT_SECONDS:
        raise _bad("'Expiration time' claim ('exp') is too far in the future")
    if claims.get("iss") not in (content.APP_ID, str(content.APP_ID), content.CLIENT_ID):
        raise Refusal(404, "Integration not found")


def _bad(message: str) -> Refusal:
    return Refusal(401, message)


def accepted(operation: str) -> str | None:
    """Returns the value of `x-accepted-github-permissions`, or None without permissions."""
    sets = NEEDS.get(operation, APP)
    if not isinstance(sets, list) or not any(sets):
        return None
    return "; ".join(",".join(f"{name}={level}" for name, level in each.items()) for each in sets)


def check(world: World, operation: str, caller: Caller, repository: Repository | None) -> None:
    """Raises the refusal of a caller who may not do this."""
    needs = NEEDS.get(operation, APP)
    if needs == ANYONE:
        return
    if caller.kind == "anyone":
        raise Refusal(401, "Requires authentication")
    if (needs == APP) != (caller.kind == "app"):
        raise _bad("A JSON web token could not be decoded" if needs == APP else "Bad credentials")
    token = caller.token
    if needs == APP or token is None:
        return
    if repository is not None and not sees(world, token, repository):
        raise not_found()
    if operation in APPS_ONLY and not caller.is_integration:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    if not any(_holds(token.permissions, each) for each in needs):
        what = "integration" if caller.is_integration else "personal access token"
        raise Refusal(403, f"Resource not accessible by {what}")


def sees(world: World, token: Token, repository: Repository) -> bool:
    """Returns whether a token covers a repository."""
    if token.installation is not None:
        installation = world.installation_of(repository)
        if installation is None or installation.id != token.installation:
            return False
    return token.repositories is None or repository.id in token.repositories


def _holds(has: dict[str, str], needed: dict[str, str]) -> bool:
    return all(
        name == "metadata" or (name in has and LEVELS[has[name]] >= LEVELS[level])
        for name, level in needed.items()
    )


def exceeds(asked: dict[str, str], granted: dict[str, str]) -> bool:
    """Returns whether permissions are asked for that were not granted."""
    return not _holds(granted, asked)


def new_token(
    world: World,
    installation: Installation,
    permissions: dict[str, str],
    repositories: list[int] | None,
) -> Token:
    """Creates an installation token: `ghs_`, the App's id, and something long that is opaque."""
    parts = (secrets.token_urlsafe(60), secrets.token_urlsafe(240), secrets.token_urlsafe(64))
    text = f"ghs_{content.APP_ID}_{'.'.join(parts)}"
    expires = world.now() + TOKEN_SECONDS
    token = Token(text, permissions, repositories, expires, installation.id)
    world.tokens[text] = token
    return token
