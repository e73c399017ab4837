"""The weights of planes in an ensemble, under the name that notebooks use."""

from sagittal_engine.kit.exam_votes import vote_weights

__all__ = ["vote_weights"]
