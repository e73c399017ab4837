"""Label sets: saving, generations, journals, predictions, tables; and what a full disk or a torn file does to them."""

import errno
import shutil
import threading
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagittal.engine_port import SagittalError
from sagittal.facts import Edit, Label
from sagittal_engine.study import Study, integrity, journal, journal_writer

LIVER = Label(1, "liver", "#E69F00")
SPLEEN = Label(2, "spleen", "#56B4E9")


def edit(*indices: int, after: int = 1, before: int = 0) -> Edit:
    size = len(indices)
    return Edit("brush", np.array(indices, np.int64), np.full(size, before, np.uint16), np.full(size, after, np.uint16))


def reopened(study: Study) -> Study:
    study.close()
    return Study.open(study.path)


def test_a_set_that_is_not_there_is_lent_empty(study: Study, scan: str):
    loan = study.labels(scan, "painted")
    assert loan.data.shape == (6, 5, 4) and loan.data.dtype == np.uint16 and not loan.data.any()
    assert loan.data.flags.writeable and loan.labels == () and loan.recovered_edits == 0


def test_saved_labels_come_back_in_the_source_grid(study: Study, scan: str, tmp_path: Path):
    data = np.random.default_rng(0).integers(0, 3, (6, 5, 4)).astype(np.uint16)
    study.save_labels(scan, "painted", data, [LIVER, SPLEEN], "accepted")
    saved = next((study.path / "labels" / scan).glob("painted.*.nii.gz"))
    source = nib.load(tmp_path / "data" / "image_1.nii.gz")
    stored = nib.load(saved)
    assert np.array_equal(stored.affine, source.affine)
    assert np.array_equal(np.asanyarray(nib.as_closest_canonical(stored).dataobj), data)
    with reopened(study) as again:
        loan = again.labels(scan, "painted")
        assert np.array_equal(loan.data, data) and loan.labels == (LIVER, SPLEEN)
        facts = next(s for s in again.scan(scan).label_sets if s.name == "painted")
        assert (facts.review, facts.origin["kind"]) == ("accepted", "painted")


def test_three_generations_are_kept_and_a_damaged_one_is_passed_over(study: Study, scan: str):
    for value in range(1, 6):
        study.save_labels(scan, "painted", np.full((6, 5, 4), value, np.uint16), [LIVER])
    files = sorted((study.path / "labels" / scan).glob("painted.*.nii.gz"))
    assert [f.name.split(".")[1] for f in files] == ["0003", "0004", "0005"]
    files[-1].write_bytes(b"torn")
    assert (study.labels(scan, "painted").data == 4).all()
    assert any("damaged" in w for w in study.scan(scan).warnings)


def test_damage_is_told_until_the_next_save(study: Study, scan: str):
    for value in (1, 2):
        study.save_labels(scan, "painted", np.full((6, 5, 4), value, np.uint16), [LIVER])
        study.record_edit(scan, "painted", edit(value, before=value, after=5))
    study.store.writer.flush()
    newest = sorted((study.path / "labels" / scan).glob("painted.*.nii.gz"))[-1]
    newest.write_bytes(newest.read_bytes()[:-3])
    cut = sorted((study.path / "labels" / scan).glob("*.journal"))[-1]
    cut.write_bytes(cut.read_bytes()[:-3])
    loan = study.labels(scan, "painted")
    assert "is damaged" in loan.note and "cut short" in loan.note and len(study.damage()) == 2
    assert loan.note in study.scan(scan).warnings
    study.save_labels(scan, "painted", loan.data, [LIVER])
    assert study.labels(scan, "painted").note == "" and study.damage(thorough=True) == []
    assert study.scan(scan).warnings == ()


def test_strokes_come_back_after_the_end_of_the_program(study: Study, scan: str):
    study.record_edit(scan, "painted", edit(3, 4, 5))
    study.record_edit(scan, "painted", edit(4, after=0, before=1))
    assert study.recoveries() == []
    with reopened(study) as again:
        (found,) = again.recoveries()
        assert (found.scan, found.label_set, found.edits) == (scan, "painted", 2)
        loan = again.labels(scan, "painted")
        assert loan.recovered_edits == 2
        assert np.flatnonzero(loan.data).tolist() == [3, 5]
        again.save_labels(scan, "painted", loan.data, [LIVER])
        assert again.recoveries() == [] and again.labels(scan, "painted").recovered_edits == 0
        assert [step.indices.tolist() for step in again.labels(scan, "painted").history] == [[3, 4, 5], [4]]


