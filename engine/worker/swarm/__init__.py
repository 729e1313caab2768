"""Jobs as tasks of a Docker Swarm, on whatever node it chooses, over a line of their own."""
