import os

URL = os.environ.get("REDIS_URI", "redis://localhost")
class Settings:
    cache_size: int = 1
SIZES = os.environ["CACHE_SIZES"]
