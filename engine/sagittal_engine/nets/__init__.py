"""Encoders and decoders. Import from the modules; this one stays empty and imports no torch."""
