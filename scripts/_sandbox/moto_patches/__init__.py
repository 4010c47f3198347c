"""Replaces the parts of moto that are not as AWS is, or do not stand load."""

from . import (
    events,
    executions,
    history,
    memory,
    parameters,
    pipelines,
    projects,
    queues,
    speed,
    stacks,
    tagged,
    transactions,
    validation,
)


def install() -> None:
    """Replaces them for the rest of the process, which serves nothing yet."""
    events.install()
    executions.install()
    history.install()
    memory.install()
    parameters.install()
    pipelines.install()
    projects.install()
    queues.install()
    speed.install()
    stacks.install()
    tagged.install()
    transactions.install()
    validation.install()
