"""`treadle release`: let the held box of a job go."""

from app.cli.wish import Wish

WISH = Wish("job", lambda source, job: source.release(job))
configure, execute = WISH.configure, WISH.execute
