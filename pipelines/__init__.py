"""The workflow language, pure: text in, plans out. No clock, no disk, no network."""
