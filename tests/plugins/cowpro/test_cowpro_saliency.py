"""Where a CoWPro encoder looks: layers, maps of prepared slices, and the way back to the scan."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sagittal_engine.kit.explaining import suggested


def test_likeness_to_training_slices_is_explained_and_laid_over_the_scan(method):
    cowpro = method(encoder="small")
    torch.manual_seed(0)
    module = cowpro.module().eval()
    scan = cowpro.context.scans[0]
    assert cowpro.explained() == ("similarity",) and cowpro.explain_plane(scan) == "axial"
    layer = suggested(cowpro.explain_layers(module))
    slices = cowpro.explain_slices(scan)
    assert slices.shape == (9, 1, 128, 128)
    maps = cowpro.explain(module, layer.layer, slices, "similarity", 0)
    assert maps.shape == (9, 128, 128) and maps.min() >= 0 and maps.max() > 0
    volume = cowpro.explained_on_grid(scan, maps)
    assert volume.shape == scan.image().shape and volume.dtype == np.float32
    score = cowpro.explained_score(module, "similarity")
    with torch.no_grad():
        cosines = score(slices)
        examples = cowpro.training_examples()
        units = torch.nn.functional.normalize(module(examples).mean((2, 3)), dim=1)
        own = torch.nn.functional.normalize(module(slices).mean((2, 3)), dim=1)
    torch.testing.assert_close(cosines, own @ torch.nn.functional.normalize(units.mean(0), dim=0))


def test_a_map_lies_where_the_scan_is_bright(method):
    """The slices themselves, taken for maps, come back in place and not mirrored."""
    cowpro = method(encoder="small")
    scan = cowpro.context.scans[1]
    volume = cowpro.explained_on_grid(scan, cowpro.explain_slices(scan).squeeze(1))
    assert np.corrcoef(volume.ravel(), scan.image().ravel())[0, 1] > 0.9
    with pytest.raises(ValueError, match="the target is one of similarity; got 'liver'"):
        cowpro.explain(None, None, torch.zeros(1, 1, 8, 8), "liver", 0)
