"""Where work executes: a lane per device for runs; spawned worker processes or a Ray cluster for preparation."""
