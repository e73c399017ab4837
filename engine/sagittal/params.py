"""Parameters of a method: declared once, described as data for the form, the command line and the comparison.

A method declares a frozen pydantic model whose fields are made by `setting`; everything a form, `--set` or a
record needs is derived from it by `describe`.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

if TYPE_CHECKING:
    from sagittal.facts import Check, ScanFacts

Kind = Literal["int", "float", "bool", "choice", "text", "path"]

META_LABELS = "meta_labels"
"""`choices_from` of a text that names attributes of the study's scans."""
VALUES_OF = "values of "
"""`choices_from` of a text that names a value of an attribute, with the parameter that names the attribute behind it:
"values of domain_column"."""
RUNS = "runs"
"""`choices_from` of a text that names a run whose encoder is taken, by its id; or an encoder's folder or file."""
OWN_META_LABELS: Mapping[str, str] = {
    "subject": "Who the scan is of.",
    "slice_quantile": "In which quarter of its scan a slice lies.",
}
"""Attributes that every study has, each with a sentence; the others are its scans' meta labels."""


class ParameterError(ValueError):
    """A parameter is unknown or out of its range; the message names the rule, the value and a near answer."""


class Given(Protocol):
    """What parameters may be filled in from before a run begins. Reads no voxel."""

    scans: Sequence[ScanFacts]
    """Those of the request."""
    label_set: str

    def encoder(self, start: str) -> Mapping[str, Any]:
        """How to use the encoder that `start` names (a run of the study, a folder that a run left, or a file of
        weights, of which nothing is known): the content of its `encoder.json`.

        Raises `SagittalError` where there is none.
        """


class Params(BaseModel):
    """Base of every method's parameters. Frozen, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def about_scans(self, scans: Sequence[ScanFacts]) -> Iterable[Check]:
        """What these values ask of a study's scans, in words, told before a run; nothing by default. No torch."""
        return ()

    def settled(self, given: Given) -> Self:
        """These parameters with what follows from the study filled in, as a run records them; by default themselves.

        Raises `ParameterError` or `SagittalError` in words where they do not fit the study. Imports no torch.
        """
        return self

    def used(self, scans: Sequence[ScanFacts]) -> Sequence[ScanFacts]:
        """Of a run's chosen scans those that it learns from: what it records and sees; by default all of them."""
        return scans


@dataclass(frozen=True)
class FieldDescription:
    """One parameter as a form or a `--help` needs it."""

    name: str
    kind: Kind
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: Mapping[str, str] | None = None
    """Each allowed value with one sentence about it."""
    unit: str | None = None
    group: str = "Essentials"
    paper: Any = None
    """The published value, where it differs from the default."""
    choices_from: str | None = None
    """What of the open study a text's values are taken from: "meta_labels", "values of" one of them, or "runs"."""
    multiple: bool = False
    """Several of them, written with commas between."""


def setting(
    default: Any,
    help: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    unit: str | None = None,
    choices: Mapping[str, str] | None = None,
    group: str = "Essentials",
    paper: Any = None,
    path: bool = False,
    choices_from: str | None = None,
    multiple: bool = False,
) -> Any:
    """Declares one parameter with its range, unit and sentence (and a sentence per choice).

    `group` is the heading it stands under in the form; "Essentials" is shown first, the others are folded. A text with
    `choices_from="meta_labels"` names an attribute of the study's scans, with `multiple` several of them, as
    "subject, phase" (`names_in` reads it); one with `choices_from="values of domain_column"` a value of the attribute
    that the parameter `domain_column` names; one with `choices_from="runs"` a run whose encoder is taken, or the folder
    or file of another. The form offers those that the open study has.
    """
    extra = {"unit": unit, "choices": dict(choices) if choices else None, "group": group, "paper": paper, "path": path}
    extra |= {"choices_from": choices_from, "multiple": multiple}
    return Field(default, description=help, ge=ge, gt=gt, le=le, lt=lt, json_schema_extra={"sagittal": extra})


def inherited(base: type[Params], name: str, default: Any, *, help: str = "", paper: Any = None) -> Any:
    """Declares a base class's parameter again with another default, and where it needs one with a sentence of its own.

    Range, unit, choices and heading stay as `base` has them; `paper` does not.
    """
    field = base.model_fields[name]
    bounds = {rule: getattr(m, rule) for m in field.metadata for rule in ("ge", "gt", "le", "lt") if hasattr(m, rule)}
    schema: Any = field.json_schema_extra
    return setting(default, help or field.description or "", **{**schema["sagittal"], **bounds, "paper": paper})


