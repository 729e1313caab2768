"""How the values of `treadle.yml` are read, each from its node. Every complaint names file, line and key."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

from engine.core.errors import SettingsError
from engine.settings.actions import KEYS_FIX, is_action_key
from engine.settings.model import DiskFloor, Listen
from pipelines.filters import PatternError, compile_patterns
from pipelines.quantities import duration_s, size_bytes
from pipelines.records import dataclass
from pipelines.scalars import scalar_value
from pipelines.source import Mapping as Pairs
from pipelines.source import Node, Scalar, Sequence

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of the file: its node, its full name (`limits.body`), and where its variables come from.

    `serves`: whether they are read for a server, which alone has a use for its secrets.
    """

    path: Path
    node: Node
    name: str
    environ: Mapping[str, str]
    serves: bool = True

    def fail(self, message: str, fix: str = "", line: int | None = None) -> NoReturn:
        raise SettingsError(f"{self.path}:{line or self.node.line}: {message}", fix)

    def expected(self, what: str) -> NoReturn:
        """Refuse the value. It is shown as written, never as its variables made it: they may be secrets."""
        if isinstance(self.node, Scalar):
            self.fail(f"{self.name} is {what}, not {self.node.text!r}")
        self.fail(f"{self.name} is {what}, not {'a mapping' if isinstance(self.node, Pairs) else 'a list'}")

    def inner(self, node: Node, name: str) -> "Setting":
        return Setting(self.path, node, f"{self.name}.{name}" if self.name else name, self.environ, self.serves)

    def text(self) -> str:
        """Return the text of a scalar, each `${NAME}` replaced by that variable of the environment."""
        if not isinstance(self.node, Scalar) or self.node.value is None:
            self.expected("a single value")
        return VARIABLE.sub(self._variable, self.node.text)

    def plain(self) -> object:
        """Return what the text means as plain YAML: a variable may hold a number."""
        text = self.text()
        return text if isinstance(self.node, Scalar) and self.node.quoted else scalar_value(text)

    def _variable(self, match: re.Match[str]) -> str:
        if match[1] not in self.environ:
            what = f"{self.name} needs the environment variable {match[1]}, which is not set"
            self.fail(what, f"Export {match[1]} in this shell, or start treadle where it is set.")
        return self.environ[match[1]]

    def pairs(self) -> "list[tuple[str, Setting, int]]":
        """Return the keys of a mapping, in order, with their values and lines."""
        if not isinstance(self.node, Pairs):
            self.expected("a mapping")
        return [(key.text, self.inner(value, key.text), key.line) for key, value in self.node.pairs]

    def items(self) -> "list[Setting]":
        if not isinstance(self.node, Sequence):
            self.expected("a list")
        return [self.inner(item, str(number)) for number, item in enumerate(self.node.items)]


Reader = Callable[[Setting], Any]


def text(setting: Setting) -> str:
    return setting.text()


def server_secret(setting: Setting) -> str:
    """Return a text that a server alone uses: for others, of variables that are not set, nothing."""
    if setting.serves or not isinstance(setting.node, Scalar):
        return setting.text()
    unset = dict.fromkeys(VARIABLE.findall(setting.node.text), "")
    return replace(setting, environ={**unset, **setting.environ}).text()


def flag(setting: Setting) -> bool:
    value = setting.plain()
    if not isinstance(value, bool):
        setting.expected("true or false")
    return value


def count(setting: Setting) -> int:
    value = setting.plain()
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        setting.expected("a whole number from 0")
    return value


def positive(setting: Setting) -> int:
    number = count(setting)
    if number < 1:
        setting.expected("a whole number from 1, or off")
    return number


def share(setting: Setting) -> float:
    value = setting.plain()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        setting.expected("a number from 0 to 1")
    return float(value)


def duration(setting: Setting) -> float:
    try:
        seconds = duration_s(setting.text())
    except ValueError:
        setting.expected("a duration such as 90s, 5m or 30d")
    if seconds <= 0:
        setting.expected("longer than nothing")
    return seconds


def size(setting: Setting) -> int:
    try:
        return size_bytes(setting.text())
    except ValueError:
        setting.expected("a size such as 512MiB or 2GiB")


def floor(setting: Setting) -> DiskFloor:
    """Return what has to stay free: a size, a share such as `5%`, or `off`."""
    said = setting.text()
    if said in ("off", "false"):
        return DiskFloor(0, 0.0)
    match = re.fullmatch(r"([0-9]{1,2})\s*%", said)
    if match:
        return DiskFloor(1 << 62, int(match[1]) / 100)
    try:
        return DiskFloor(size_bytes(said), 1.0)
    except ValueError:
        setting.expected("a size such as 1GiB, a share such as 5%, or off")


