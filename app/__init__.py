"""The face of Treadle: command line, server and terminal UI. Decides nothing about CI."""
