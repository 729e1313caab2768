"""What keeps a home in order beside the work: copies, removals, the search index, the disk, held boxes, settings."""
