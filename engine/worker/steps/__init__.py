"""The steps of a job: what each is worked out to, how its scripts are run in the box, what they pass on."""
