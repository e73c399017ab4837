"""Where work executes: a lane per device for runs, spawned worker processes for preparation."""
