"""`treadle unpin`: lets a pinned run go when its time comes."""

import argparse

from app.cli import pin

NAME = "unpin"
HELP = "let a pinned run go when its time comes"
configure = pin.configure


def execute(args: argparse.Namespace) -> int:
    return pin.pin(args, False)
