import os

URL = os.environ.get("REDIS_URI", "redis://localhost")
