"""The colours of a terminal by their names, as its control sequences number them (ECMA-48: SGR)."""

SGR = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "white": "37",
    "bright_black": "90",
    "bold": "1",
}
