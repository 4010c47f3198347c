"""Runs a command on a terminal of its own and types the answer once the question is there.

What the terminal showed goes to standard output, and the command's exit code is ours.
"""

import os
import pty
import sys


def main() -> int:
    question, answer, *command = sys.argv[1:]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    shown = b""
    asked = False
    while True:
        try:
            read = os.read(terminal, 4096)
        except OSError:  # Linux says so once the command has ended.
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
