"""`treadle doctor`: says what this machine lacks, and how to mend it."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from app.cli.checks.check import Check
from app.cli.checks.checkup import checkup
from app.cli.output import colour_wanted, paint, print_json
from app.cli.place import home_of

LOOKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true", help="read all of the home, and see whether it fits together")
    parser.add_argument("--json", action="store_true", help="print a JSON array of checks")


def execute(args: argparse.Namespace) -> int:
    checks: list[Check] = []
    colours = colour_wanted(sys.stdout)
    for check in checkup(home_of(args), Path(args.config) if args.config else None, deep=args.deep):
        checks.append(check)
        if not args.json:
            _print(check, colours)
    if args.json:
        print_json([{key: value for key, value in asdict(check).items() if key != "executor"} for check in checks])
    failed = [check for check in checks if check.state == "fail"]
    return 3 if any(check.executor for check in failed) else 1 if failed else 0


def _print(check: Check, colours: bool) -> None:
    glyph, colour = LOOKS[check.state]
    print(f"{paint(f'{glyph} {check.state:<4}', colour, colours)}  {check.name}: {check.message}")
    if check.fix:
        print(f"         {check.fix}")
