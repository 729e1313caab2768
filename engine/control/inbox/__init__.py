"""From an event to recorded runs: accepted, understood, judged and written down. Runs nothing."""
