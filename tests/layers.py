#!/usr/bin/env python3
"""Fails on an #include that points upwards, on a library outside its room, and on an unnamed room.

The arrows are those of docs/architecture.md: a room may use itself and the rooms listed for it here, nothing else.
"""
import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parent.parent / "src"

MAY_USE = {
    "base": set(),
    "net": {"base"},
    "load": {"net", "base"},
    "device": {"base"},
    "cost": {"base"},
    "meter": {"base"},
    "twin": {"cost", "device", "net", "base"},
    "endpoint": {"net", "base"},
    "door": {"endpoint", "meter", "cost", "net", "base"},
    "node": {"endpoint", "device", "net", "base"},
    "messages": {"endpoint", "net", "base"},
    "model": {"base"},
    "grammar": {"model", "base"},
    "kernel": {"model", "base"},
    "engine": {"kernel", "grammar", "model", "base"},
    "gateway": {"engine", "door", "messages", "endpoint", "meter", "cost", "device", "kernel", "grammar", "model", "net", "base"},
    "app": {"gateway", "door", "messages", "load", "node", "twin", "endpoint", "meter", "cost", "device", "engine", "kernel", "grammar", "model", "net", "base"},
}

# Heavy or foreign headers stay in the room that owns them.
LIBRARY_ROOMS = {
    r"boost/(asio|beast)": {"net"},
    r"openssl/": {"net"},
    r"unicode/": {"model", "grammar"},
    r"immintrin\.h": {"kernel", "base"},
    r"CLI/": {"app"},
    r"yaml-cpp/": {"app"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def problems():
    for path in sorted(SRC.glob("*/*")):
        room = path.parent.name
        if room not in MAY_USE:
            yield f"{path}: room '{room}' has no place in the layers; add it to tests/layers.py and docs/architecture.md"
            continue
        if path.suffix not in {".h", ".cc"}:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, name = match.groups()
            target = name.split("/")[0]
            if quote == '"' and target != room and target not in MAY_USE[room]:
                yield f"{path}:{number}: {room} may not include {name}"
            for pattern, rooms in LIBRARY_ROOMS.items():
                if re.match(pattern, name) and room not in rooms:
                    yield f"{path}:{number}: only {', '.join(sorted(rooms))} may include {name}"


def main():
    found = list(problems())
    print("\n".join(found) if found else "layers: every #include points downwards")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
