"""DICOM: single files, series of files, enhanced multi-frame images; uncompressed and compressed."""

import logging

for _library in ("pydicom", "highdicom"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)  # messages quote header values, which can name a patient
