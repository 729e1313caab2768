"""The configuration: what it holds, how `treadle.yml` is read, edited, and followed while a server runs."""
