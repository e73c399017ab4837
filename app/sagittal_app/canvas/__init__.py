"""The slice canvas: three linked planes of a volume, painted on. Geometry, strokes and history are plain numpy."""