def test_a_journal_half_written_is_nobodys(study: Study, scan: str):
    study.record_edit(scan, "painted", edit(3, 4, 5))
    study.store.writer.flush(5.0)
    (whole,) = (study.path / "labels" / scan).glob("[!.]*.journal")
    whole.with_name(f".0123abcd.part-{whole.name}").write_bytes(whole.read_bytes()[:9])
    # As a link to nothing it is what a file renamed between the listing and the reading looks like.
    whole.with_name(f".4567abcd.part-{whole.name}").symlink_to(whole.with_name("gone"))
    assert [one.label_set for one in study.store.recoveries(all_of_them=True)] == ["painted"]
    assert not any("part-" in sentence for sentence in integrity.damage(study.path))


def test_a_stroke_is_on_disk_within_a_second(study: Study, scan: str):
    study.record_edit(scan, "painted", edit(1))
    deadline = threading.Event()
    for _ in range(100):
        found = list((study.path / "labels" / scan).glob("*.journal"))
        if found and len(journal.read(found[0]).entries) == 1:
            return
        deadline.wait(0.01)
    pytest.fail("the stroke was not on disk after a second")


def test_strokes_during_a_save_stay_in_the_journal(study: Study, scan: str, monkeypatch: pytest.MonkeyPatch):
    from sagittal_engine.study import generations

    write = generations.write

    def write_while_painting(*args):
        study.record_edit(scan, "painted", edit(7))
        write(*args)

    study.record_edit(scan, "painted", edit(2))
    monkeypatch.setattr(generations, "write", write_while_painting)
    data = np.zeros((6, 5, 4), np.uint16)
    data.flat[2] = 1
    study.save_labels(scan, "painted", data, [LIVER])
    assert np.flatnonzero(study.labels(scan, "painted").data).tolist() == [2, 7]


def test_strokes_between_the_copy_and_its_save_stay_in_the_journal(study: Study, scan: str):
    study.record_edit(scan, "painted", edit(2))
    study.record_edit(scan, "painted", edit(3))
    copy = study.labels(scan, "painted").data
    study.record_edit(scan, "painted", edit(3, after=2, before=1))
    study.record_edit(scan, "painted", edit(4))
    study.save_labels(scan, "painted", copy, [LIVER])
    study.record_edit(scan, "painted", edit(4, after=0, before=1))
    with reopened(study) as again:
        loan = again.labels(scan, "painted")
        assert loan.data.flat[:6].tolist() == [0, 0, 1, 2, 0, 0] and loan.recovered_edits == 3
        assert loan.saved is not None and loan.saved.flat[:6].tolist() == [0, 0, 1, 1, 0, 0]


def test_data_that_was_not_painted_replaces_everything(study: Study, scan: str):
    study.record_edit(scan, "painted", edit(2))
    study.save_labels(scan, "painted", np.full((6, 5, 4), 7, np.uint16), [LIVER])
    assert (study.labels(scan, "painted").data == 7).all()


def test_a_torn_tail_is_left_out_and_written_over(study: Study, scan: str):
    study.record_edit(scan, "painted", edit(1))
    study.record_edit(scan, "painted", edit(2))
    study.store.writer.flush()
    path = next(study.path.glob("labels/*/*.journal"))
    study.close()
    path.write_bytes(path.read_bytes()[:-5])
    with Study.open(study.path) as again:
        assert np.flatnonzero(again.labels(scan, "painted").data).tolist() == [1]
        again.record_edit(scan, "painted", edit(9))
        assert np.flatnonzero(again.labels(scan, "painted").data).tolist() == [1, 9]


def test_edits_that_point_outside_are_refused(study: Study, scan: str):
    with pytest.raises(SagittalError, match="outside"):
        study.record_edit(scan, "painted", edit(6 * 5 * 4))


def test_a_full_disk_puts_strokes_in_the_spare_place(study: Study, scan: str, spare: Path, monkeypatch):
    append = journal_writer.append

    def full(path, *rest):
        if path.is_relative_to(study.path):
            raise OSError(errno.ENOSPC, "No space left on device")
        append(path, *rest)

    monkeypatch.setattr(journal_writer, "append", full)
    study.record_edit(scan, "painted", edit(1))
    study.store.writer.flush()
    with pytest.raises(SagittalError, match="the disk is full"):
        study.record_edit(scan, "painted", edit(2))
    monkeypatch.setattr(journal_writer, "append", append)
    study.record_edit(scan, "painted", edit(1, after=2, before=1)) if not study.store.writer.problem else None
    assert list(spare.rglob("*.journal"))
    with reopened(study) as again:
        assert again.labels(scan, "painted").data.flat[2] == 1


