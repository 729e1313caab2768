"""What a step `uses:`: found, fetched, read and run; the port that those built in see."""
