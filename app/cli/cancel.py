"""`treadle cancel`: wish that a run or a job ends; again, that it does so at once."""

from app.cli.wish import Wish

WISH = Wish("target", lambda source, target: source.cancel(target))
configure, execute = WISH.configure, WISH.execute
