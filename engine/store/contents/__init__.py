"""What a home keeps of files: contents, each once, and what refers to them. Knows no rows but those of checkpoints."""
