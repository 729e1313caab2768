"""What a job prints, on its way into its log: commands acted upon, secrets hidden, problems found."""
