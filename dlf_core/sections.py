"""The sections of a project YAML: one pydantic model each, with the defaults that `Project` fills in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from dlf_core import prompts
from dlf_core.cron import cron_problem
from dlf_core.usage import Price

FilterBackend = Literal["qwen", "gemma", "embedded"]
LabelBackend = Literal["falcon", "falcon-mlx", "qwen", "gemma", "embedded", "pod"]
VerifyBackend = Literal["qwen", "gemma", "embedded", "pod"]
ServerName = Literal["qwen", "gemma", "falcon", "falcon-mlx"]
SourceName = Literal["folder", "urls", "duckduckgo", "wikimedia", "openverse", "video"]


def _text(value: object) -> object:
    """Numbers are words too (`- 747` is a query); `no` and `null` are mistakes that quotes repair."""
    if isinstance(value, bool) or value is None:
        word = {True: "yes, on or true", False: "no, off or false", None: "empty or null"}[value]
        raise ValueError(f"YAML read this as {word}, not as text; put it in quotes")
    if isinstance(value, (int, float)):
        return str(getattr(value, "written", value))
    if isinstance(value, str) and not value.strip():
        return ""  # which `min_length` below refuses
    return value


Text = Annotated[str, BeforeValidator(_text), Field(min_length=1)]


class Section(BaseModel):
    """Unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Bucket(Section):
    """Where the images of one bucket come from. In the YAML a plain list is a list of queries."""

    queries: list[Text] = []
    videos: list[Text] = []
    folders: list[Text] = []
    urls: list[Text] = []

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        if isinstance(value, list):
            return {"queries": value}
        if value is None:
            return {}
        return value


class WebSettings(Section):
    """How the web is searched and downloaded from."""

    contact: Text | None = None
    max_per_query: int = Field(default=30, ge=1)
    seconds: float = Field(default=30.0, gt=0)
    per_host: int = Field(default=6, ge=1, le=256)
    per_second: float | None = Field(default=10.0, gt=0)
    respect_opt_outs: bool = True

    @model_validator(mode="after")
    def _check(self) -> WebSettings:
        if self.contact is not None and not (self.contact.isascii() and self.contact.isprintable()):
            raise ValueError("contact goes into the User-Agent header; write it in plain ASCII")
        return self


class VideoSettings(Section):
    """Which frames of a video become images."""

    frames: Literal["scenes", "fps"] = "scenes"
    fps: float = Field(default=1.0, gt=0, le=120)
    max_frames: int = Field(default=100, ge=1)
    max_height: int = Field(default=1080, ge=144)
    max_megabytes: int = Field(default=2000, ge=1)
    drop_blurred: bool = True


class Duplicates(Section):
    """Where near-duplicates are looked for, and whether at all."""

    across: Literal["bucket", "project", "data_root"] = "data_root"
    near: bool = True


class Rights(Section):
    """Whose the images in the project's own folders and files are."""

    license: Text | None = None
    license_url: Text | None = None
    author: Text | None = None
    attribution: Text | None = None


class R2(Section):
    """Cloudflare R2 (or any S3) locations of a project."""

    bucket: Text | None = None
    raw_prefix: Text = "raw/"
    labels_prefix: Text = "labels/"
    reviews_prefix: Text = "labels/reviews.json"
    cache_gb: float = Field(default=20.0, gt=0)


class Prompts(Section):
    """Prompt templates; `{target_object}` and, in verify, `{query}` are filled in."""

    filter: Text = prompts.DEFAULT_FILTER
    verify: Text = prompts.DEFAULT_VERIFY
    label_describe: Text = prompts.DEFAULT_LABEL_DESCRIBE


class Backends(Section):
    """Which model backend serves which stage. Several for label: their boxes are fused."""

    filter: FilterBackend = "qwen"
    label: Annotated[list[LabelBackend], Field(min_length=1)] = ["falcon"]
    verify: VerifyBackend = "qwen"
    manage: bool = False
    fusion_iou: float = Field(default=0.55, gt=0, le=1)

    @model_validator(mode="before")
    @classmethod
    def _label_list(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("label"), str):
            return value | {"label": [value["label"]]}
        return value

    @model_validator(mode="after")
    def _check(self) -> Backends:
        meant = ["falcon" if name in ("gemma", "pod") else name for name in self.label]
        if len(set(meant)) < len(meant):
            raise ValueError("label names a backend twice (gemma and pod mean falcon there); name each once")
        return self


class Server(Section):
    """How a model server is asked; None means: what suits the backend."""

    max_in_flight: int | None = Field(default=None, ge=1, le=1024)
    request_seconds: float | None = Field(default=None, gt=0)
    image_seconds: float | None = Field(default=None, gt=0)
    max_pixels: int | None = Field(default=None, ge=3136)


class PriceEntry(Section):
    """What a paid endpoint takes."""

    currency: Text = "USD"
    input_per_million: float = Field(default=0.0, ge=0)
    output_per_million: float = Field(default=0.0, ge=0)
    per_request: float = Field(default=0.0, ge=0)
    per_hour: float = Field(default=0.0, ge=0)

    def price(self) -> Price:
        """The entry as the core knows it."""
        return Price(**self.model_dump())


class Pod(Section):
    """A rented GPU machine (RunPod)."""

    gpu_types: list[Text] = []
    data_centers: list[Text] = []
    image: Text | None = None
    container_disk_gb: int | None = Field(default=None, gt=0)
    volume_gb: int | None = Field(default=None, ge=0)


class Schedule(Section):
    """When the project is gathered and labelled again. In the YAML a plain text is the cron expression."""

    cron: Text
    timezone: Text = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"cron": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Schedule:
        if problem := cron_problem(self.cron):
            raise ValueError(f"'{self.cron}' {problem}; every night at three is '0 3 * * *'")
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"'{self.timezone}' is not a time zone; write one like 'Europe/Berlin'") from None
        return self


class Relabel(Section):
    """What the schedule looks at again beside what is new."""

    sample: float = Field(default=0.0, ge=0, le=1)
    max_changed: float = Field(default=0.1, ge=0, le=1)


class Thresholds(Section):
    """Numbers that decide; None means: what the backend recommends."""

    filter_score: float | None = Field(default=None, ge=0, le=1)
    label_score: float | None = Field(default=None, ge=0, le=1)
    verify_score: float | None = Field(default=None, ge=0, le=1)
    nms_iou: float = Field(default=0.5, gt=0, le=1)
    crop_padding: float | None = Field(default=None, ge=0, le=5)
    min_side: int = Field(default=32, ge=1)
    max_pixels: int = Field(default=100_000_000, ge=1)
    max_bytes: int = Field(default=100_000_000, ge=1)
    max_error_rate: float = Field(default=0.05, ge=0, le=1)
    min_yes_rate: float = Field(default=0.5, ge=0, le=1)


class Splits(Section):
    """Shares of the data set, by image group; they are scaled to sum to one."""

    train: float = Field(default=0.8, ge=0)
    val: float = Field(default=0.1, ge=0)
    test: float = Field(default=0.1, ge=0)
    seed: int = 0
    duplicate_radius: int = Field(default=6, ge=0, le=32)

    @model_validator(mode="after")
    def _check(self) -> Splits:
        if self.train + self.val + self.test <= 0:
            raise ValueError("train, val and test are all 0; give at least one of them a share")
        return self

    def shares(self) -> dict[str, float]:
        """Split name → share, summing to 1, splits without a share left out."""
        total = self.train + self.val + self.test
        every = {"train": self.train, "val": self.val, "test": self.test}
        return {name: share / total for name, share in every.items() if share > 0}
