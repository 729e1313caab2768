"""`treadle expr`: one expression, evaluated outside any run, its value as JSON on stdout."""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from pipelines.contexts import CONTEXTS
from pipelines.errors import ExpressionError
from pipelines.expr_eval import evaluate
from pipelines.expr_syntax import parse
from pipelines.functions import Function, from_json, printable, to_json
from pipelines.json_value import Json

_SO_FAR_SO_GOOD: dict[str, Function] = {
    "success": lambda *_: True,
    "failure": lambda *_: False,
    "always": lambda: True,
    "cancelled": lambda: False,
}
_UNPRINTABLE = re.compile("[\x7f-\x9f\ud800-\udfff]")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("expression", metavar="EXPR", help="the expression, without ${{ }}")
    parser.add_argument("--context", type=Path, metavar="FILE.json", help="the contexts: a JSON object by name")
    parser.add_argument("--json", action="store_true", help="print the value on one line")
    parser.epilog = (
        "The status functions answer as in a job where all went well so far. JSON knows no NaN and no Infinity; "
        'they are printed as the strings "NaN", "Infinity" and "-Infinity".'
    )


def execute(args: argparse.Namespace) -> int:
    """Print the value of `args.expression`. Returns 2 when it, or the context file, cannot be used."""
    try:
        contexts = _contexts(args.context)
    except (OSError, ValueError, ExpressionError) as error:
        print(f"treadle: {args.context} cannot be read as a JSON object of contexts: {error}", file=sys.stderr)
        return 2
    try:
        value = evaluate(parse(args.expression, CONTEXTS | contexts.keys()), contexts, _SO_FAR_SO_GOOD)
    except ExpressionError as error:
        print(_complaint(args.expression, error), file=sys.stderr)
        return 2
    text = json.dumps(printable(value), ensure_ascii=False) if args.json else to_json(value)
    print(_UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))
    return 0


def _contexts(file: Path | None) -> Mapping[str, Json]:
    if file is None:
        return {}
    contexts = from_json(file.read_text("utf-8-sig"))
    if not isinstance(contexts, dict):
        raise ValueError("it holds no object")
    return contexts


def _complaint(expression: str, error: ExpressionError) -> str:
    """Return the message, and the line of the expression that it is about with a caret under the place."""
    message = f"treadle: {error.message}"
    if not message.endswith("?"):
        message += "."
    if "${{" in expression:
        message += " Leave out the ${{ and }}."
    if error.position is None:
        return message
    before = expression[: error.position - 1].rpartition("\n")[2].expandtabs()
    after = expression[error.position - 1 :].partition("\n")[0]
    return f"{message}\n  {before}{after}\n  {' ' * len(before)}^"
