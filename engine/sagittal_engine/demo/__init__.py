"""The demo: the main job, end to end, on a cohort of synthetic scans, with a report that stands on its own."""

from sagittal_engine.demo.work import default_folder, prepare_demo, run_demo

__all__ = ["default_folder", "prepare_demo", "run_demo"]
