"""The ground floor: states, records, retry and scheduling rules. Pure: no clock but an argument, no disk, no network."""
