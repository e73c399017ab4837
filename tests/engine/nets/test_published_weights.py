"""Published weights from a file: what matches is loaded, what does not is named, nothing unsafe is read."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sagittal_engine.nets.encoders import build_encoder
from sagittal_engine.nets.weights import load_weights


def published(prefix: str = "") -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    state = build_encoder("resnet18").state_dict()
    state.pop("project.weight")
    return {prefix + name: tensor.clone() for name, tensor in state.items()}


@pytest.mark.parametrize("prefix", ["", "backbone.", "module.backbone."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_published_weights_load(tmp_path: Path, prefix: str, suffix: str) -> None:
    state = published(prefix)
    state |= {f"{prefix.replace('backbone.', '')}classifier.0.weight": torch.zeros(3, 3)}
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    torch.manual_seed(0)
    net = build_encoder("resnet18")
    loaded = load_weights(net, path)
    assert loaded.missing == ("project.weight",)
    assert len(loaded.unused) == 1 and "classifier" in loaded.unused[0]
    for name, tensor in net.state_dict().items():
        if name != "project.weight":
            assert torch.equal(tensor, state[prefix + name])
    assert "project.weight" in loaded.sentence(path) and str(len(loaded.matched)) in loaded.sentence(path)


def test_weights_under_a_training_programs_key_load(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": published("module.")}, tmp_path / "a.pth")
    assert load_weights(build_encoder("resnet18"), tmp_path / "a.pth").missing == ("project.weight",)


def test_a_tensor_of_another_shape_keeps_its_initial_value(tmp_path: Path) -> None:
    state = published() | {"conv1.weight": torch.zeros(64, 1, 7, 7)}
    torch.save(state, tmp_path / "a.pth")
    loaded = load_weights(build_encoder("resnet18"), tmp_path / "a.pth")
    assert set(loaded.missing) == {"conv1.weight", "project.weight"}
    assert loaded.unused == ("conv1.weight",)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(4, 4)}, tmp_path / "vgg.pth")
    with pytest.raises(ValueError, match=r"vgg\.pth.*features\.0\.weight"):
        load_weights(build_encoder("resnet18"), tmp_path / "vgg.pth")


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code from the file ran",)


def test_a_file_with_code_is_refused_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"a": Trap()}, tmp_path / "trap.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"a": Trap()}, protocol=2))
    (tmp_path / "text.safetensors").write_text("no tensors", encoding="utf-8")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name in ("trap.pth", "plain.pth", "text.safetensors", "empty.pth"):
        with pytest.raises(ValueError, match=name.split(".", maxsplit=1)[0]):
            load_weights(build_encoder("small"), tmp_path / name)
    assert "code from the file ran" not in capsys.readouterr().out


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.pth does not exist"):
        load_weights(build_encoder("small"), tmp_path / "gone.pth")
