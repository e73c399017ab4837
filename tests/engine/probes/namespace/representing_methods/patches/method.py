"""The tiny method's work."""

import torch
from torch.nn import functional as F

from sagittal_engine.kit.images import ImageSet
from sagittal_engine.kit.pretext import PretextBase


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Sequential(
            torch.nn.Conv2d(1, 6, 3, stride=2, padding=1), torch.nn.BatchNorm2d(6), torch.nn.ReLU(),
            torch.nn.Dropout2d(0.2), torch.nn.Conv2d(6, 8, 3, padding=1), torch.nn.ReLU(),
        )  # fmt: skip
        self.projector = torch.nn.Linear(8, 5)


class Patches(PretextBase):
    """Pulls two views together and pushes images apart."""

    def prepare(self):
        images = self.image_set(self.context.scans)
        held = set(sorted(set(images.subjects))[: self.params.held_out])
        sides = [[i for i, s in enumerate(images.subjects) if (s in held) == out] for out in (False, True)]
        self._training, self._held_out = (images.take(rows) for rows in sides)

    def image_set(self, scans, *, masks=False):
        rows = []
        for scan in scans:
            truth, depth = scan.labels(), scan.image().shape[2]
            for z in range(depth):
                present = "+".join(sorted(name for name, mask in truth.items() if mask[:, :, z].any())) or "none"
                rows.append((scan, z, z / (depth - 1), present if truth else ""))
        names = sorted({name for scan in scans for name in scan.labels()}) if masks else ()
        return ImageSet(
            images=torch.stack([torch.from_numpy(s.image()[:, :, z].copy())[None] for s, z, _, _ in rows])
            if rows
            else torch.zeros(0, 1, 16, 16),
            subjects=tuple(scan.subject for scan, *_ in rows),
            scans=tuple(scan.id for scan, *_ in rows),
            slices=tuple(z for _, z, *_ in rows),
            position=torch.tensor([position for _, _, position, _ in rows]),
            targets={
                "labels": tuple(present for *_, present in rows),
                "quartile": tuple(str(min(3, int(4 * position))) for _, _, position, _ in rows),
                "site": tuple(scan.meta.get("site", "") for scan, *_ in rows),
                "one": tuple("same" for _ in rows),
            },
            masks={
                name: torch.stack([torch.from_numpy(s.labels()[name][:, :, z].copy()) for s, z, *_ in rows])
                for name in names
            },
        )

    def training_set(self):
        return self._training

    def held_out_set(self):
        return self._held_out

    def view_pair(self, images, generator):
        return tuple(images + 0.1 * torch.randn(images.shape, generator=generator) for _ in range(2))

    def features(self, module, images):
        return self.feature_maps(module, images).mean((2, 3))

    def feature_maps(self, module, images):
        return module.encoder(images)

    def projections(self, module, images):
        return module.projector(self.features(module, images))

    def similarity_curve(self):
        return {"name": "temperature", "x": [-1.0, 0.0, 1.0], "y": [0.2, 0.1, 0.2]}

    def module(self):
        return Network()

    def batch(self, step, generator):
        rows = torch.randperm(len(self._training), generator=generator)[: self.params.batch_size]
        return dict(zip("ab", self.view_pair(self._training.images[rows], generator), strict=True))

    def objectives(self, module, batch):
        a, b = (F.normalize(self.projections(module, batch[name])) for name in "ab")
        return {"loss": F.cross_entropy(a @ b.T / 0.5, torch.arange(len(a)))}

    def outputs_and_loss(self, module, batch):
        def loss_of(outputs):
            a, b = (F.normalize(rows) for rows in outputs)
            return F.cross_entropy(a @ b.T / 0.5, torch.arange(len(a)))

        return tuple(self.projections(module, batch[name]) for name in "ab"), loss_of

    def encoder_facts(self):
        return {"architecture": "patches"}
