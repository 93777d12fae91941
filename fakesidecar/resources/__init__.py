"""Resources: what YAML files (or Python) declare, as frozen dataclasses.

    load(options)                                    # the folders that the options name
    load(options, [Component("store", "state.in-memory"), Path("more"), "apiVersion: …"])
"""

from fakesidecar.resources.component import Component, SecretRef
from fakesidecar.resources.configuration import Configuration
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.http_endpoint import HttpEndpoint
from fakesidecar.resources.load import Resources, load
from fakesidecar.resources.resiliency import Resiliency
from fakesidecar.resources.subscription import Subscription

__all__ = [
    "Component",
    "Configuration",
    "HttpEndpoint",
    "Resiliency",
    "Resources",
    "SecretRef",
    "StartupError",
    "Subscription",
    "load",
]
