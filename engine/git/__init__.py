"""Git: repositories here and elsewhere, their mirrors in the home, commits as files. Only this folder knows pygit2."""
