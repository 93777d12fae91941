"""The version of the packages, as pyproject.toml says it."""

VERSION = "0.1.0"
USER_AGENT = f"dapr-client-python/{VERSION}"
