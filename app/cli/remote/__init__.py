"""An engine elsewhere as commands see it: the ports of app/cli, answered over its API."""
