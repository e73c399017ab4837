"""Label maps in the formats of other programs, each read again by an independent reader."""
