"""The tiny method's work."""

import time

import numpy as np
import torch

from sagittal.engine_port import SagittalError
from sagittal.method import Picture
from sagittal_engine.kit.pretext import PretextBase


class Tiny(PretextBase):
    """Predicts the mean of a random patch."""

    def __init__(self, params, context):
        super().__init__(params, context)
        self._step = 0
        if params.trouble == "build":
            raise RuntimeError("cannot be built")

    def prepare(self):
        if self.params.trouble == "prepare":
            raise RuntimeError("cannot prepare")
        while self.params.wait:
            self.context.boundary()
            time.sleep(0.005)
        for done, _ in enumerate(self.context.scans):
            self.context.progress(done + 1, len(self.context.scans), "Reading")
        self._images = [torch.from_numpy(scan.image().copy()) for scan in self.context.scans]

    def module(self):
        encoder = torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Dropout(0.3)
        )
        head = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 1))
        return torch.nn.ModuleDict({"encoder": encoder, "head": head})

    def batch(self, step, generator):
        self._maybe("batch", step)
        which = int(torch.randint(len(self._images), (1,), generator=generator))
        image = self._images[which]
        z = int(torch.randint(image.shape[2], (1,), generator=generator))
        noise = torch.randn(4, 1, *image.shape[:2], generator=generator)
        return {"x": image[None, None, :, :, z] + noise, "step": step}

    def _maybe(self, trouble, step):
        if self.params.trouble == trouble and step == self.params.trouble_at:
            raise SystemExit(3) if trouble == "exit" else RuntimeError(f"{trouble} went wrong")

    def objectives(self, module, batch):
        step = batch["step"]
        for trouble in ("step", "exit"):
            self._maybe(trouble, step)
        if self.params.trouble == "mendable" and step == self.params.trouble_at:
            raise SagittalError("The moon is full. Wait a night.")
        if self.params.pause_ms:
            time.sleep(self.params.pause_ms / 1000)
        predicted = module["head"](module["encoder"](batch["x"]))
        loss = (predicted - batch["x"].mean((2, 3))).square().mean()
        if self.params.trouble == "nan" and step == self.params.trouble_at:
            loss = loss * float("nan")
        return {"main_loss": loss, "side_loss": 0.1 * predicted.square().mean()}

    def metrics(self):
        return {"constant": 1.0, "undefined": float("nan")}

    def after_step(self, module, step):
        if self.params.trouble == "weights" and step == self.params.trouble_at:
            with torch.no_grad():
                module["head"][2].bias.fill_(float("inf"))

    def pictures(self, module, batch):
        if self.params.trouble == "pictures":
            raise RuntimeError("cannot draw")
        assert not module.training
        module["encoder"](batch["x"])
        return [Picture("Patch", np.zeros((4, 6, 3), np.uint8), "a patch")]

    def encoder(self, module):
        return module["encoder"]

    def encoder_facts(self):
        return {"architecture": "tiny", "input_channels": 1}
