"""The faces of `treadle run`: what each knows of the runs, and how it shows them."""
