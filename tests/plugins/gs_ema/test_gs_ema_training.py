"""GS-EMA as a method: a step equals its literal form, the gate moves the teacher, small targets are found."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from sagittal.engine_port import SagittalError
from sagittal.facts import Label, LabelSetFacts, ScanFacts
from sagittal.params import ParameterError, make
from sagittal_engine.kit.predicting import predict
from sagittal_engine.optim import Update
from sagittal_engine.prefetch import over_tensors
from sagittal_engine.scaffold.bench import BenchContext, bench_scans, generator
from sagittal_plugins.gs_ema import CARD, SIMILARITIES, GSEMAParams
from sagittal_plugins.gs_ema.method import FOLLOWED, GSEMA, KEPT, SLOWLY
from sagittal_plugins.gs_ema.volumes import Volume, Volumes, _places, framed, shares_of

SMALL = {"patch": 16, "voxel": 5.0, "batch_size": 2, "labels": "liver, spleen"}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("gs_ema")


@pytest.fixture
def method_of(cache):
    def build(**values):
        made = GSEMA(make(GSEMAParams, {**SMALL, **values}), BenchContext(cache, bench_scans(3)))
        made.prepare()
        torch.manual_seed(0)
        return made, made.module()

    return build


def flat(parts):
    return torch.cat([part.flatten() for part in parts])


def literal_cosine(a, b):
    """⟨a, b⟩ / (‖a‖ ‖b‖) of two gradients in full length."""
    return float((flat(a) * flat(b)).sum() / (flat(a).square().sum().sqrt() * flat(b).square().sum().sqrt()))


def literal_contrast(latents):
    """Eq. 5, pair by pair, of whole latents: student on source and transformed, teacher on both."""
    ss, st, ts, tt = latents

    def h(u, v):
        rows = [(a * b).sum() / (a.square().sum().sqrt() * b.square().sum().sqrt()) for a, b in zip(u, v, strict=True)]
        return sum(rows) / len(rows)

    p = [h(ss, ts), h(st, tt)]
    n = [h(ss, st), h(ts, tt), h(ss, tt), h(st, ts)]
    above = sum(torch.exp(one) for one in p)
    return -torch.log(above / (above + sum(torch.exp(one) for one in n))), [float(one.detach()) for one in (*p, *n)]


def literal_boundary(z):
    """|IFFT(FFT(z) · mask)|, transformed over all axes, the mask zero in the central half after a shift."""
    spectrum = torch.fft.fftshift(torch.fft.fftn(z), dim=(2, 3, 4))
    mask = torch.ones(z.shape[2:], dtype=z.dtype)
    mask[tuple(slice(n // 4, 3 * n // 4) for n in z.shape[2:])] = 0
    return torch.fft.ifftn(torch.fft.ifftshift(spectrum * mask, dim=(2, 3, 4))).abs()


def literal_dice_ce(logits, classes):
    """DiceCE with the background, ε = 1e-5 above and below, means over batch and class, and over voxels."""
    p = torch.exp(logits) / torch.exp(logits).sum(1, keepdim=True)
    truth = torch.stack([(classes[:, 0] == c).to(p.dtype) for c in range(p.shape[1])], dim=1)
    both, sides = (p * truth).sum((2, 3, 4)), p.sum((2, 3, 4)) + truth.sum((2, 3, 4))
    return (1 - (2 * both + 1e-5) / (sides + 1e-5)).mean() - (truth * torch.log(p)).sum(1).mean()


def literal_step(method, module, batch):
    """Four whole forward passes, the total's backward pass, and two more for the gate, all before any step."""
    p, sight = method.params, method._sight(batch)
    parameters = [q for q in module.student.parameters() if q.requires_grad]
    student, teacher = module.student, module.teacher
    views = ((student, sight.source), (student, sight.student), (teacher, sight.source), (teacher, sight.teacher))
    losses, latents = [], []
    for network, images in views:
        latents.append(network.latent(images))
        losses.append(literal_dice_ce(network(images), sight.classes))
    volume, cosines = literal_contrast(latents)
    boundary, _ = literal_contrast([literal_boundary(z) for z in latents])
    wanted = {"both": volume + boundary, "volume": volume, "boundary": boundary}[p.contrast]
    total = p.supervised_weight * sum(losses) + p.contrast_weight * wanted
    gradient = torch.autograd.grad(total, parameters, retain_graph=True)
    source = torch.autograd.grad(losses[0], parameters, retain_graph=True, materialize_grads=True)
    target = torch.autograd.grad(losses[1], parameters, retain_graph=True, materialize_grads=True)
    if p.sign_gradients:
        source, target = ([q.sign() for q in part] for part in (source, target))
    found = {"contrast": p.contrast_weight * float(wanted.detach()), "cosine": literal_cosine(source, target)}
    return found | {"losses": [p.supervised_weight * float(x.detach()) for x in losses], "cosines": cosines}, gradient


