"""tmp"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from sagittal.method import Prediction, ScanData, Support
from sagittal_engine.kit.one_shot import chunk_of
from sagittal_plugins.cowpro import rules
from sagittal_plugins.cowpro.prototypes import aggregate, unit
from sagittal_plugins.cowpro.scoring import class_prototypes, enlarged, fitted


class PrototypeSegmenter:
    params: Any
    context: Any

    @torch.no_grad()
    def segment(self, module, supports, query, *, ranges=None, quadrants=None):
        module.eval()
        prep = rules.preparation(self.params)
        rule = rules.score_rule(self.params, self.params.test_window)
        q = prep.prepare(query)
        feats = torch.cat([module(torch.from_numpy(c).unsqueeze(1)) for c in np.array_split(q.slices, 4)])
        pix = unit(feats.flatten(2).transpose(1, 2), center=rule.center)
        h, w = feats.shape[2:]
        out = {}
        for s in supports:
            sp = prep.prepare(s.scan)
            for name, m in s.masks.items():
                imgs = torch.from_numpy(sp.native_slices(s.scan, s.slices)).unsqueeze(1)
                mk = fitted(torch.from_numpy(sp.native_masks(m, s.slices)).unsqueeze(1), (h, w))
                sf = module(imgs)
                first, last = ranges[name]
                margin = torch.full((len(q.slices), h, w), -20.0)
                for k in range(len(s.slices)):
                    zs = [z for z in range(first, last + 1) if chunk_of(z, first, last, len(s.slices)) == k]
                    if not zs:
                        continue
                    sc = []
                    for fg in (True, False):
                        p = class_prototypes(
                            sf[k : k + 1], mk[k : k + 1] if fg else 1 - mk[k : k + 1], rule, foreground=fg
                        )
                        v = torch.cat([p.local[0], p.whole[0]])[p.valid[0, 0]]
                        sc.append(aggregate(pix[zs], v, scale=rule.scale, keep=rule.keep, renormalise=rule.renormalise))
                    margin[zs] = (sc[0] - sc[1]).view(-1, h, w)
                big = enlarged(margin.unsqueeze(0), tuple(q.slices.shape[1:]))[0].numpy()
                out[name] = q.frame.backward(big, -20.0) > 0
        return Prediction(out, {})
