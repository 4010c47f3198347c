"""The commands of scripts/sandbox. Exit codes: 0 done, 1 failed, 2 wrong usage."""

import argparse
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from _common import paths, terminal
from _common.isolation import CREDENTIALS, environment, isolate
from _common.locks import exclusive
from _common.problem import Problem

from . import account, aws, emulator, gateway, github, github_control, playing, preview, state
from .world import World, source_of

MOTO_LOG = paths.SANDBOX / "moto.log"
GITHUB_LOG = paths.SANDBOX / "github.log"
EXEC_LOG = paths.SANDBOX / "exec.log"
EXEC_GITHUB_LOG = paths.SANDBOX / "exec-github.log"
CONFIGURATION = paths.SANDBOX / "branchline.toml"
PREVIEW_CONFIGURATION = paths.SANDBOX / "preview.toml"
TEARDOWNS = {
    "run": PREVIEW_CONFIGURATION,
    f"pipeline:{preview.TEARDOWN}": paths.SANDBOX / "preview-pipeline.toml",
    "stacks": paths.SANDBOX / "preview-stacks.toml",
}
"""The configuration for each way to remove a preview."""
LOCK = paths.SANDBOX / "lock"
ARRIVED = ("OK", 202)
LOST = ("failed to connect to host", 0)
"""How GitHub lists an attempt: its words, and the status code of the answer."""


def main() -> int:
    """Reads the command line and runs the command."""
    words = sys.argv[1:]
    # The command line of another program follows `exec`. argparse would read its options, too.
    ours = words[:1] if words[:1] == ["exec"] and words[1:2] != ["--help"] else words
    arguments = _parser().parse_args(ours, argparse.Namespace(command=words[len(ours) :]))
    isolate()
    with aws.errors_in_one_line():
        return int(arguments.run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/sandbox",
        description="Runs a small AWS on this machine to try branchline with.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start AWS with queues, tables and a template, and GitHub")
    up.add_argument("--port", type=int, default=0, help="the port of AWS (default: any free one)")
    up.set_defaults(run=_up)

    down = commands.add_parser("down", help="stop both emulators and lose everything in them")
    down.set_defaults(run=_down)

    status = commands.add_parser("status", help="show queues, pipelines, stacks and mappings")
    status.set_defaults(run=_status)

    send = commands.add_parser(
        "send", help="sign a payload and send it through the mapping template"
    )
    file_help = "the body, for instance a file of tests/fixtures/webhooks/"
    send.add_argument("file", type=Path, metavar="FILE", help=file_help)
    event_help = "X-GitHub-Event (default: guessed from the file's name or content)"
    send.add_argument("--event", help=event_help)
    send.add_argument("--delivery", metavar="GUID", help="X-GitHub-Delivery (default: a new one)")
    send.add_argument("--form", action="store_true", help="send the body as a form, with payload=")
    lost_help = "lose it at the front door: GitHub lists it as failed"
    send.add_argument("--lost", action="store_true", help=lost_help)
    signing = send.add_mutually_exclusive_group()
    signing.add_argument("--secret", help="sign with this secret (default: the sandbox's)")
    signing.add_argument("--forge", action="store_true", help="sign with a wrong secret")
    send.set_defaults(run=_send)

    play = commands.add_parser(
        "run", help="play the newest execution of a pipeline: put its events on EventBridge"
    )
    play.add_argument("pipeline", metavar="PIPELINE", help="such as api-pr-7")
    playing.add_arguments(play)
    play.set_defaults(run=_run)

    stack = commands.add_parser("stack", help="protect a stack from its deletion, or end that")
    stack.add_argument("stack", metavar="STACK", help="such as api-pr-7")
    protection = stack.add_mutually_exclusive_group(required=True)
    protection.add_argument("--protect", action="store_true", help="refuse to delete it")
    protection.add_argument("--unprotect", action="store_false", dest="protect", help="allow it")
    stack.set_defaults(run=_stack)

    page = commands.add_parser("page", help="show the page of a pull request on GitHub as text")
    page.add_argument("pull_request", metavar="PULL_REQUEST", help="such as acme/api#7")
    page.set_defaults(run=_page)

    rerun_help = "click Re-run of the checks of a pull request, and send the webhooks"
    rerun = commands.add_parser("rerun", help=rerun_help)
    rerun.add_argument("pull_request", metavar="PULL_REQUEST", help="such as acme/api#7")
    rerun.set_defaults(run=_rerun)

    exec_help = "run a command with new emulators, which contain a role and a repository"
    run = commands.add_parser("exec", usage="%(prog)s -- COMMAND...", help=exec_help)
    run.set_defaults(run=_exec)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    with exclusive(LOCK):
        found = state.load()
        if found is None:
            found = _start(arguments.port)
            terminal.done(f"the sandbox is up at {found.account.endpoint}")
        else:
            _check_port(found, arguments.port)
            terminal.done(f"the sandbox is already up at {found.account.endpoint}")
    _print_how_to_use(found.account)
    return 0


