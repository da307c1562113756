"""A wheel as `maturin` lays it out, around an executable that is there already.

A release build takes longer than every test together; what the package does is the same with any
executable.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "python"


def version() -> str:
    """The version of the workspace."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def build(executable: Path, folder: Path) -> Path:
    """Writes the wheel to a folder; gives its path."""
    stripped = folder / "strataql"
    strip = shutil.which("strip")
    if strip is None or subprocess.run([strip, "-o", stripped, executable], check=False).returncode != 0:
        shutil.copy(executable, stripped)
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    name = f"strataql-{version()}"
    wheel = folder / f"{name}-py3-none-{platform}.whl"
    optional = re.findall(r"^(\w+) = \[([^\]]*)\]$", (PACKAGE / "pyproject.toml").read_text(), re.MULTILINE)
    metadata = ["Metadata-Version: 2.1", "Name: strataql", f"Version: {version()}", "Requires-Python: >=3.10"]
    for extra, packages in optional:
        if extra in ("arrow", "pandas", "polars", "jupyter"):
            metadata.append(f"Provides-Extra: {extra}")
            wanted = re.findall(r'"([^"]+)"', packages)
            metadata += [f"Requires-Dist: {one}; extra == '{extra}'" for one in wanted]
    files = {f"strataql/{path.name}": path.read_bytes() for path in sorted((PACKAGE / "strataql").glob("*.py*")) if path.is_file()}
    files[f"{name}.data/scripts/strataql"] = stripped.read_bytes()
    files[f"{name}.dist-info/METADATA"] = "\n".join(metadata).encode() + b"\n"
    files[f"{name}.dist-info/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: py3-none-{platform}\n".encode()
    )
    record = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(data)}")
        record.append(f"{name}.dist-info/RECORD,,")
        archive.writestr(f"{name}.dist-info/RECORD", "\n".join(record) + "\n")
    stripped.unlink()
    return wheel
