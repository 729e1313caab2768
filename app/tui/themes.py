"""The themes of our own beside Textual's: dark, light, and a pair that colour-blind eyes can tell apart."""

from textual.theme import Theme

DEFAULT = "treadle-dark"

THEMES = (
    Theme(
        name="treadle-dark", primary="#6ea8fe", secondary="#b39ddb", accent="#5fd7d7", success="#7ccf8a",
        warning="#e6c15a", error="#f07a7a", background="#101216", surface="#171a20", panel="#20242c",
        foreground="#d7dae0", dark=True,
    ),
    Theme(
        name="treadle-light", primary="#1f5fbf", secondary="#6a4fb3", accent="#00787a", success="#1f7a35",
        warning="#8a6100", error="#b3261e", background="#fbfbfa", surface="#f1f1ee", panel="#e4e4df",
        foreground="#1d1f23", dark=False,
    ),
    Theme(
        name="treadle-colour-blind-dark", primary="#56b4e9", secondary="#cc79a7", accent="#f0e442", success="#56b4e9",
        warning="#f0e442", error="#e69f00", background="#101216", surface="#171a20", panel="#20242c",
        foreground="#d7dae0", dark=True,
    ),
    Theme(
        name="treadle-colour-blind-light", primary="#005f99", secondary="#8f3f73", accent="#5c5600", success="#005f99",
        warning="#5c5600", error="#a34700", background="#fbfbfa", surface="#f1f1ee", panel="#e4e4df",
        foreground="#1d1f23", dark=False,
    ),
)  # fmt: skip
