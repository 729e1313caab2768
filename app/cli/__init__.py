"""One module a command: it parses its flags, asks the engine, prints the answer."""
