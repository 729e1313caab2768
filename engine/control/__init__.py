"""The control plane: takes events in, plans, schedules, watches. Runs nothing itself."""
