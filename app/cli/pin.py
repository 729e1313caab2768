"""`treadle pin`: keep a run, its logs and its artifacts whatever their age."""

from app.cli.wish import Wish

WISH = Wish("run", lambda source, run: source.pin(run), by_engine=False)
configure, execute = WISH.configure, WISH.execute
