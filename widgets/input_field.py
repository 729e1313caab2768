"""An input of a workflow as a form asks for it: what it is, what it starts with, what is wrong with a text. Pure."""

import re
from dataclasses import dataclass

from widgets.safe_text import plain

STRING, BOOLEAN, CHOICE, NUMBER, ENVIRONMENT = "string", "boolean", "choice", "number", "environment"
_NUMBER = re.compile(r"\s*(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|0x[0-9a-fA-F]+|0o[0-7]+)\s*")


@dataclass(frozen=True, slots=True)
class InputField:
    """`type` is string, boolean, choice, number or environment; values are texts (`true`, `3`), as dispatch takes them.

    `default` None: the workflow gives none. `last` is what was entered the time before, None if never. All of it is
    as the workflow has it: what is shown of it is made safe by those who show it.
    """

    name: str
    type: str = STRING
    default: str | None = None
    options: tuple[str, ...] = ()
    required: bool = False
    description: str = ""
    last: str | None = None

    @property
    def initial(self) -> str:
        """What the form begins with: the value of last time if it still may be one, else the default."""
        for text in (self.last, self.default):
            if text is not None and (not self.options or text in self.options):
                return text
        if self.options:
            return self.options[0]
        return "false" if self.type == BOOLEAN else ""

    def problem(self, text: str) -> str:
        """Return what is wrong with a value; nothing: an empty text."""
        if not text.strip():
            if self.required:
                return "is required"
            return "has to be a number" if self.type == NUMBER and self.default is not None else ""
        if self.type == NUMBER and not _NUMBER.fullmatch(text):
            return "has to be a number"
        if self.type == BOOLEAN and text not in ("true", "false"):
            return "is true or false"
        if self.options and text not in self.options:
            return "is one of " + ", ".join(self.options)
        return ""

    def given(self, text: str) -> bool:
        """Is a value to be sent? An empty one only where it stands against a default.

        A default that a line cannot show as it is, of several lines say, is not sent as shown: it applies by itself.
        """
        if self.default is not None and text != self.default and text == plain(self.default):
            return False
        return bool(text) or (self.default is not None and self.type in (STRING, ENVIRONMENT))
