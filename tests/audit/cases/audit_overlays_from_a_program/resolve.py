import pathlib

files = ["compose.base.yml", *map(str, pathlib.Path("plugins").glob("*/compose.local.yml"))]
print(" ".join(f"-f {name}" for name in files))
