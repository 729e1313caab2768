"""A home of this machine as commands see it: the ports of app/cli, answered from its files."""
