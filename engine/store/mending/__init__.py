"""What helps to find a fault and mend it: boxes that are held, failures, searches for commits, what to compare with."""
