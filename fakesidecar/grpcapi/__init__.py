"""The gRPC door: one module per building block, each a list of small functions that unpack, call the core, pack.

    @serves("TryLockAlpha1", "lock.try_lock", component="store_name", target="resource_id")
    def try_lock(core: Core, request: pb.TryLockRequest, context: Context) -> pb.TryLockResponse: ...

`server.py` puts them on a port, the in-process transport calls them directly: both go through `api.py`.
"""
