"""Who hears of runs: forges and webhooks out there, and workflows that follow others."""
