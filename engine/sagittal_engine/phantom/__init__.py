"""The synthetic abdominal cohort: MR-like volumes with organ labels, drawn from a seed, for the demo and for tests.

Nothing here comes from a patient. The anatomy is a parametric drawing (`anatomy`), deformed smoothly per subject, and
imaged by one of two imaginary scanners (`scanner`) that differ in contrast, resolution, noise and field of view.
"""

from sagittal_engine.phantom.cohort import LABELS, generate, make_subject
from sagittal_engine.phantom.scanner import SCANNERS, Scanner

__all__ = ["LABELS", "SCANNERS", "Scanner", "generate", "make_subject"]
