"""Webhooks whose headers are spelt in another way, missing, or forged."""

from collections.abc import Callable, Iterator

from _sandbox import github
from _sandbox.github import Webhook

from .case import SECRET, Case, Result, changed, compact, post, pull_request

EVENT, DELIVERY, SIGNATURE = "X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256"
TARGET = "X-GitHub-Hook-Installation-Target-ID"
BODY = compact(pull_request("a+b & c"))


def cases() -> Iterator[Case]:
    """Yields every case."""
    yield from _spellings()
    yield from _missing()
    yield from _forged_values()
    yield from _forged_signatures()


def _case(
    name: str,
    result: Result = Result.VALID,
    new: dict[str, str | None] | None = None,
    form: bool = False,
) -> Case:
    return Case(name, changed(post(name, BODY, form=form), new or {}), result)


def _spellings() -> Iterator[Case]:
    """Yields other spellings: lower case in HTTP/2, any by a proxy, two at once by a forger."""
    spellings: dict[str, Callable[[str], str]] = {
        "lower": str.lower,
        "upper": str.upper,
        "title": str.title,
        "swapped": str.swapcase,
    }
    for what, spell in spellings.items():
        for form in (False, True):
            name = f"header names in {what} case{' form' if form else ''}"
            usual = post(name, BODY, form=form)
            spelt = {spell(key): value for key, value in usual.headers.items()}
            yield Case(name, Webhook(usual.body, spelt))
    mixed = {EVENT: None, "x-github-event": "pull_request", DELIVERY.title(): None}
    yield _case("header names in two cases", new=mixed)
    others = {"x-github-event": "push", "X-GITHUB-EVENT": "ping"}
    yield _case("GitHub's spelling before another", new=others)
    two = {EVENT: None, "x-github-event": "pull_request", "X-GITHUB-EVENT": "ping"}
    yield _case("two other spellings", new=two)
    empty = {EVENT: "", "x-github-event": "pull_request"}
    yield _case("an empty header and another spelling", new=empty)
    longer = {
        "X-GitHub-Event-2": "a",
        "My-X-GitHub-Event": "b",
        "X-GitHub-Even": "c",
        "xxgithubxevent": "d",
    }
    yield _case("longer and shorter names", new=longer)
    yield _case("only longer and shorter names", Result.REFUSED, {EVENT: None, **longer})
    patterns = {".*": "a", "(?i)x-github-event|": "b", "$input": "c", "#set": "d"}
    yield _case("names that are patterns", new=patterns)
    filler = {f"X-Filler-{number}": "y" * 60 for number in range(100)}
    yield _case("a hundred more headers", new=filler)


def _missing() -> Iterator[Case]:
    """Yields missing headers. SQS refuses a message without one of the three required ones."""
    for header in (EVENT, DELIVERY, SIGNATURE):
        yield _case(f"no {header}", Result.REFUSED, {header: None})
        yield _case(f"empty {header}", Result.REFUSED, {header: ""})
    none = {EVENT: None, DELIVERY: None, SIGNATURE: None, TARGET: None}
    yield _case("no header from GitHub", Result.REFUSED, none)
    for header in ("Content-Type", TARGET, "User-Agent"):
        for form in (False, True):
            suffix = " form" if form else ""
            yield _case(f"no {header}{suffix}", new={header: None}, form=form)
            yield _case(f"empty {header}{suffix}", new={header: ""}, form=form)
    bare = post("no header at all", BODY)
    yield Case("no header at all", Webhook(bare.body, {}), Result.REFUSED)


def _forged_values() -> Iterator[Case]:
    """Yields values that must not add a field, replace the body, or be read as a template."""
    values = {
        "fields": "push&MessageBody=evil&MessageAttribute.1.Value.StringValue=x&QueueUrl=y",
        "a reference": "$input.body ${util} $!{event}",
        "a directive": "#set($body = 'x') #stop ## the rest",
        "encoded": "%26MessageBody%3Devil+%2B",
        "semicolons": "a;b=c;d",
        "emoji": "\U0001f600 é",
        "a tab": "a\tb",
        "two kilobytes": "a" * 2_000,
    }
    for what, value in values.items():
        yield _case(f"event of {what}", Result.VALID, {EVENT: value})
        yield _case(f"delivery of {what}", Result.VALID, {DELIVERY: value})
        yield _case(f"content type of {what}", new={"Content-Type": value})
    charset = {"Content-Type": "application/json; charset=utf-8"}
    yield _case("content type with a charset", new=charset)
    digits = ["0", "9" * 20, "9" * 21, "12a", "a12", "-1", "1.0", "+1", "1e3", "٣"]
    for value in [*digits, " 1", "1 ", "1\t", "1&MessageBody=x", "$input.body"]:
        yield _case(f"target {value!r}", new={TARGET: value})


def _forged_signatures() -> Iterator[Case]:
    """Yields wrong signatures.

    Malformed ones must not arrive. The others must, and branchline must reject them.
    """
    genuine = github.sign(BODY, SECRET)
    wrong = {
        "another secret": github.sign(BODY, "another secret"),
        "another body": github.sign(BODY + b" ", SECRET),
        "zeros": "sha256=" + "0" * 64,
    }
    for what, signature in wrong.items():
        yield _case(f"signature of {what}", Result.INVALID, {SIGNATURE: signature})
    malformed = {
        "no algorithm": genuine.removeprefix("sha256="),
        "an algorithm in upper case": genuine.replace("sha256", "SHA256"),
        "SHA-1": "sha1=" + genuine[-40:],
        "too short": genuine[:-1],
        "too long": genuine + "0",
        "not hexadecimal": "sha256=" + "zz" * 32,
        "a space after it": genuine + " ",
        "a space before it": " " + genuine,
        "a line end after it": genuine + "\n",
        "digits of another script": "sha256=" + "٣" * 64,
        "two signatures": f"{genuine},{genuine}",
        "fields": f"{genuine}&MessageBody=evil",
        "a reference": "$signature",
    }
    for what, signature in malformed.items():
        name = f"malformed signature of {what}"
        yield _case(name, Result.REFUSED, {SIGNATURE: signature})
    yield _case("signature in upper case", new={SIGNATURE: "sha256=" + genuine[7:].upper()})
    name = "signature of the payload in a form"
    form = changed(post(name, BODY, form=True), {SIGNATURE: genuine})
    yield Case(name, form, Result.INVALID)
    alterations = {
        "a line end added": BODY + b"\n",
        "a byte changed": BODY.replace(b"opened", b"closed"),
        "a plus as a space": BODY.replace(b"+", b" "),
        "an escape undone": BODY.replace(b"&", b"%26"),
    }
    for what, body in alterations.items():
        name = f"body with {what}"
        yield Case(name, changed(post(name, body), {SIGNATURE: genuine}), Result.INVALID)
