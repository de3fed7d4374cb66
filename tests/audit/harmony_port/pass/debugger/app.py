import os

if os.environ.get("DEBUG"):
    import debugpy

    debugpy.listen(("127.0.0.1", 5678))
