"""From a webhook delivery to one normalised event: bytes and headers in, facts out. No clock, no disk, no network."""
