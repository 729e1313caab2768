"""The actions that are built in, by the name that workflows use, with the inputs each knows and honours."""

from collections.abc import Callable, Mapping
from dataclasses import field

from engine.core.errors import EngineError
from engine.worker.actions.built_in import cache, checkout, download_artifact, setup_tools, upload_artifact
from engine.worker.actions.port import ActionHost, NotInImage, Stores
from pipelines.action_refs import ActionKind, parse_action_ref
from pipelines.records import dataclass


@dataclass(frozen=True, slots=True)
class Unhonoured:
    """An input of the original that changes nothing here: `why`, unless its value is one of `harmless`."""

    why: str
    harmless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in action. `inputs` are honoured; `unhonoured` are known, and said when they would matter.

    `post` is its part after the job's steps, run if `post_if` holds ('': always).
    """

    name: str
    inputs: frozenset[str]
    action: Callable[[ActionHost, Stores], bool]
    unhonoured: Mapping[str, Unhonoured] = field(default_factory=dict)
    post: Callable[[ActionHost, Stores], bool] | None = None
    post_if: str = ""

    def warnings(self, inputs: Mapping[str, str]) -> list[str]:
        """Return what to warn of: inputs that the action does not know, in GitHub's words, or does not honour."""
        valid = sorted({*self.inputs, *self.unhonoured})
        unknown = [name for name in inputs if name.lower() not in valid]
        found = []
        if unknown:
            listed = ", ".join(f"'{name}'" for name in unknown)
            allowed = ", ".join(f"'{name}'" for name in valid)
            found.append(f"Unexpected input(s) {listed}, valid inputs are [{allowed}]")
        for name, value in inputs.items():
            rule = self.unhonoured.get(name.lower())
            if rule and value.strip() and value.strip().lower() not in rule.harmless:
                found.append(f"{self.name}: `{name}` is not honoured: {rule.why}")
        return found

    def run(self, host: ActionHost, stores: Stores) -> bool:
        """Perform the action and return whether it succeeded; what a person has to mend is said as an error.

        Raises NotInImage.
        """
        for warning in self.warnings(host.inputs):
            host.annotate("warning", warning)
        try:
            return self.action(host, stores)
        except NotInImage:
            raise
        except EngineError as error:
            host.annotate("error", str(error))
            return False


def lookup(uses: str) -> BuiltIn | None:
    """Return the built-in action that `uses:` names, at whatever ref and in whatever case, or None."""
    try:
        ref = parse_action_ref(uses)
    except ValueError:
        return None
    return _BY_NAME.get(ref.full_name) if ref.kind is ActionKind.BUILT_IN else None


_NO_KEYS = Unhonoured("the sources come from this machine, no key is used.")
_RESTORE_INPUTS = frozenset({"path", "key", "restore-keys", "fail-on-cache-miss", "lookup-only"})
_CACHE_UNHONOURED = {
    "enablecrossosarchive": Unhonoured("a cache is laid down as it was packed.", ("false",)),
    "upload-chunk-size": Unhonoured("a cache is kept on this machine, in pieces of its own."),
}
_BY_NAME = {
    action.name: action
    for action in (
        BuiltIn(
            "actions/checkout",
            frozenset({"repository", "ref", "path", "clean", "fetch-depth", "fetch-tags", "show-progress"}),
            checkout.run,
            {
                "token": Unhonoured("the sources come from this machine, no token is used."),
                "ssh-key": _NO_KEYS,
                "ssh-known-hosts": _NO_KEYS,
                "ssh-strict": _NO_KEYS,
                "ssh-user": _NO_KEYS,
                "persist-credentials": Unhonoured("there are no credentials to keep.", ("false",)),
                "submodules": Unhonoured("submodules are left empty.", ("false",)),
                "lfs": Unhonoured("LFS files stay pointers.", ("false",)),
                "sparse-checkout": Unhonoured("all files are checked out."),
                "sparse-checkout-cone-mode": Unhonoured("all files are checked out.", ("true",)),
                "filter": Unhonoured("the whole history is there."),
                "set-safe-directory": Unhonoured("every folder is safe to git in a job.", ("true",)),
                "github-server-url": Unhonoured("the sources come from this machine."),
            },
        ),
        BuiltIn(
            "actions/cache",
            _RESTORE_INPUTS,
            cache.restore,
            _CACHE_UNHONOURED | {"save-always": Unhonoured("a cache is kept when the job succeeds.", ("false",))},
            post=cache.save_after,
            post_if="success()",
        ),
        BuiltIn("actions/cache/restore", _RESTORE_INPUTS, cache.restore, _CACHE_UNHONOURED),
        BuiltIn("actions/cache/save", frozenset({"path", "key"}), cache.save, _CACHE_UNHONOURED),
        BuiltIn(
            "actions/upload-artifact",
            frozenset(
                {
                    "name",
                    "path",
                    "if-no-files-found",
                    "retention-days",
                    "compression-level",
                    "overwrite",
                    "include-hidden-files",
                }
            ),
            upload_artifact.run,
            {"archive": Unhonoured("an artifact is kept file by file, never as one archive.", ("true",))},
        ),
        BuiltIn(
            "actions/download-artifact",
            frozenset({"name", "artifact-ids", "path", "pattern", "merge-multiple", "repository", "run-id"}),
            download_artifact.run,
            {
                "github-token": Unhonoured("artifacts come from this machine, no token is used."),
                "skip-decompress": Unhonoured("artifacts are always unpacked.", ("false",)),
                "digest-mismatch": Unhonoured("damaged content is always an error.", ("error",)),
            },
        ),
        *(
            BuiltIn(
                name,
                frozenset({*tool.inputs, *tool.files}),
                setup_tools.run(name),
                {one: Unhonoured(why, ("false",)) for one, why in setup_tools.WITHOUT_EFFECT[name].items()},
            )
            for name, tool in setup_tools.TOOLS.items()
        ),
    )
}
