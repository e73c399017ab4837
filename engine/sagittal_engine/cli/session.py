"""One command's hold on the engine: opens it and the study, follows work to its end, and always shuts down."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagittal.engine_port import DamagedStudy, EnginePort, SagittalError
from sagittal.facts import StudyFacts
from sagittal_engine.cli.following import Ending, follow
from sagittal_engine.cli.output import Output
from sagittal_engine.cli.progress import Display
from sagittal_engine.cli.status import say

if TYPE_CHECKING:
    import typer


class Session:
    """The engine, the open study and the terminal of one command."""

    def __init__(self, engine: EnginePort, output: Output, facts: StudyFacts | None) -> None:
        self.engine = engine
        self.output = output
        self._facts = facts

    @property
    def study(self) -> StudyFacts:
        """The open study as it stands now."""
        facts = self.engine.study() or self._facts
        assert facts is not None, "this command opened no study"
        return facts

    def follow(self, source: str, title: str, *, run: bool = False) -> Ending:
        """Shows progress of run or task `source` until its last event; see `following.follow` for Ctrl+C."""
        with Display(title) as display:
            return follow(self.engine, source, display.show, run=run)

    def task(self, source: str, title: str) -> Mapping[str, Any]:
        """Follows task `source` and returns its result; raises where it did not complete."""
        return self.follow(source, title).insist()


@contextlib.contextmanager
def session(
    context: typer.Context, as_json: bool, study: Path | None = None, *, writes: bool = False, new: bool = False
) -> Iterator[Session]:
    """Starts the engine for one command, opens `study` where one is given (`new` makes it), and shuts down at the end.

    Raises `SagittalError` when the command `writes` and the study is read-only: held by another, or on such a drive.
    """
    output = Output(as_json)
    with output.guarded():
        engine: EnginePort = context.obj.engine()
        try:
            facts = None
            if study is not None:
                try:
                    facts = engine.new_study(study) if new else engine.open_study(study)
                except DamagedStudy as error:
                    hint = f"`sagittal study restore {study}` puts the newest copy in its place."
                    raise SagittalError(f"{error} {hint}" if engine.study_copies(study) else str(error)) from error
                if writes and facts.read_only:
                    raise SagittalError(f"Nothing can be written to the study {study}. {facts.why_read_only}")
            yield Session(engine, output, facts)
        finally:
            shut_down(engine)


def shut_down(engine: EnginePort) -> None:
    """Shuts down even if Ctrl+C is pressed meanwhile: a thread that outlives the interpreter would abort it."""
    try:
        engine.shut_down()
    except KeyboardInterrupt:
        say("Still closing the study.")
        engine.shut_down()
