"""The ground floor: states, records, retry and scheduling rules. Pure: time is an argument, no disk, no network."""
