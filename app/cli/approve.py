"""`treadle approve`: let a run or a job go that waits for a person, such as a fork's pull request or a deployment.

Of a run that goes already, every job into its environment that waits for it.
"""

from app.cli.wish import Wish

WISH = Wish("target", lambda source, target: source.approve(target))
configure, execute = WISH.configure, WISH.execute
