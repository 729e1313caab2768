"""What forges tell us, and what we tell them: deliveries become one normalised event, runs become commit statuses.

Pure, without clock, disk or network, but for `post`, which sends what `statuses` words and `verdicts` judges.
"""
