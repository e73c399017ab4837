"""The vocabulary that every room of Sagittal shares: plain values and protocols, no torch, no Qt."""

__version__ = "0.1.0"
