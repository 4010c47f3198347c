"""The questions, in the order in which they are asked."""

from ..asking import Question
from . import events, executions, github, pipelines, queues

ALL: list[Question] = [
    question
    for module in (pipelines, executions, events, queues, github)
    for question in module.QUESTIONS.all
]
