"""Augmentation: each transform draws its randomness in one function and applies it in another."""
