"""The data plane: claims a job, runs its steps in a box, writes its log. Decides nothing about other jobs."""
