"""What lasts: the database and the files of a home. Rows never leave this package."""
