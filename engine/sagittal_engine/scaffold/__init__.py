"""Methods from outside: a working package to start from, and the common checks that every method passes."""
