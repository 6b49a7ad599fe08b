"""intact.py FOLDER: are the packages in this site-packages, byte for byte, what their wheels brought? Exit 0 or 1.

Each wheel's RECORD has the SHA-256 of its files (https://packaging.python.org/specifications/recording-installed-packages).
"""

import base64
import hashlib
import sys
from importlib.metadata import distributions
from pathlib import Path

folder = Path(sys.argv[1]).resolve()
for distribution in distributions(path=[str(folder)]):
    for file in distribution.files or ():
        path = Path(str(file.locate())).resolve()
        if file.hash is None or folder not in path.parents:
            continue  # what was compiled here, and scripts, which are not copied
        digest = hashlib.new(file.hash.mode, path.read_bytes() if path.is_file() else b"").digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            sys.exit(f"{path} is not what {distribution.name} brought")
