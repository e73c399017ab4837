"""Synthetic cohorts, drawn from a seed, for the demo and for tests. Nothing here comes from a patient.

The abdomen: MR-like volumes with organ labels. The anatomy is a parametric drawing (`anatomy`), deformed smoothly per
subject, and imaged by one of two imaginary scanners (`scanner`) that differ in contrast, resolution, noise and field of
view. The vessels: trees of tubes with saccular bulges (`vessel_tree`), imaged by four institutions (`institutions`)
that differ in resolution, contrast, noise and intensity law.
"""

from sagittal_engine.phantom.cohort import LABELS, generate, make_subject
from sagittal_engine.phantom.institutions import INSTITUTIONS, Institution
from sagittal_engine.phantom.scanner import SCANNERS, Scanner
from sagittal_engine.phantom.vessel_cohort import VESSEL_LABELS, generate_vessels, make_vessel_subject

KINDS = {"abdomen": generate, "vessels": generate_vessels}
"""What writes a cohort of each kind."""

__all__ = [
    "INSTITUTIONS",
    "KINDS",
    "LABELS",
    "SCANNERS",
    "VESSEL_LABELS",
    "Institution",
    "Scanner",
    "generate",
    "generate_vessels",
    "make_subject",
    "make_vessel_subject",
]
