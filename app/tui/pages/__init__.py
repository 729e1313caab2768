"""One module per page: it fetches, has its answers presented, and turns what widgets post into questions."""
