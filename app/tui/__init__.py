"""The terminal UI: an API client with pages, presenters and one live feed. Widgets come from `widgets`."""
