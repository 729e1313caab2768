"""`treadle unpin`: let a pinned run go when its time comes."""

from app.cli.wish import Wish

WISH = Wish("run", lambda source, run: source.unpin(run), by_engine=False)
configure, execute = WISH.configure, WISH.execute
