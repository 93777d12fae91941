"""The client as it is written: async. The sync one is generated from it, by `tools/async_to_sync.py`."""
