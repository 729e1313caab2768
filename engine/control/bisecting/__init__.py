"""The searches for commits that broke jobs: how one begins, how commits are tried, what comes of it."""
