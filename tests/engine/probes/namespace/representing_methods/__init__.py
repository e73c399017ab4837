"""A namespace of one method, found as the program's own are."""
