"""`secretstores.local.env`: the variables of the environment."""

from __future__ import annotations

from collections.abc import Mapping

from fakesidecar.components.registry import component
from fakesidecar.components.secrets import Secret, SecretStore


@component("secretstores.local.env")
class LocalEnvironment(SecretStore):
    """Environment variables, without those that are Dapr's own."""

    @property
    def prefix(self) -> str:
        """What every name begins with."""
        return self.spec.setting("prefix")

    def get(self, name: str, metadata: Mapping[str, str]) -> Secret | None:
        full = self.prefix + name
        return {name: self.around.environment.get(full, "") if allowed(full) else ""}

    def bulk_get(self, metadata: Mapping[str, str]) -> Mapping[str, Secret]:
        names = (full for full in self.around.environment if full.startswith(self.prefix) and allowed(full))
        return {
            (name := full.removeprefix(self.prefix)): {name: self.around.environment[full]} for full in sorted(names)
        }


def allowed(name: str) -> bool:
    """Whether a variable may be told (components-contrib secretstores/local/env, isKeyAllowed)."""
    upper = name.upper()
    return upper != "APP_API_TOKEN" and not upper.startswith("DAPR_")
