"""Reading what a Textual app shows, as lines of text."""

from textual.app import App


def text_of(app: App[object]) -> list[str]:
    """Return the screen's lines without styles, trailing spaces cut."""
    width, height = app.size
    app.screen.refresh()
    strips = app.screen._compositor.render_strips(app.size)
    lines = [strip.crop(0, width).text.rstrip() for strip in strips[:height]]
    return lines + [""] * (height - len(lines))