def address(setting: Setting) -> Listen:
    found = listen_of(setting.text())
    if found is None:
        setting.expected("an address and a port, such as 127.0.0.1:8484")
    return found


def listen_of(text: str) -> Listen | None:
    """Return the address that `HOST:PORT` or `[IPv6]:PORT` means; None when it means none."""
    match = ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > 65_535:
        return None
    return Listen(match["v6"] or match["host"], int(match["port"]))


def web_address(setting: Setting) -> str:
    """Return where a browser finds the server: scheme, host and maybe a path, without a slash at the end."""
    try:
        parts = urlsplit(setting.text())
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or "@" in parts.netloc or parts.query or parts.fragment:
        setting.expected("a web address, such as https://ci.example")
    return urlunsplit(parts).rstrip("/")


def file_path(setting: Setting) -> str:
    path = Path(setting.text()).expanduser()
    if not path.is_absolute():
        setting.expected("a whole path, such as /etc/treadle/key")
    return str(path)


def one_of(*words: str) -> Reader:
    def choose(setting: Setting) -> str:
        found = setting.text()
        if found not in words:
            setting.expected(f"one of {', '.join(words)}")
        return found

    return choose


def unless_off(reader: Reader) -> Reader:
    def read_or_none(setting: Setting) -> Any:
        off = isinstance(setting.node, Scalar) and setting.text() in ("off", "false")
        return None if off else reader(setting)

    return read_or_none


def text_map(setting: Setting) -> dict[str, str]:
    return {key: value.text() for key, value, _ in setting.pairs()}


def actions_map(setting: Setting) -> dict[str, str]:
    """Return where actions come from. A folder is a whole path, so that it means the same wherever we are started."""
    found = {}
    for key, value, line in setting.pairs():
        if not is_action_key(key):
            setting.fail(f"{setting.name} has the key {key!r}.", KEYS_FIX, line)
        place = value.text()
        if "://" not in place and not place.startswith("/") and ":" not in place.partition("/")[0]:
            value.expected("a web address, an ssh address or the whole path of a folder")
        found[key] = place
    return found


def variables(setting: Setting) -> dict[str, str]:
    """Return `vars`: names as GitHub takes them, in upper case, with their texts."""
    found = {}
    for name, value, line in setting.pairs():
        if not VARIABLE_NAME.fullmatch(name) or name.upper().startswith("GITHUB_"):
            fix = "A name has letters, digits and _, and no GITHUB_ first."
            setting.fail(f"{setting.name} has {name!r}.", fix, line)
        found[name.upper()] = value.text()
    return found


def patterns(setting: Setting) -> tuple[str, ...]:
    """Return a list of patterns for branches, or a single one."""
    found = [setting] if isinstance(setting.node, Scalar) else setting.items()
    texts = tuple(one.text() for one in found)
    try:
        compile_patterns(texts)
    except PatternError as error:
        setting.fail(f"{setting.name}: {error}")
    return texts


def many(reader: Reader) -> Reader:
    return lambda setting: tuple(map(reader, setting.items()))


def section(make: type, keys: Mapping[str, tuple[str, Reader]], needed: tuple[str, ...] = ()) -> Reader:
    """Return a reader of a mapping into the dataclass `make`. A key without a value keeps its default."""

    def read_section(setting: Setting) -> Any:
        return make(**section_fields(setting, keys, needed))

    return read_section


def section_fields(
    setting: Setting, keys: Mapping[str, tuple[str, Reader]], needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the fields that a mapping sets. Unknown keys are refused, with the nearest known one."""
    fields: dict[str, Any] = {}
    for key, value, line in setting.pairs():
        if key not in keys:
            near = get_close_matches(key, keys, n=1, cutoff=0.5)
            known = f"Known are {', '.join(keys)}."
            fix = f"Did you mean {near[0]!r}?" if near else known
            where = f" in {setting.name}" if setting.name else ""
            setting.fail(f"unknown key {key!r}{where}.", fix, line)
        name, reader = keys[key]
        if not (isinstance(value.node, Scalar) and value.node.value is None):
            fields[name] = reader(value)
    for key in needed:
        if keys[key][0] not in fields:
            setting.fail(f"{setting.name} lacks the key {key!r}.")
    return fields
