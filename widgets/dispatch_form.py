"""The form that asks for the inputs of a workflow before it is run by hand."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import DescendantBlur, Resize
from textual.widget import Widget
from textual.widgets import Button, Label

from widgets.columns import cut
from widgets.dialog import Dialog, button, twin_line
from widgets.form_controls import Changed, Options, Switch, TextLine
from widgets.input_field import BOOLEAN, InputField
from widgets.safe_text import plain


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What is asked for: `ref` None is the default branch; `inputs` as texts, those left empty are not in it."""

    ref: str | None
    inputs: dict[str, str]


WIDEST_TITLE = 28
BELOW_FIELDS = 8  # the rows of frame, buttons and command, whatever the number of fields
Twin = Callable[[Dispatch], str]
"""Makes the command line that does the same."""


class FieldRow(Vertical):
    """An input: its name and control, and below what it means or what is wrong with it."""

    DEFAULT_CSS = """
    FieldRow { height: auto; }
    FieldRow > Horizontal { height: 1; }
    FieldRow Horizontal > Label { height: 1; text-style: bold; }
    FieldRow > .below { color: $text-muted; height: auto; }
    FieldRow.-wrong > .below { color: $text-error; }
    """

    def __init__(self, field: InputField, control: Switch | Options | TextLine, wide: int, ascii: bool) -> None:
        super().__init__()
        self.field, self.control, self._mark = field, control, "!" if ascii else "✗"
        self._title = Label(cut(title_of(field), wide, ascii), markup=False)
        self._title.styles.width = wide + 2
        self._below = Label(markup=False, classes="below")
        self._below.styles.padding = (0, 0, 0, wide + 2)

    def compose(self) -> ComposeResult:
        yield Horizontal(self._title, self.control)
        yield self._below

    def on_mount(self) -> None:
        self._tell("")

    def check(self) -> bool:
        """Say what is wrong with the value, if anything is, and whether it is right."""
        problem = self.field.problem(self.control.value)
        self._tell(problem)
        return not problem

    def _tell(self, problem: str) -> None:
        self.set_class(bool(problem), "-wrong")
        text = f"{self._mark} {plain(self.field.name)} {plain(problem)}" if problem else plain(self.field.description)
        self._below.update(text)
        self._below.display = bool(text)


class DispatchForm(Dialog[Dispatch | None]):
    """Answers with what is to be run, or None. Enter goes to the next field and at last to Run; ctrl+s runs at once."""

    AUTO_FOCUS = "FieldRow Switch, FieldRow Options, FieldRow TextLine, #run"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "run", "run it", priority=True, id="form.run"),
        Binding("enter,down", "app.focus_next", "next field", show=False),
        Binding("up", "app.focus_previous", "previous field", show=False),
    ]
    DEFAULT_CSS = """
    DispatchForm #fields { height: auto; }
    DispatchForm .twin { max-height: 3; }
    """

    def __init__(
        self,
        title: str,
        fields: Sequence[InputField],
        refs: Sequence[str] = (),
        ref: str = "",
        *,
        with_ref: bool = True,
        twin: Twin | None = None,
        ascii: bool = False,
    ) -> None:
        super().__init__(title, hint="enter next  ctrl+s run  esc back", ascii=ascii)
        self._fields, self._refs, self._first_ref = tuple(fields), tuple(refs), ref
        self._with_ref = with_ref
        self._rows: tuple[FieldRow, ...] = ()
        self._twin_of = twin
        self._twin_line = twin_line("")

    def body(self) -> Iterable[Widget]:
        about = "a branch, or refs/tags/TAG; nothing is the default branch"
        wide = min(WIDEST_TITLE, max((cell_len(title_of(field)) for field in self._fields), default=3))
        self._ref = TextLine(self._first_ref, suggestions=self._refs, placeholder="default branch")
        self._rows = tuple(FieldRow(field, control_of(field, self.ascii), wide, self.ascii) for field in self._fields)
        ref = FieldRow(InputField("ref", description=about), self._ref, wide, self.ascii)
        yield VerticalScroll(*self._rows, *([ref] if self._with_ref else ()), id="fields", can_focus=False)
        yield Horizontal(button("Run", "run", "success"), button("Cancel", "cancel"), classes="buttons")
        if self._twin_of is not None:
            yield self._twin_line

    def on_mount(self) -> None:
        self._show_twin()

    def on_resize(self, event: Resize) -> None:
        self.query_one("#fields").styles.max_height = max(2, event.size.height - BELOW_FIELDS)

    @property
    def asked(self) -> Dispatch:
        """What the form says at this moment."""
        values = {row.field.name: row.control.value for row in self._rows if row.field.given(row.control.value)}
        return Dispatch(self._ref.value.strip() or None, values)

    def on_changed(self, event: Changed) -> None:
        event.stop()
        self._show_twin()

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        for row in self._rows:
            if row.control is event.widget:
                row.check()

    def on_input_submitted(self, event: TextLine.Submitted) -> None:
        event.stop()
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "run":
            self.action_run()
        else:
            self.action_leave()

    def action_run(self) -> None:
        wrong = [row for row in self._rows if not row.check()]
        if wrong:
            wrong[0].control.focus()
        else:
            self.dismiss(self.asked)

    def _show_twin(self) -> None:
        if self._twin_of is not None:
            self._twin_line.update(plain(f"$ {self._twin_of(self.asked)}"))


def title_of(field: InputField) -> str:
    return f"{plain(field.name)} *" if field.required else plain(field.name)


def control_of(field: InputField, ascii: bool = False) -> Switch | Options | TextLine:
    """Return the control that a field's type asks for."""
    if field.type == BOOLEAN:
        return Switch(field.initial, ascii=ascii)
    if field.options:
        return Options(field.options, field.initial, ascii=ascii)
    return TextLine(field.initial)
