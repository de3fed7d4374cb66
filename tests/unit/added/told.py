"""Prints what a tree makes of its settings, as JSON; run with that tree first in the path."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

from xnai.memory.files import SYSCTL_CONF, rendered
from xnai.preflight.wanted import wanted
from xnai.programs.backup.bundle import make_spec
from xnai.settings import layers
from xnai.settings.page import defaults_file, reference_page
from xnai.stack.catalogue import SCHEMA, build_inputs, derive, dockerfiles
from xnai.stack.plan import plan
from xnai.stack.status import rows

changes = json.loads(sys.argv[2])
shipped = {
    name: value for name, value in runpy.run_path(f"{sys.argv[1]}/group_data/all.py").items()
    if not name.startswith("__")
}
checked, problems = SCHEMA.check([layers.Layer("--data", shipped | changes)])
if problems:
    print(json.dumps({"problems": problems}))
    sys.exit()
settings = derive(checked, 16 << 20, "UTC")
stack = plan(settings, build_inputs(settings))
asked = wanted(settings)
backup = make_spec(settings, stack, "make", "")
declarations = SCHEMA.declarations.values()
print(json.dumps({
    "from": str(Path(sys.modules["xnai"].__file__ or "").parents[1]),
    "compose": stack.files[""].text,
    "dockerfile": dockerfiles(settings).get("Dockerfile.notes", ""),
    "sysctl.d": rendered(settings, "zstd")[SYSCTL_CONF],
    "ports": {str(port): name for port, name in asked.ports.items()},
    "limits": asked.limits_and_swap_mib,
    "sysctls": asked.setting_names,
    "volumes": {v: owner for part in backup.parts for v, owner in part.volumes.items()},
    "secrets": backup.secrets,
    "status": [row["url"] for row in rows(stack.services, {})],
    "all.py": defaults_file(declarations),
    "reference": reference_page(declarations),
}))
