"""Copies of a home: snapshots in it, backups beside it, and new homes that are made of either."""
