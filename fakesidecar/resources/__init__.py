"""Resources: what YAML files (or Python) declare, as frozen dataclasses."""
