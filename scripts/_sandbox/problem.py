"""The one exception that a person sees: a sentence that says what, where and what to do."""


class Problem(Exception):
    """Something that stops the command, told in one line. `status` is the exit code it ends with."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
