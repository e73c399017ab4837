"""The 3D scene: the scan as a volume, labels as surfaces, in the patient's millimetres."""