class Seeing(torch.optim.SGD):
    """Keeps the gradients that it is given."""

    def step(self, closure=None):
        self.seen = [q.grad.clone() for group in self.param_groups for q in group["params"]]


def wide(batch):
    """In float64, so that the literal form can be met to the last digits."""
    return over_tensors(batch, lambda t: t.double() if t.is_floating_point() else t)


def moved_teacher(module):
    with torch.no_grad():
        for q in module.teacher.parameters():
            q.add_(0.02 * torch.randn(q.shape, generator=generator(5, 5)))
    return module.double()


@pytest.mark.parametrize(
    "values", [{}, {"contrast": "boundary", "sign_gradients": True}, {"contrast": "volume", "supervised_weight": 0.7}]
)
def test_a_step_equals_its_literal_form(method_of, values):
    """Total λ₁ Σ L_DCE + λ₂ (L_c of z + L_c of b), its gradient, and the cosine of the two supervised gradients."""
    method, module = method_of(teacher_every=1, **values)
    moved_teacher(module)
    batch = wide(method.batch(1, generator(0, 1)))
    literal, gradient = literal_step(method, module, batch)
    update = Update(method, module, method.params, torch.device("cpu"))
    update.optimiser = Seeing(update.optimiser.param_groups, lr=0.1)
    found = update(batch, 1)
    method.after_step(module, 1)
    for ours, theirs in zip(update.optimiser.seen, gradient, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-10)
    assert max(float(part.abs().max()) for part in gradient) > 1e-3
    losses = literal["losses"]
    assert float(found["source_loss"]) == pytest.approx(losses[0], rel=1e-9)
    assert float(found["target_loss"]) == pytest.approx(losses[1], rel=1e-9)
    assert float(found["contrast_loss"]) == pytest.approx(literal["contrast"], rel=1e-9)
    numbers = method.metrics()
    # Shifts before a normalisation have no gradient but rounding, whose signs count as any other.
    near = 1e-3 if method.params.sign_gradients else 1e-7
    assert np.cos(np.radians(numbers["gradient_angle"])) == pytest.approx(literal["cosine"], abs=near)
    assert numbers["teacher_dice_ce"] == pytest.approx(losses[2] + losses[3], rel=1e-9)
    assert [numbers[name] for name in SIMILARITIES] == pytest.approx(literal["cosines"], abs=1e-9)


def test_each_forward_is_made_once(method_of):
    """Two ways to the logits for the student, and of the teacher the way to the latents alone where nothing is due."""
    method, module = method_of()
    module = moved_teacher(module)
    passes = []
    for who in ("student", "teacher"):
        network = getattr(module, who)
        for part in ("level1", "level4"):
            named = f"{who} {'latent' if part == 'level1' else 'logits'}"
            getattr(network, part).register_forward_hook(lambda *_, named=named: passes.append(named))
    update = Update(method, module, method.params, torch.device("cpu"))
    update(wide(method.batch(2, generator(0, 2))), 2)
    assert sorted(passes) == ["student latent"] * 2 + ["student logits"] * 2 + ["teacher latent"] * 2
    passes.clear()
    update(wide(method.batch(10, generator(0, 10))), 10)
    assert passes.count("teacher logits") == 2 and len(passes) == 8


