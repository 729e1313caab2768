"""What `treadle doctor` looks at, by where it looks."""
