"""The engine: stores, decides, runs. Synchronous threads over one SQLite file."""
