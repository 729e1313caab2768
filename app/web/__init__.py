"""The terminal UI in a browser: a small web server that starts the UI once for each tab, behind a guard."""
