"""SlateQ: the value of a slate, item by item; learned from sessions in torch, served in NumPy."""
