"""DICOM: single files, series of files, enhanced multi-frame images; uncompressed and compressed."""

import logging

logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # its messages quote header values, which can name a patient
