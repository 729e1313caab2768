"""Actions that Treadle brings along instead of fetching them."""
