"""The HTTP server: webhooks in, the API, the live stream. Reads and wishes only; what runs is decided in the engine."""
