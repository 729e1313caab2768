"""What a home tells of itself as JSON, put together from the store: the same for the API and for commands on files."""
