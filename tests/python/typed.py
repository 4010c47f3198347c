"""Runs a command on its own terminal, and types the answer once the question appears.

The output of the terminal goes to standard output. This program exits with the command's exit code,
or with 124 if the command does not end in time.
"""

import os
import pty
import select
import signal
import sys
import time

LIMIT_SECONDS = 150


def main() -> int:
    """Reads QUESTION ANSWER COMMAND... from the command line."""
    question, answer, *command = sys.argv[1:]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    shown = b""
    answered = False
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        remaining = max(0.0, deadline - time.monotonic())
        if not select.select([terminal], [], [], remaining)[0]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            seen = "was shown" if answered else "was not shown"
            sys.stdout.buffer.write(shown)
            print(f"\nno end within {LIMIT_SECONDS} s; '{question}' {seen}")
            return 124
        try:
            read = os.read(terminal, 4096)
        except OSError:  # Linux raises it after the command has ended.
            break
        if not read:
            break
        shown += read
        if not answered and question.encode() in shown:
            answered = True
            os.write(terminal, answer.encode())
    sys.stdout.buffer.write(shown)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
