"""How Git writes its names: the folders that branches and tags are in, and the id of no commit."""

HEADS, TAGS = "refs/heads/", "refs/tags/"
NO_SHA = "0" * 40
"""What stands for no commit: before a ref that is new, after one that is deleted."""
