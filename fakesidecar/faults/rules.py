"""Which calls something happens to: rules as frozen dataclasses, and as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING, Any

from fakesidecar.call import values_at
from fakesidecar.faults import toward_app
from fakesidecar.faults.effects import KINDS, Effect

if TYPE_CHECKING:
    from fakesidecar.call import Call

ANY = "*"
_MAGIC = re.compile(r"[*?\[]")


class BadPlan(ValueError):
    """A plan that says nothing that could happen."""


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def fits(glob: str, text: str) -> bool:
    """Whether a text is as a glob says (`*`, `?`, `[…]`); any case of letters matters."""
    return glob in (ANY, text) or (is_glob(glob) and _pattern(glob).match(text) is not None)


def is_glob(text: str) -> bool:
    """Whether a text stands for more than itself."""
    return _MAGIC.search(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Calls, which of them, and what happens. Texts are globs."""

    call: str = ANY
    """`state.save`, `state.*`, `*`."""
    component: str = ANY
    target: str = ANY
    """The key, topic, app, actor, …; of a call with many, one of them is enough."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Fields of the request by their paths: `{"states.metadata.ttlInSeconds": "60"}`."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the caller sent besides: `{"user-agent": "*python*"}`; names in lower case."""
    protocol: str = ANY
    """`grpc` or `http`."""

    nth: int | None = None
    """The nth such call alone; the first is 1."""
    every: int | None = None
    """Every nth such call."""
    first: int | None = None
    """The first n such calls alone."""
    after: int | None = None
    """Only such calls as come after the first n."""
    times: int | None = None
    """So many times at most."""
    probability: float = 1.0
    seed: int | None = None
    """What chance is drawn from; without one, the sidecar's own randomness draws one."""
    since: float = 0.0
    until: float | None = None
    """Seconds on the clock after the rule was added: from then on, and until then."""

    effects: tuple[Effect, ...] = ()
    """What happens, outermost first."""

    def __post_init__(self) -> None:
        for name in ("nth", "every", "first", "after", "times"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise BadPlan(f"{name} is a number from 1 on: {value!r}")
        if not 0 <= self.probability <= 1:
            raise BadPlan(f"a probability is between 0 and 1: {self.probability!r}")
        if self.until is not None and self.until <= self.since:
            raise BadPlan(f"nothing is between {self.since} and {self.until}")
        if self.effects and self.protocol != ANY and self.protocol not in self.protocols:
            raise BadPlan(f"{self.effects[0].kind} cannot happen to a call over {self.protocol}")
        if self.effects and not self.protocols:
            raise BadPlan(f"no call can have all of {', '.join(effect.kind for effect in self.effects)}")
        if self.means_app and (others := [one.kind for one in self.effects if type(one) not in toward_app.STEPS]):
            raise BadPlan(f"{' and '.join(others)} cannot happen to a call that the sidecar makes to its application")

    @property
    def means_app(self) -> bool:
        """Whether it is about calls of the sidecar to its application: such a rule says so."""
        return self.call.startswith(f"{toward_app.BLOCK}.")

    @property
    def protocols(self) -> frozenset[str]:
        """The doors whose calls all of its effects can happen to."""
        found = frozenset({"grpc", "http"})
        for effect in self.effects:
            found &= effect.protocols
        return found

    def suits(self, call: Call) -> bool:
        """Whether all of its effects can happen to such a call."""
        return all(effect.suits(call) for effect in self.effects)

    @property
    def waits(self) -> bool:
        """Whether any effect may take its time."""
        return any(effect.waits for effect in self.effects)

    def covers(self, block: str, operation: str) -> bool:
        """Whether it is about calls of that name; `*` means neither the sidecar's own controls nor calls it makes."""
        return (
            block != "control"
            and self.means_app == (block == toward_app.BLOCK)
            and fits(self.call, f"{block}.{operation}")
        )

    def differences(self, call: Call) -> Iterator[str]:
        """Why a call is not meant; nothing when it is."""
        if not self.covers(call.block, call.operation):
            yield f"it is {call.name}, not {self.call}"
        if not fits(self.component, call.component):
            yield f"its component is {call.component!r}, not {self.component!r}"
        if self.target != ANY and not any(fits(self.target, target) for target in call.targets):
            yield f"its target is {' or '.join(map(repr, call.targets))}, not {self.target!r}"
        if not fits(self.protocol, call.protocol):
            yield f"it came over {call.protocol}, not {self.protocol}"
        elif not self.suits(call):
            what = " and ".join(effect.kind for effect in self.effects if not effect.suits(call))
            kind = "a stream" if call.streaming else "a call"
            yield f"{what} cannot happen to {kind} of {call.block} over {call.protocol}"
        yield from self.other_differences(call)

    def other_differences(self, call: Call) -> Iterator[str]:
        """Why a call is not meant, besides its name, component, target and protocol."""
        for name, glob in self.metadata.items():
            if not fits(glob, found := call.metadata.get(name, "")):
                yield f"its metadata {name} is {found!r}, not {glob!r}"
        if self.where:
            arguments = call.arguments
            for path, glob in self.where.items():
                values = [as_text(value) for value in values_at(arguments, path.split("."))]
                if not any(fits(glob, value) for value in values):
                    yield f"its {path} is {' or '.join(map(repr, values)) or 'not given'}, not {glob!r}"


def as_text(value: Any) -> str:
    """A value of a request as globs see it."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


# --- JSON ---------------------------------------------------------------------------------------------------------


def given(thing: Rule | Effect) -> dict[str, Any]:
    """The fields that say something, by name."""
    empty = type(thing)()
    return {
        one.name: value
        for one in fields(thing)  # type: ignore[arg-type]  # every effect is a dataclass
        if one.name != "effects" and (value := getattr(thing, one.name)) != getattr(empty, one.name)
    }


def to_json(rule: Rule) -> dict[str, Any]:
    """A rule as JSON values: what is not said is left out."""
    effects = [{"kind": effect.kind, **_plain(given(effect))} for effect in rule.effects]
    return {"call": rule.call, **_plain(given(rule)), "effects": effects}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def from_json(value: Any) -> Rule:
    """A rule from JSON values; raises `BadPlan`, with the reason, for what is none."""
    if not isinstance(value, dict):
        raise BadPlan(f"a rule is an object: {value!r}")
    effects = value.get("effects", ())
    if not isinstance(effects, Sequence) or isinstance(effects, str) or not effects:
        raise BadPlan(f"a rule has effects, a list of what happens: {effects!r}")
    rest = {name: item for name, item in value.items() if name != "effects"}
    rule: Rule = _made(Rule, rest | {"effects": tuple(map(_effect, effects))}, "a rule")
    return rule


def _effect(value: Any) -> Effect:
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise BadPlan(f"an effect has a kind ({', '.join(KINDS)}): {value!r}")
    rest = {name: tuple(item) if isinstance(item, list) else item for name, item in value.items() if name != "kind"}
    effect: Effect = _made(KINDS[value["kind"]], rest, value["kind"])
    return effect


KINDS_OF_VALUES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "None": (type(None),),
    "Mapping[str, str]": (dict,),
    "tuple[Mapping[str, Any], ...]": (tuple,),
    "tuple[Effect, ...]": (tuple,),
    "Any": (object,),
}
"""What may stand for a field in JSON, by the parts of its type."""


def _made(kind: type[Any], values: Mapping[str, Any], what: str) -> Any:
    known = {one.name: str(one.type) for one in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise BadPlan(f"{what} has no {name!r} ({', '.join(known) or 'it has nothing to say'})")
        accepted = tuple(one for part in known[name].split(" | ") for one in KINDS_OF_VALUES[part])
        if not isinstance(value, accepted) or (
            isinstance(value, bool) and bool not in accepted and known[name] != "Any"
        ):
            raise BadPlan(f"{name} of {what} cannot be {value!r}")
    try:
        return kind(**values)
    except BadPlan:
        raise
    except (TypeError, ValueError) as error:
        raise BadPlan(f"{what}: {error}") from error
