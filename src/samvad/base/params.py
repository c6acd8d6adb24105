"""How a setting is declared: once, typed, with unit, bounds, default and a text.

A section is a frozen dataclass whose fields are made by `param(...)`. From that one
declaration come the defaults, the commented TOML file, the environment variables
(`SAMVAD_<SECTION>_<NAME>`), the checks, and docs/reference/settings.md.
"""

import dataclasses
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from samvad.base.errors import PlainError

S = TypeVar("S")


class SettingError(PlainError):
    """A setting that cannot be used. Names the setting and what it may be."""


@dataclass(frozen=True)
class Form:
    """A form that text may have to have: in words, and the test. The default always fits."""

    words: str
    fits: Callable[[str], bool]


@dataclass(frozen=True)
class Param:
    """What is known about one setting besides its type and default."""

    text: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    form: Form | None = None

    def bounds(self) -> str:
        """The allowed values in words, for messages and the reference."""
        if self.form is not None:
            return self.form.words
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"at least {self.low:g}"
        if self.high is not None:
            return f"at most {self.high:g}"
        return ""


def param(
    default: Any,
    text: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    form: Form | None = None,
) -> Any:
    """Declare one setting of a section. `default` also gives the type (bool, int, float, str)."""
    about = Param(text=text, unit=unit, low=low, high=high, choices=choices, form=form)
    return field(default=default, metadata={"param": about})


def declared(section: type) -> list[tuple[str, Param, Any]]:
    """(name, Param, default) of each setting of a section, in the order of declaration."""
    return [
        (f.name, cast(Param, f.metadata["param"]), f.default)
        for f in fields(section)
        if "param" in f.metadata and f.default is not MISSING
    ]


def names(cls: type) -> dict[str, list[str]]:
    """Section → its settings, for a dataclass of sections."""
    return {f.name: [n for n, _, _ in declared(cast(type, f.type))] for f in fields(cls)}


def _typed(label: str, about: Param, default: Any, raw: Any) -> Any:
    """`raw` (from TOML, the environment, the command line) as `default`'s type; SettingError."""
    kind = type(default)
    wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind]

    def refuse() -> SettingError:
        limits = ", ".join(x for x in (about.bounds(), about.unit) if x)
        return SettingError(
            f"The setting {label} is {raw!r}, which does not fit.",
            f"It takes {wanted}{f' ({limits})' if limits else ''}.",
        )

    value: Any = raw
    try:
        if kind is bool:
            if isinstance(raw, str):
                value = {
                    "true": True,
                    "1": True,
                    "yes": True,
                    "false": False,
                    "0": False,
                    "no": False,
                }[raw.strip().lower()]
            elif not isinstance(raw, bool):
                raise refuse()
        elif isinstance(raw, bool) or not isinstance(raw, int | float | str):
            raise refuse()
        elif kind is str:
            if not isinstance(raw, str):
                raise refuse()
        elif kind is int:
            value = int(raw) if isinstance(raw, int | str) else raw
            if not isinstance(value, int):
                raise refuse()
        else:
            value = float(raw)
    except (ValueError, KeyError):
        raise refuse() from None
    if about.choices and value not in about.choices:
        raise refuse()
    if about.form is not None and value != default and not about.form.fits(value):
        raise refuse()
    if kind in (int, float):
        # The comparison is written so that NaN fails it.
        if about.low is not None and not value >= about.low:
            raise refuse()
        if about.high is not None and not value <= about.high:
            raise refuse()
    return value


def read_toml(path: Path) -> dict[str, dict[str, Any]]:
    """The sections of a settings file; an absent file has none. Raises SettingError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"The settings file {path} cannot be read: {error}.") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"The settings file {path} is not valid TOML: {error}.") from None
    for name, value in data.items():
        if not isinstance(value, dict):
            raise SettingError(
                f"The settings file {path} has {name!r} outside a section.",
                "Each setting stands under its [section].",
            )
    return data


def build(
    cls: type[S],
    toml: Mapping[str, Mapping[str, Any]],
    env: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
) -> S:
    """Fill a dataclass of sections from, weakest first: defaults, TOML, environment, overrides.

    `overrides` holds "section.name" keys (from the command line). An unknown section or
    name is refused, so that a misspelt setting is not silently ignored.
    """
    overrides = overrides or {}
    sections = {f.name: cast(type, f.type) for f in fields(cast(Any, cls))}
    known = {f"{s}.{name}" for s, kind in sections.items() for name, _, _ in declared(kind)}
    asked = {f"{s}.{name}" for s, values in toml.items() for name in values} | set(overrides)
    for label in sorted(asked - known):
        near = ", ".join(sorted(k for k in known if k.split(".")[0] == label.split(".")[0]))
        raise SettingError(f"There is no setting {label}.", f"Known here: {near}." if near else "")

    def section(name: str, kind: type) -> Any:
        values = {}
        for key, about, default in declared(kind):
            label, variable = f"{name}.{key}", f"SAMVAD_{name}_{key}".upper()
            raw, source = default, label
            if key in toml.get(name, {}):
                raw = toml[name][key]
            if variable in env:
                raw, source = env[variable], f"{label} (from {variable})"
            if overrides.get(label) is not None:
                raw, source = overrides[label], label
            values[key] = _typed(source, about, default, raw)
        return kind(**values)

    return cls(**{name: section(name, kind) for name, kind in sections.items()})


def as_toml(cls: type) -> str:
    """A settings file in which every setting stands commented out at its default."""
    lines = [
        "# Samvad's settings. Every line that starts with '#' shows a default.",
        "# Environment variables win over this file: [gate] port is SAMVAD_GATE_PORT.",
        "",
    ]
    for f in fields(cls):
        lines.append(f"[{f.name}]")
        for name, about, default in declared(cast(type, f.type)):
            limits = ", ".join(x for x in (about.unit, about.bounds()) if x)
            lines += [
                f"# {about.text}" + (f" ({limits})" if limits else ""),
                f"# {name} = {shown(default)}",
                "",
            ]
    return "\n".join(lines)


def as_markdown(cls: type) -> str:
    """docs/reference/settings.md."""
    out = ["# Settings", "", "Generated by `samvad settings --markdown`; do not edit.", ""]
    for f in fields(cls):
        kind = cast(type, f.type)
        out += [
            f"## [{f.name}]",
            "",
            (kind.__doc__ or "").strip(),
            "",
            "| setting | default | unit, bounds | environment | what it does |",
            "|---|---|---|---|---|",
        ]
        for name, about, default in declared(kind):
            limits = ", ".join(x for x in (about.unit, about.bounds()) if x)
            variable = f"SAMVAD_{f.name}_{name}".upper()
            out.append(
                f"| `{name}` | `{shown(default)}` | {limits} | `{variable}` | {about.text} |"
            )
        out.append("")
    return "\n".join(out)


def shown(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def replace(section: S, **changes: Any) -> S:
    """A copy of a section with some settings changed (for tests)."""
    return cast(S, dataclasses.replace(cast(Any, section), **changes))
