"""The sync client: generated from `dapr_client/_async` by `tools/async_to_sync.py`."""
