"""scripts/acceptance. Exit codes: 0 the story holds and no answer differs, 1 not, 2 wrong usage."""

import argparse
import json
import signal
from contextlib import AbstractContextManager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from _common import cargo, paths, terminal
from _common.problem import Problem

from . import questions
from .asking import Answer, Asking, Comparison, Question
from .place import Place
from .probes import Probes
from .story import Story

REPORT = paths.SANDBOX / "acceptance" / "report.json"
COLOURS = {Comparison.HOLDS: "green", Comparison.DIFFERS: "red", Comparison.FAILED: "red"}


def main() -> int:
    """Opens the place, plays the story, asks the questions, and removes everything."""
    arguments = _parser().parse_args()
    chosen = chosen_questions(arguments.only)
    if arguments.list:
        for question in chosen:
            _show_question(question)
        return 0
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    with _opened(arguments) as place:
        return run(place, chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/acceptance",
        description="Plays the story of a pull request in a real AWS account, asks the account what "
        "AWS and GitHub do not document, and shows each answer beside what branchline assumes. It "
        "applies infra/examples/complete under a name of its own and removes everything at the "
        "end, after a failure as well. It takes half an hour and costs about 0.20 USD: see "
        "docs/ACCEPTANCE.md.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sandbox", action="store_true", help="use emulators on this machine")
    where.add_argument("--account", metavar="ID", help="the account of your AWS credentials")
    where.add_argument("--list", action="store_true", help="list the questions, and ask nothing")
    parser.add_argument("--only", nargs="+", metavar="KEY", help="ask these questions only")
    parser.add_argument("--binary", type=Path, metavar="FILE", help="with --sandbox: build nothing")
    real = parser.add_argument_group("with --account")
    real.add_argument("--region", metavar="REGION", help="an AWS Region")
    real.add_argument("--image", metavar="IMAGE", help="the image of branchline, by digest")
    real.add_argument("--repository", metavar="OWNER/NAME", help="a repository for this purpose")
    real.add_argument("--base", default="main", metavar="BRANCH", help="its main branch")
    real.add_argument("--branch", metavar="BRANCH", help="a branch with two commits of its own")
    real.add_argument("--commits", nargs=2, metavar="SHA", help="these two, the older one first")
    fork_help = "the head of a pull request from a fork, to ask about it"
    real.add_argument("--fork-commit", default="", metavar="SHA", help=fork_help)
    real.add_argument("--vpc", metavar="ID", help="default: the default VPC")
    real.add_argument("--subnets", nargs="+", metavar="ID", help="default: all of that VPC")
    architecture = ["ARM64", "X86_64"]
    real.add_argument("--architecture", choices=architecture, default="ARM64")
    real.add_argument("--manage-api-gateway-account", action="store_true")
    return parser


def chosen_questions(keys: list[str] | None) -> list[Question]:
    """Returns the questions with these keys, or all."""
    known = {question.key: question for question in questions.ALL}
    unknown = [key for key in keys or [] if key not in known]
    if unknown:
        raise Problem(f"there is no question {unknown[0]}: see scripts/acceptance --list", 2)
    return [known[key] for key in keys or known]


def _opened(arguments: argparse.Namespace) -> AbstractContextManager[Place]:
    # Each of them imports what the other one does not need.
    if arguments.account:
        from . import account

        return account.opened(account.Settings.of(arguments))
    if not arguments.sandbox:
        raise Problem("where? Use --sandbox, or --account ID: see scripts/acceptance --help", 2)
    from . import sandbox

    return sandbox.opened(arguments.binary or cargo.branchline(release=False))


def run(place: Place, chosen: list[Question]) -> int:
    """Plays and asks, and removes what it created. Returns the exit code."""
    before = set(place.pipeline_names())
    story = Story(place)
    probes = Probes(place)
    answers: dict[Question, Answer] = {}
    failed = ""
    try:
        probes.prepare()
        terminal.heading(f"The story, in {place.title}")
        story.play()
        terminal.heading("The questions")
        for question in chosen:
            answers[question] = answer(question, Asking(place, probes))
            _show_answer(question, answers[question])
        terminal.heading("The end of the story")
        story.closed()
    except (Problem, ClientError, BotoCoreError) as error:
        failed = str(error)
        print(f"\n{terminal.paint('Failed:', 'red')} {failed}")
    finally:
        terminal.heading("Removing")
        left = [*story.clean(), *probes.close()]
        left += [f"pipeline {name}" for name in set(place.pipeline_names()) - before]
        if not left:
            terminal.done("everything that the story and the questions created is removed")
        for what in left:
            print(f"  {terminal.paint('left behind:', 'red')} {what}")
    _write(answers, failed, left)
    return _sum_up(answers, failed, left)


def answer(question: Question, asking: Asking) -> Answer:
    """Asks one question. A failure is the answer of this question, and the others are asked."""
    try:
        return question.ask(asking)
    except (Problem, ClientError, BotoCoreError, OSError, KeyError, ValueError) as error:
        return Answer(f"{type(error).__name__}: {error}", Comparison.FAILED)


def _show_question(question: Question) -> None:
    print(f"\n{terminal.paint(question.key, 'bold')}  {question.text}")
    terminal.facts([("assumed", question.assumed), ("where", question.where)])


def _show_answer(question: Question, answer: Answer) -> None:
    _show_question(question)
    comparison = terminal.paint(answer.comparison.value, COLOURS.get(answer.comparison, "dim"))
    terminal.facts([("found", answer.text), ("comparison", comparison)])


def _sum_up(answers: dict[Question, Answer], failed: str, left: list[str]) -> int:
    terminal.heading("Summary")
    counts = [
        (comparison.value, str(sum(each.comparison is comparison for each in answers.values())))
        for comparison in Comparison
    ]
    terminal.facts([*counts, ("report", paths.shown(REPORT))])
    wrong = (Comparison.DIFFERS, Comparison.FAILED)
    bad = [each.key for each, answer in answers.items() if answer.comparison in wrong]
    if bad:
        print(f"\nThese answers differ from what the code assumes: {', '.join(bad)}")
    return 1 if failed or left or bad else 0


def _write(answers: dict[Question, Answer], failed: str, left: list[str]) -> None:
    """Writes the report, so that two runs can be compared."""
    listed = [
        {
            "key": question.key,
            "question": question.text,
            "assumed": question.assumed,
            "where": question.where,
            "found": answer.text,
            "comparison": answer.comparison.value,
        }
        for question, answer in answers.items()
    ]
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    report = {"story": failed or "holds", "left": left, "answers": listed}
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
