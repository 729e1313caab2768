"""Becomes another program that ends when its parent does: `launch.py PARENT_PID PROGRAM ARGUMENT…`.

A program of its own, because what has to be done stands between fork and exec, where a process with threads may do
next to nothing.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, program, *_ = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit(1)  # it went before this could be asked for
    os.execv(program, sys.argv[2:])
