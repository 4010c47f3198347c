"""Runs a command on its own terminal, and types the answer once the question appears.

The output of the terminal goes to standard output. This program exits with the command's exit code.
"""

import os
import pty
import sys


def main() -> int:
    """Reads QUESTION ANSWER COMMAND... from the command line."""
    question, answer, *command = sys.argv[1:]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    shown = b""
    asked = False
    while True:
        try:
            read = os.read(terminal, 4096)
        except OSError:  # Linux raises it after the command has ended.
            break
        if not read:
            break
        shown += read
        if not asked and question.encode() in shown:
            asked = True
            os.write(terminal, answer.encode())
    sys.stdout.buffer.write(shown)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