class TrainingParams(Params):
    """What the engine's loop needs of any method that trains; a method gives the defaults it wants by `inherited`."""

    steps: int = setting(
        3000,
        "Steps of the whole training: the learning rate's schedule is made for so many.",
        ge=0,
        le=10_000_000,
        unit="steps",
    )
    batch_size: int = setting(1, "Items per step.", ge=1, le=65536)
    learning_rate: float = setting(1e-3, "Step size of the optimiser at its peak.", gt=0, le=100)
    optimiser: str = setting(
        "sgd",
        "Rule that turns gradients into updates.",
        choices={
            "sgd": "Stochastic gradient descent with momentum.",
            "adam": "Adam.",
            "adamw": "Adam with decoupled decay.",
            "lars": "SGD with momentum whose step per layer is in proportion to the layer's norm: for large batches.",
            "rmsprop": "RMSprop, with Keras's constants.",
        },
        group="Optimiser",
    )
    rate_scaling: str = setting(
        "none",
        "How the peak learning rate grows with the batch.",
        choices={
            "none": "It is `learning_rate`.",
            "linear": "`learning_rate` times `batch_size` / 256.",
            "sqrt": "`learning_rate` times the square root of `batch_size`.",
        },
        group="Optimiser",
    )
    momentum: float = setting(0.9, "Momentum of SGD and LARS.", ge=0, lt=1, group="Optimiser")
    weight_decay: float = setting(0.0, "L2 penalty on the weights.", ge=0, le=10, group="Optimiser")
    schedule: str = setting(
        "constant",
        "How the learning rate changes over the run.",
        choices={
            "constant": "Stays at its peak.",
            "cosine": "Falls to zero along half a cosine over `steps`.",
            "exponential": "Multiplied by `decay_factor` every `decay_every` steps.",
        },
        group="Optimiser",
    )
    warmup_steps: int = setting(
        0, "Steps over which the rate rises linearly from zero.", ge=0, unit="steps", group="Optimiser"
    )
    decay_factor: float = setting(0.95, "Factor of the exponential schedule.", gt=0, le=1, group="Optimiser")
    decay_every: int = setting(
        1000, "Steps between two factors of the exponential schedule.", ge=1, unit="steps", group="Optimiser"
    )
    precision: str = setting(
        "auto",
        "Number format of the forward pass.",
        choices={"auto": "16-bit mixed on CUDA, 32-bit elsewhere.", "float32": "32-bit everywhere."},
        group="Running",
    )
    checkpoint_steps: int = setting(500, "Steps between two checkpoints.", ge=1, unit="steps", group="Running")
    checkpoint_minutes: float = setting(
        5.0, "Longest time between two checkpoints.", gt=0, le=60, unit="min", group="Running"
    )
    keep_checkpoints: str = setting(
        "", "Steps whose checkpoint is kept for good beside the last and the best, as 100, 500.", group="Running"
    )
    preview_steps: int = setting(
        100, "Steps between two preview pictures; 0 draws none.", ge=0, unit="steps", group="Running"
    )

    @field_validator("keep_checkpoints")
    @classmethod
    def _steps(cls, text: str) -> str:
        step_list(text)
        return text


def step_list(text: str) -> frozenset[int]:
    """The steps in a text as "100, 500, 1000". Raises ValueError that names what is no number."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [part for part in parts if not part.isdecimal()]
    if wrong:
        raise ValueError(f"steps are listed as 100, 500, 1000, and '{wrong[0]}' is no number")
    return frozenset(map(int, parts))


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text as "subject, phase", each once, in their order."""
    return tuple(dict.fromkeys(part for one in text.split(",") if (part := one.strip())))


def _bounds(metadata: list[Any]) -> tuple[float | None, float | None]:
    low = next((getattr(m, a) for m in metadata for a in ("ge", "gt") if getattr(m, a, None) is not None), None)
    high = next((getattr(m, a) for m in metadata for a in ("le", "lt") if getattr(m, a, None) is not None), None)
    return low, high


def _kind(annotation: Any, extra: Mapping[str, Any]) -> Kind:
    if extra.get("choices"):
        return "choice"
    if extra.get("path"):
        return "path"
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
    return kinds[annotation]


def describe(params: type[Params]) -> list[FieldDescription]:
    """Every parameter of `params` as data, in the order of declaration (a base class's come first)."""
    rows = []
    for name, field in params.model_fields.items():
        schema = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        extra: Any = schema.get("sagittal", {})
        low, high = _bounds(field.metadata)
        rows.append(
            FieldDescription(
                name=name,
                kind=_kind(field.annotation, extra),
                default=field.default,
                help=field.description or "",
                minimum=low,
                maximum=high,
                choices=extra.get("choices"),
                unit=extra.get("unit"),
                group=extra.get("group", "Essentials"),
                paper=extra.get("paper"),
                choices_from=extra.get("choices_from"),
                multiple=extra.get("multiple", False),
            )
        )
    return rows


def make(params: type[Params], values: Mapping[str, Any]) -> Any:
    """Builds `params` from `values` (texts as `--set` gives them, or typed values).

    Raises `ParameterError` with the rule, the value received and the nearest right answer.
    """
    fields = {row.name: row for row in describe(params)}
    for name, value in values.items():
        row = fields.get(name)
        if row is None:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(fields)}."
            raise ParameterError(f"There is no parameter '{name}'.{hint}")
        if row.choices and str(value) not in row.choices:
            near = difflib.get_close_matches(str(value), list(row.choices), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise ParameterError(f"'{name}' must be one of {', '.join(row.choices)}; got '{value}'.{hint}")
    try:
        return params.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # a rule of several parameters together
            raise ParameterError(first["msg"].removeprefix("Value error, ")) from error
        name = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        rule = words[:1].lower() + words[1:]
        raise ParameterError(f"'{name}' is out of its rule: {rule}; got {first.get('input')!r}.") from error
