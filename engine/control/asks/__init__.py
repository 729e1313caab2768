"""What a person asks for: wishes that are written down, and runs of a repository on this machine. Runs nothing."""