@pytest.mark.parametrize(
    ("values", "source", "target", "state"),
    [
        ({}, (1.0, 2.0, -1.0), (1.0, 2.0, -1.0), FOLLOWED),
        ({}, (1.0, 2.0, -1.0), (-1.0, -2.0, 1.0), KEPT),
        ({"rule": "algorithm1"}, (1.0, 2.0, -1.0), (-1.0, -2.0, 1.0), FOLLOWED),
        ({"rule": "algorithm1"}, (1.0, 2.0, -1.0), (1.0, 2.0, -1.0), KEPT),
        ({}, (10.0, 1.0, 1.0), (10.0, -1.0, -1.0), FOLLOWED),
        ({"sign_gradients": True}, (10.0, 1.0, 1.0), (10.0, -1.0, -1.0), KEPT),
        ({"on_conflict": "slow"}, (1.0, 2.0, -1.0), (-1.0, -2.0, 1.0), SLOWLY),
    ],
)
def test_the_gate_hears_the_two_supervised_gradients_alone(method_of, values, source, target, state):
    """The contrast pulls hard along the source here, and changes no decision."""
    method, module = method_of(**values)
    given = {
        "source_loss": [torch.tensor(source)],
        "target_loss": [torch.tensor(target)],
        "contrast_loss": [1e3 * torch.tensor(source)],
    }
    (descended,) = method.combine(given)
    torch.testing.assert_close(descended, given["source_loss"][0] * 1001 + given["target_loss"][0])
    method.after_step(module, 3)
    assert method.metrics()["teacher_step"] == state


