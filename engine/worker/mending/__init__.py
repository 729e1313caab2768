"""What lasts of a job for a person to go on with: held boxes, checkpoints, shells."""
