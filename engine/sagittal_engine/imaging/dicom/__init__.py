"""DICOM: single files, series of files, enhanced multi-frame images; uncompressed and compressed."""
