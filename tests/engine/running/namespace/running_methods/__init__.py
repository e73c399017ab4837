"""Methods that exist for the tests of running alone."""
