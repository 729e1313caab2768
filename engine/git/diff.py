"""Which lines of two texts differ: libgit2's diff, of bytes that need not be in any repository."""

from engine.core.log_diff import Hunk


def hunks(old: bytes, new: bytes) -> list[Hunk]:
    """Return where whole lines of `old` and `new` differ, in order, with nothing alike in between left out.

    Lines that stand once in each text are held to each other first (patience), so that a block which was moved or
    put in does not tear apart what is around it.
    """
    import pygit2
    from pygit2.enums import DiffOption

    options = DiffOption.FORCE_TEXT | DiffOption.PATIENCE
    patch = pygit2.Patch.create_from(old, new, flag=options, context_lines=0, interhunk_lines=0)
    return [
        # Git counts from 1, but says of no lines at all which line they come behind.
        Hunk(
            one.old_start - (one.old_lines > 0),
            one.old_lines,
            one.new_start - (one.new_lines > 0),
            one.new_lines,
        )
        for one in patch.hunks
    ]
