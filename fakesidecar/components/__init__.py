"""The components: one file each, named as Dapr names the type (`state.redis` is `state/redis.py`)."""