def _start(port: int) -> state.State:
    leftover = state.read()
    if leftover is not None:
        leftover.stop()
    started, fake = emulator.start_both(MOTO_LOG, GITHUB_LOG, port)
    try:
        made = account.make(started.endpoint, fake)
        account.write_configuration(made, CONFIGURATION)
        preview.create_templates(made)
        for teardown, path in TEARDOWNS.items():
            preview.write_preview_configuration(made, path, teardown)
        fake_github = github_control.GitHub(made.github)
        fake_github.control("PUT", "front_door", queue_url=made.webhooks)
        fresh = state.State(started, fake, made)
        fresh.save()
    except BaseException:
        started.stop()
        fake.stop()
        raise
    return fresh


def _check_port(found: state.State, wanted: int) -> None:
    if wanted and not found.account.endpoint.endswith(f":{wanted}"):
        raise Problem(
            f"the sandbox is already up at {found.account.endpoint}: "
            f"run scripts/sandbox down first, to start it on port {wanted}"
        )


def _print_how_to_use(made: account.Account) -> None:
    print("\nStart branchline against it, in this folder:\n")
    exports = CREDENTIALS | {
        "BRANCHLINE_CONFIG": paths.shown(CONFIGURATION),
        account.SECRET_VARIABLE: made.secret,
    }
    for name, value in exports.items():
        print(f"  export {name}={shlex.quote(value)}")
    print("  cargo run -- run")
    print("\nand in another terminal:\n")
    print(f"  scripts/sandbox send {paths.shown(paths.FIXTURES)}/pull_request.opened.json")
    print("  scripts/sandbox run api-pr-7")
    print("  scripts/sandbox page acme/api#7")
    print("  scripts/sandbox status")
    print("  scripts/sandbox down")
    print("\nWith another BRANCHLINE_CONFIG, each pull request has a stack of its own, removed by:\n")
    for teardown, path in TEARDOWNS.items():
        print(f"  {paths.shown(path)}: teardown = \"{teardown}\"")


def _down(_arguments: argparse.Namespace) -> int:
    with exclusive(LOCK):
        found = state.load()
        leftover = state.read()
        if leftover is not None:
            leftover.stop()
        state.forget()
    terminal.done("the sandbox is down" if found else "the sandbox was already down")
    return 0


def _running() -> state.State:
    found = state.load()
    if found is not None:
        return found
    if state.FILE.exists():
        raise Problem(
            f"an emulator has ended: see {paths.shown(MOTO_LOG)} and {paths.shown(GITHUB_LOG)}; "
            "start new ones with scripts/sandbox up"
        )
    raise Problem("no sandbox is up: start it with scripts/sandbox up")


def _stack(arguments: argparse.Namespace) -> int:
    World(_running().account).protect(arguments.stack, protected=arguments.protect)
    state_of = "is protected" if arguments.protect else "may be deleted"
    terminal.done(f"stack {arguments.stack} {state_of}")
    return 0


def _status(_arguments: argparse.Namespace) -> int:
    made = _running().account
    world = World(made)
    terminal.heading(f"sandbox at {made.endpoint}, region {made.region}; GitHub at {made.github}")
    depths = [(name, *map(str, world.depth(url))) for name, url in made.queues().items()]
    terminal.table(["queue", "waiting", "in flight"], depths)
    _show_pipelines(world)
    _show_stacks(world)
    _show_mappings(world)
    return 0


