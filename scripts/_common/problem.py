"""The one exception whose text a person sees: a sentence that says what is wrong and what to do."""


class Problem(Exception):
    """An error that ends the command with one line and the exit code `status`."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
