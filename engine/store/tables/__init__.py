"""The tables of `treadle.db`, as peewee models. Rows end in `Row` and never leave `engine/store`."""
