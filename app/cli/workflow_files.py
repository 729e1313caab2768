"""Which workflow a person means: a file's path, or a name within the folder that holds the workflows."""

from difflib import get_close_matches
from pathlib import Path

from engine.core.errors import SettingsError
from pipelines.action_refs import WORKFLOW_FOLDERS
from pipelines.errors import WorkflowError
from pipelines.model import Workflow
from pipelines.parse import parse_workflow

SUFFIXES = (".yml", ".yaml")


def workflow_files(repo: Path) -> list[Path]:
    """Return the workflow files of `repo`, by name: those of the first folder that there is."""
    folder = next((repo / name for name in WORKFLOW_FOLDERS if (repo / name).is_dir()), None)
    if folder is None:
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())


def find_workflow(repo: Path, text: str) -> Workflow:
    """Return the workflow that `text` means: a path, else a file's name in `repo`, else what a workflow calls itself.

    Raises WorkflowError when that file is wrong, SettingsError when there is none such.
    """
    if Path(text).is_file():
        return parse_workflow(Path(text).read_bytes(), text)
    names: dict[str, Workflow] = {}
    broken: list[WorkflowError] = []
    for path in workflow_files(repo):
        shown = path.relative_to(repo).as_posix()
        by_file = text in (shown, path.name, path.stem)
        try:
            workflow = parse_workflow(path.read_bytes(), shown)
        except WorkflowError as error:
            if by_file:
                raise
            broken.append(error)
            continue
        if by_file:
            return workflow
        names.setdefault(workflow.title, workflow)
    if text in names:
        return names[text]
    raise SettingsError(f"There is no workflow {text!r}.", _nearest(repo, text, names, broken))


def _nearest(repo: Path, text: str, names: dict[str, Workflow], broken: list[WorkflowError]) -> str:
    near = get_close_matches(text, names, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    if names:
        return f"There are {', '.join(map(repr, names))}."
    if broken:
        return f"{', '.join(error.path for error in broken)} cannot be read: `treadle validate` says why."
    return f"{repo / WORKFLOW_FOLDERS[0]} is not there; `treadle init` writes a first one."
