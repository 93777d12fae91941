"""The HTTP door: one module per building block, each a list of small functions from a request to a response.

    @route("POST", "/v1.0-alpha1/lock/{store}", call="lock.try_lock", component="store")
    def try_lock(core: Core, request: Request) -> Response: ...

`server.py` puts them on a port; `api.py` finds the function for a request.
"""