def test_strokes_wait_in_memory_where_no_disk_takes_them(study: Study, scan: str, monkeypatch):
    append = journal_writer.append

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(journal_writer, "append", full)
    study.record_edit(scan, "painted", edit(1))
    assert not study.store.writer.flush(0.5)
    assert "memory" in study.store.writer.problem
    assert study.labels(scan, "painted").data.flat[1] == 1
    monkeypatch.setattr(journal_writer, "append", append)
    with reopened(study) as again:
        assert again.labels(scan, "painted").recovered_edits == 1


def test_a_save_that_fails_says_why_and_loses_nothing(study: Study, scan: str, spare: Path, monkeypatch):
    study.save_labels(scan, "painted", np.full((6, 5, 4), 3, np.uint16), [LIVER])
    study.record_edit(scan, "painted", edit(0))
    usage = shutil.disk_usage(study.path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    with pytest.raises(SagittalError, match=r"could not be saved in the study: the disk is full\. A copy is at"):
        study.save_labels(scan, "painted", np.full((6, 5, 4), 4, np.uint16), [LIVER])
    assert list(spare.rglob("painted.*.nii.gz"))
    study.record_edit(scan, "painted", edit(0, after=2, before=1))
    loan = study.labels(scan, "painted")
    assert loan.data.flat[0] == 2 and loan.data.flat[1] == 3
    monkeypatch.undo()
    study.save_labels(scan, "painted", loan.data, [LIVER])
    study.record_edit(scan, "painted", edit(5, after=1, before=3))
    assert study.labels(scan, "painted").data.flat[0] == 2


def test_predictions_are_numbered_like_the_truth_and_join_one_set(study: Study, scan: str):
    study.set_label_table("truth", [Label(1, "kidney", "#111111"), Label(2, "liver", "#222222")])
    liver, other = np.zeros((6, 5, 4), bool), np.zeros((6, 5, 4), bool)
    liver[0], other[1] = True, True
    study.write_prediction(scan, "run 7", {"liver": liver}, {"run": "7"}, {"liver": [0.5, float("nan"), None, 1.0]})
    study.write_prediction(scan, "run 7", {"tumour": other}, {"run": "7"}, {"tumour": np.ones(4)})
    facts = next(s for s in study.scan(scan).label_sets if s.name == "run 7")
    assert {row.name: row.number for row in facts.labels} == {"liver": 2, "tumour": 3}
    assert facts.origin["kind"] == "predicted" and facts.confidence["liver"] == (0.5, None, None, 1.0)
    masks = study.masks(scan, "run 7")
    assert (masks["liver"] == liver).all() and (masks["tumour"] == other).all()
    study.set_review(scan, "run 7", "accepted")
    assert next(s for s in study.scan(scan).label_sets if s.name == "run 7").review == "accepted"
    with pytest.raises(SagittalError, match="one of"):
        study.set_review(scan, "run 7", "fine")


def test_odd_set_names_make_safe_and_different_files(study: Study, scan: str):
    for name in ("A/b", "a/b", "../x"):
        study.save_labels(scan, name, np.zeros((6, 5, 4), np.uint16), [LIVER])
    folders = {p.parent for p in (study.path / "labels").rglob("*.nii.gz")}
    assert folders == {study.path / "labels" / scan}
    assert len(list((study.path / "labels" / scan).glob("*.nii.gz"))) == 3


strokes = st.lists(
    st.tuples(st.lists(st.integers(0, 119), min_size=0, max_size=8, unique=True), st.integers(0, 3)), max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strokes=strokes, cut=st.integers(0, 40), twice=st.booleans())
def test_replay_gives_the_array_that_was_painted(tmp_path_factory, strokes, cut, twice):
    """Whatever was painted comes back; with the end of the file cut off, one of the earlier states does."""
    path = tmp_path_factory.mktemp("journal") / "x.journal"
    target = journal_writer.Target(path, path, "s", "painted")
    painted = np.zeros((6, 5, 4), np.uint16)
    states = [painted.copy()]
    lengths: dict[Path, int] = {}
    for time, (indices, value) in enumerate(strokes):
        flat = painted.reshape(-1)
        index = np.array(indices, np.int64)
        change = Edit("brush", index, flat[index].copy(), np.full(len(indices), value, np.uint16))
        flat[index] = value
        states.append(painted.copy())
        journal_writer.append(path, target, [journal.Entry(time, change)], lengths)
        assert path.stat().st_size == lengths[path]
    if not strokes:
        return
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut] if cut else content)
    found = journal.read(path)
    entries = found.entries if found else ()
    back = np.zeros_like(painted)
    journal.replay(back, entries)
    if twice:
        journal.replay(back, entries)
    assert np.array_equal(back, states[len(entries)])
    assert cut or len(entries) == len(strokes)
    for entry in reversed(entries):
        back.reshape(-1)[entry.edit.indices] = entry.edit.before
    assert not back.any()
