"""The themes of our own beside Textual's: dark, light, and a pair that colour-blind eyes can tell apart.

Whatever the theme, what is said in a colour can be read: see `legible`.
"""

from collections.abc import Mapping

from textual.color import Color
from textual.theme import Theme

DEFAULT = "treadle-dark"
LEAST_CONTRAST = 4.5
"""Between a text and what it stands on, by the formula of WCAG 2.2, "Contrast (Minimum)"."""
COLOURED = ("text-primary", "text-secondary", "text-accent", "text-success", "text-warning", "text-error")
"""The variables that statuses, keys and links are painted with."""
STEP = 0.1  # by how much of the plain text's colour one is mixed anew

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


def legible(variables: Mapping[str, str]) -> dict[str, str]:
    """Return a theme's variables, each of COLOURED nearer to plain text as far as LEAST_CONTRAST asks for.

    Colours that are the terminal's own stay as they are: nobody here knows how they look.
    """
    ground, plain = Color.parse(variables["background"]), Color.parse(variables["foreground"])
    changed = dict(variables)
    if ground.ansi is None and plain.ansi is None:
        for name in COLOURED:
            own = colour = Color.parse(variables[name])
            share = 0.0
            while colour.ansi is None and contrast(colour, ground) < LEAST_CONTRAST and share < 1:
                share += STEP
                colour = own.blend(plain, share)
            changed[name] = colour.hex if share else variables[name]
    return changed


def contrast(one: Color, other: Color) -> float:
    """Return how far two colours are apart, from 1 to 21."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