def _show_pipelines(world: World) -> None:
    rows = []
    for name in [*world.templates(), *world.clones()]:
        found = world.pipeline(name)
        tags = world.tags(found["metadata"]["pipelineArn"])
        subject = tags.get("branchline:subject", "(not a clone)")
        rows.append([name, source_of(found).get("BranchName", "-"), subject])
    print()
    terminal.table(["pipeline", "branch", "subject"], rows)


def _show_stacks(world: World) -> None:
    rows = [[name, outputs.get("Url", "-")] for name, outputs in world.stacks().items()]
    print()
    if rows:
        terminal.table(["stack", "its output Url"], rows)
    else:
        terminal.say("no stacks")


def _show_mappings(world: World) -> None:
    rows = [
        [
            item["pk"],
            item["sk"],
            item.get("state", "-"),
            item.get("desired.spec.pipeline", "-"),
            item.get("updated_at", "-"),
        ]
        for item in world.mappings()
    ]
    print()
    if rows:
        terminal.table(["repository", "subject", "state", "pipeline", "updated at"], rows)
    else:
        terminal.say("no mappings yet")


def _send(arguments: argparse.Namespace) -> int:
    made = _running().account
    try:
        body = arguments.file.read_bytes()
    except OSError as error:
        raise Problem(f"{arguments.file}: {error.strerror}", 2) from None
    secret = "a wrong secret" if arguments.forge else arguments.secret or made.secret
    webhook = github.webhook(
        body,
        arguments.event or github.guess_event(arguments.file, body),
        secret,
        delivery=arguments.delivery,
        form=arguments.form,
    )
    fake_github = github_control.GitHub(made.github)
    if arguments.lost:
        fake_github.record(webhook, *LOST)
        terminal.done(f"{webhook.event} {webhook.delivery}: lost, and GitHub lists it as failed")
    else:
        _deliver(webhook, made, is_from_github=not arguments.forge)
    if not arguments.forge:
        fake_github.apply(webhook.event, body)
    return 0


def _deliver(
    webhook: github.Webhook, made: account.Account, *, is_from_github: bool = True
) -> None:
    reply = gateway.deliver(webhook, made.webhooks)
    if reply.error is not None:
        raise Problem(f"SQS answered {reply.status}: {reply.error}")
    if is_from_github:
        github_control.GitHub(made.github).record(webhook, *ARRIVED)
    size = len(webhook.body)
    terminal.done(f"{webhook.event} {webhook.delivery}: {size} bytes, message {reply.message_id}")


def _rerun(arguments: argparse.Namespace) -> int:
    made = _running().account
    webhooks = github_control.GitHub(made.github).rerun(arguments.pull_request)
    if not webhooks:
        raise Problem(f"the head of {arguments.pull_request} has no checks")
    for event, body in webhooks:
        _deliver(github.webhook(body, event, made.secret), made)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    made = _running().account
    for line in playing.play(made, arguments):
        terminal.say(line)
    terminal.done(f"{arguments.pipeline} was played")
    return 0


def _page(arguments: argparse.Namespace) -> int:
    made = _running().account
    print(github_control.GitHub(made.github).page(arguments.pull_request), end="")
    return 0


def _exec(arguments: argparse.Namespace) -> int:
    # Removes the first -- alone: `exec -- cargo test -- --nocapture` contains another one.
    words = arguments.command
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise Problem("exec: the command is missing: scripts/sandbox exec -- COMMAND", 2)
    with emulator.both_running(EXEC_LOG, EXEC_GITHUB_LOG) as (fresh, fake):
        role = account.make_role(aws.client("iam", fresh.endpoint))
        variables = environment(
            BRANCHLINE_TEST_ENDPOINT=fresh.endpoint,
            BRANCHLINE_TEST_ROLE=role,
            BRANCHLINE_TEST_GITHUB=fake.endpoint,
            BRANCHLINE_TEST_GITHUB_KEY=fake.private_key,
        )
        try:
            child = subprocess.Popen(command, env=variables)
        except OSError as error:
            raise Problem(f"exec: {command[0]}: {error.strerror}", 127) from None
        # Ctrl-C reaches the command as well. This process waits for its exit code.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        status = child.wait()
    return status if status >= 0 else 128 - status