@pytest.mark.parametrize(
    ("values", "cosine", "state", "decay"),
    [
        ({}, 0.5, FOLLOWED, 0.75),
        ({}, -0.5, KEPT, None),
        ({}, 0.0, KEPT, None),
        ({"on_conflict": "slow", "slow_decay": 0.7}, -0.5, SLOWLY, 0.7),
        ({"rule": "algorithm1"}, 0.5, KEPT, None),
        ({"rule": "algorithm1"}, -0.5, FOLLOWED, 0.75),
        ({"teacher": "always"}, -0.5, FOLLOWED, 0.75),
        ({"decay": 0.6}, 0.5, FOLLOWED, 0.6),
    ],
)
def test_the_gate_moves_the_teacher(method_of, values, cosine, state, decay):
    """At step 3 the decay has warmed up to three quarters."""
    method, module = method_of(**values)
    with torch.no_grad():
        for q in module.student.parameters():
            q.add_(1.0)
    alpha = 1.0 if decay is None else decay
    pairs = zip(module.teacher.parameters(), module.student.parameters(), strict=True)
    expected = [alpha * teacher.detach().clone() + (1 - alpha) * student.detach() for teacher, student in pairs]
    method._cosine = cosine
    method.after_step(module, 3)
    for ours, theirs in zip(module.teacher.parameters(), expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    numbers = method.metrics()
    assert numbers["teacher_step"] == state and numbers["update_share"] == float(state == FOLLOWED)


def test_student_and_teacher_see_transformations_of_their_own(method_of):
    method, _ = method_of()
    sight = method._sight(method.batch(1, generator(0, 1)))
    assert not torch.equal(sight.student, sight.teacher) and not torch.equal(sight.student, sight.source)
    assert sight.source.shape == sight.student.shape == (2, 1, 16, 16, 16)
    assert sight.classes.dtype == torch.int64 and set(sight.classes.unique().tolist()) <= {0, 1, 2}


def test_without_changes_both_images_are_one_and_gradients_agree(method_of):
    off = dict.fromkeys(("gin", "intensity", "noise", "smoothing", "histogram", "bias_field"), False)
    method, module = method_of(**off)
    batch = method.batch(1, generator(0, 1))
    sight = method._sight(batch)
    assert torch.equal(sight.source, sight.student)
    update = Update(method, module, method.params, torch.device("cpu"))
    update(batch, 1)
    method.after_step(module, 1)
    assert method.metrics()["gradient_angle"] == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("name", [recipe.name for recipe in CARD.recipes if recipe.name.startswith("ablation")])
def test_every_ablation_makes_its_steps(method_of, name):
    recipe = next(recipe for recipe in CARD.recipes if recipe.name == name)
    method, module = method_of(**{**recipe.values, **SMALL})
    start = copy.deepcopy(module.state_dict())
    update = Update(method, module, method.params, torch.device("cpu"))
    for step in (1, 2):
        losses = update(method.batch(step, generator(0, step)), step)
        method.after_step(module, step)
    wanted = {"source_loss", "target_loss"} | ({"contrast_loss"} if method.params.contrast != "none" else set())
    assert set(losses) == wanted
    assert any(not torch.equal(v, start[k]) for k, v in module.state_dict().items() if k.startswith("student"))
    assert (module.teacher is None) is (method.params.teacher == "none")
    assert recipe.published and (name in ("ablation-gs-ema", "ablation-bacl-v")) == (
        "of the table itself" in recipe.published
    )


def test_small_targets_are_found():
    """One labelled voxel in 64³: by chance a patch of 16³ meets it once in seventy, here in half and more."""
    classes = torch.zeros(64, 64, 64, dtype=torch.uint8)
    classes[30, 40, 22] = 1
    volumes = Volumes([Volume(torch.zeros(64, 64, 64).half(), classes, _places(classes.numpy(), 1))])
    drawn = volumes.draw(200, 16, 0.5, generator(0, 0))[1]
    assert 0.4 < float((drawn.flatten(1).amax(1) > 0).float().mean()) < 0.65
    assert float((volumes.draw(50, 16, 1.0, generator(0, 1))[1].flatten(1).amax(1) > 0).float().mean()) == 1
    places = {tuple((patch[0] > 0).nonzero()[0].tolist()) for patch in volumes.draw(50, 16, 1.0, generator(0, 2))[1]}
    assert len(places) > 20, "the target is not always in the middle"


def test_patches_of_a_scan_smaller_than_they_are_have_zeros_around_it():
    volume = torch.ones(4, 20, 16)
    patch = framed(volume, [-6, 2, 0], 16)
    assert patch.shape == (16, 16, 16) and patch.sum() == 4 * 16 * 16 and bool((patch[6:10] == 1).all())


def test_a_constant_scan_and_one_without_labels_are_left_out_with_a_word(tmp_path):
    scans = bench_scans(3)
    scans[0].image = lambda: np.full((48, 40, 9), 7, np.float32)
    seen = scans[1].image()
    scans[1].image, scans[1].labels = lambda: seen, dict
    context = BenchContext(tmp_path, scans)
    found = Volumes.prepared(scans, ("liver", "spleen"), 5.0, context)
    assert len(found.volumes) == 1
    said = [text for _, text in context.messages]
    assert any("one intensity" in text for text in said) and any("none of the labels liver" in text for text in said)
    with pytest.raises(SagittalError, match="nothing to train on"):
        Volumes.prepared(scans[:2], ("liver", "spleen"), 5.0, context)


def test_a_flat_or_coloured_scan_is_refused_in_words(method_of):
    method, _ = method_of()
    scan = bench_scans(1)[0]
    scan.image = lambda: np.zeros((20, 20, 1, 3), np.float32)
    with pytest.raises(SagittalError, match="is in colour, and 3D networks see grey volumes"):
        method.images(scan)


def test_whole_scans_are_segmented_back_on_their_grid(method_of):
    method, module = method_of()
    scan = bench_scans(2)[1]
    probabilities = predict(method, module.eval(), scan)
    assert probabilities.shape[:2] == (1, 3)
    torch.testing.assert_close(probabilities.sum(1), torch.ones_like(probabilities[:, 0]), rtol=1e-4, atol=1e-4)
    masks = method.masks(scan, probabilities)
    assert set(masks) == {"liver", "spleen"} and all(m.shape == (48, 40, 9) and m.dtype == bool for m in masks.values())
    # The truth itself, there and back, stays what it is but for its edges.
    truth = method.targets(scan)
    back = method.masks(scan, truth)
    for name, mask in scan.labels().items():
        shared = 2 * (back[name] & mask).sum() / (back[name].sum() + mask.sum())
        assert shared > 0.85, name


def test_shares_of_labels_sum_to_one():
    shares = shares_of(bench_scans(1)[0], ("liver", "spleen"), 6.0)
    torch.testing.assert_close(shares.sum(0), torch.ones(shares.shape[1:]), rtol=0, atol=1e-5)
    assert shares_of(bench_scans(1)[0], ("kidney",), 6.0) is None


def test_the_teacher_segments_unless_the_student_is_asked_for(method_of):
    method, module = method_of()
    assert method.network(module) is module.teacher
    student, other = method_of(predict_with="student")
    assert student.network(other) is other.student
    alone, third = method_of(teacher="none", contrast="none")
    assert alone.network(third) is third.student


def test_latents_are_features_that_probes_can_read(method_of):
    method, module = method_of(patches_per_scan=2)
    images = method.training_set()
    assert images.images.shape[1:] == (1, 16, 16, 16) and "scanner" in images.targets
    module.eval()
    with torch.no_grad():
        assert method.features(module, images.images).shape == (len(images), 8 * 32)
        assert method.projections(module, images.images).shape == (len(images), 4**3 * 32)
    a, b = method.view_pair(images.images, generator(0, 1))
    assert a.shape == images.images.shape and not torch.equal(a, b)
    with pytest.raises(SagittalError, match="labels of single pixels are read from slices alone"):
        method.image_set(method.context.scans, masks=True)


# Parameters and the study ---------------------------------------------------------------------------------------------


class Given:
    label_set = "truth"

    def __init__(self, *domains, spacing=(0.8, 0.8, 1.2), labels=("vessel", "aneurysm"), shape=(60, 60, 40)):
        truth = LabelSetFacts("truth", tuple(Label(n, name, "#E69F00") for n, name in enumerate(labels, 1)))
        self.scans = [
            ScanFacts(
                scan=f"{n:016x}", name=f"scan {n}", subject=f"s{n}", path="", kind="nifti", shape=shape,
                spacing=spacing, orientation="RAS", label_sets=(truth,),
                meta={"domain": domain} if domain else {"site": "x"},
            )
            for n, domain in enumerate(domains)
        ]  # fmt: skip


def test_a_run_records_labels_and_voxel_and_leaves_a_domain_out():
    given = Given("A", "B", "B")
    params = make(GSEMAParams, {"leave_out": "A"})
    settled = params.settled(given)
    assert settled.labels == "vessel, aneurysm" and settled.voxel == pytest.approx(0.92)
    assert [scan.name for scan in params.used(given.scans)] == ["scan 1", "scan 2"]
    assert make(GSEMAParams, {"labels": "aneurysm", "voxel": 2}).settled(given).labels == "aneurysm"


def test_maps_are_coloured_by_the_domain_or_by_labels_where_there_is_none():
    given = Given("A", "B", "B")
    assert make(GSEMAParams, {}).settled(given).label_target == "domain"
    assert make(GSEMAParams, {"domain_column": "hospital"}).settled(given).label_target == "labels"
    assert make(GSEMAParams, {"domain_column": "site"}).settled(Given("", "")).label_target == "site"
    assert make(GSEMAParams, {"label_target": "quartile"}).settled(given).label_target == "quartile"


@pytest.mark.parametrize(
    ("domains", "values", "sentences"),
    [
        (("A", "A", "B", "B"), {"leave_out": "A"}, ["2 scans of the domain 'A' are left out of training."]),
        (
            ("A", "B", "B"),
            {"leave_out": "A"},
            ["1 scan of the domain 'A' is left out of training.", "figures on it say nothing of others, and have no"],
        ),
        (
            ("A", "A", "B", "B", ""),
            {"leave_out": "A"},
            ["2 scans", "1 scan without 'domain' is trained on, and may be of the domain 'A'. Give each one"],
        ),
        (("A", "B", "B"), {}, ["The domain A has one scan to train on: little is learned of what differs there."]),
        (("A", "B", "C", "D", "E", "E"), {}, ["The domains A, B, C, … have one scan"]),
        (("A", "", ""), {}, []),
        (("", ""), {}, []),
    ],
)
def test_domains_that_are_left_out_lonely_or_not_known_are_told(domains, values, sentences):
    said = list(make(GSEMAParams, values).about_scans(Given(*domains).scans))
    assert len(said) == len(sentences) and not any(line.blocking for line in said)
    for line, sentence in zip(said, sentences, strict=True):
        assert sentence in line.text and line.ok is ("left out of training" in line.text)


@pytest.mark.parametrize(
    ("given", "values", "sentence"),
    [
        (Given("", ""), {"leave_out": "A"}, "no chosen scan has the attribute 'domain'. They have site"),
        (Given("A", "B"), {"leave_out": "C"}, "no domain 'C' to leave out; 'domain' has A, B"),
        (Given("A", "A"), {"leave_out": "A"}, "leaves nothing to train on"),
        (Given("A"), {"labels": "bone"}, "no label bone; they have vessel, aneurysm"),
        (Given("A", shape=(60, 60, 1)), {}, "scan 0 is flat"),
    ],
)
def test_what_does_not_fit_the_study_is_told_before_a_run(given, values, sentence):
    with pytest.raises(SagittalError, match=sentence):
        make(GSEMAParams, values).settled(given)


def test_what_does_not_go_together_is_one_sentence():
    for values, sentence in (
        ({"patch": 20}, "multiples of 8 for small_unet; 'patch' is 20"),
        ({"network": "swin_unetr", "patch": 48}, "multiples of 32"),
        ({"teacher": "none"}, "Set 'contrast' to none"),
        ({"feature_size": 20}, "multiple of 12; it is 20"),
    ):
        with pytest.raises(ParameterError, match=sentence):
            make(GSEMAParams, values)
