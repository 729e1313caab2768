"""The logs of attempts: written, read, compressed, and searched for words. No text of theirs is in a database."""
