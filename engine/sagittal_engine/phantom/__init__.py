"""Synthetic cohorts, drawn from a seed, for the demo and for tests. Nothing here comes from a patient.

The abdomen: MR-like volumes with organ labels. The anatomy is a parametric drawing (`anatomy`), deformed smoothly per
subject, and imaged by one of two imaginary scanners (`scanner`) that differ in contrast, resolution, noise and field of
view. The vessels: trees of tubes with saccular bulges (`vessel_tree`), imaged by four institutions (`institutions`)
that differ in resolution, contrast, noise and intensity law. The knees: exams of three planes (`knees`), some with a
torn ligament or meniscus, whose places the labels tell.
"""

from sagittal_engine.phantom.cohort import LABELS, generate, make_subject
from sagittal_engine.phantom.institutions import INSTITUTIONS, Institution
from sagittal_engine.phantom.knees import KNEE_SITES, generate_knees, make_knee_exam
from sagittal_engine.phantom.knees_anatomy import KNEE_LABELS
from sagittal_engine.phantom.knees_findings import Findings
from sagittal_engine.phantom.scanner import SCANNERS, Scanner
from sagittal_engine.phantom.vessel_cohort import VESSEL_LABELS, generate_vessels, make_vessel_subject

KINDS = {"abdomen": generate, "vessels": generate_vessels, "knees": generate_knees}
"""What writes a cohort of each kind."""

__all__ = [
    "INSTITUTIONS",
    "KINDS",
    "KNEE_LABELS",
    "KNEE_SITES",
    "LABELS",
    "SCANNERS",
    "VESSEL_LABELS",
    "Findings",
    "Institution",
    "Scanner",
    "generate",
    "generate_knees",
    "generate_vessels",
    "make_knee_exam",
    "make_subject",
    "make_vessel_subject",
]
