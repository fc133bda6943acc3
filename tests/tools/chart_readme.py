"""Makes charts/bunker/README.md of Chart.yaml and values.yaml, whose comments are the texts.

Usage: chart_readme.py [--check]   with --check nothing is written; 1: it is not what it should be.
"""

from __future__ import annotations

import pathlib
import re
import sys

CHART = pathlib.Path(__file__).resolve().parents[2] / "charts/bunker"
LINE = re.compile(r"^( *)([A-Za-z][\w-]*):\s*(.*)$")

HEAD = """# bunker

{description}.

<!-- Made of values.yaml by tests/tools/chart_readme.py; do not edit. -->

    helm install bunker charts/bunker --namespace bunker --create-namespace

Then follow what it prints, or apply one of `deploy/samples`. Needs Kubernetes {kube}.

- The CRDs are templates, so `helm upgrade` upgrades them; with `crds.keep` they and all Registries
  stay when the chart is uninstalled. Uninstalling never deletes an image.
- No value holds a secret, and no template makes one up: keys of buckets are in Secrets that a
  Registry names, all else the operator makes once.
- `helm test` asks whether the operator is there and its resources are known.
- The pods pass the restricted profile of Kubernetes' pod security.

## Values

| value | default | meaning |
|---|---|---|
"""


def chart_field(name: str) -> str:
    match = re.search(rf'^{name}: "?(.*?)"?$', (CHART / "Chart.yaml").read_text(), re.MULTILINE)
    if not match:
        raise SystemExit(f"Chart.yaml has no {name}")
    return match[1]


def values() -> list[tuple[str, str, str]]:
    """Every value that has a comment, as (path, default, text); what is below it is its default."""
    out: list[tuple[str, str, str]] = []
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    nested: tuple[int, list[str]] | None = None
    for line in (CHART / "values.yaml").read_text().splitlines():
        stripped = line.strip()
        if not stripped:
            comment = []
            nested = None
            continue
        if stripped.startswith("#"):
            comment.append(stripped.lstrip("# "))
            nested = None
            continue
        match = LINE.match(line)
        if not match:
            raise SystemExit(f"values.yaml: not understood: {line}")
        depth, key, default = len(match[1]), match[2], match[3]
        if nested and depth > nested[0]:
            nested[1].append(f"{key}: {default}" if default else f"{key}:")
            name, _, text = out[-1]
            out[-1] = (name, " ".join(nested[1]), text)
            continue
        nested = None
        path = [step for step in path if step[0] < depth] + [(depth, key)]
        name = ".".join(step for _, step in path)
        if comment and not (default == "" and name == "images"):
            out.append((name, default, " ".join(comment)))
            if not default:
                nested = (depth, [])
        elif default:
            raise SystemExit(f"values.yaml: {name} has no comment")
        comment = []
    return out


def readme() -> str:
    text = HEAD.format(description=chart_field("description"),
                       kube=chart_field("kubeVersion").removesuffix("-0").replace(">=", ">= "))
    for name, default, meaning in values():
        text += f"| `{name}` | `{default}` | {meaning} |\n"
    return text


def main() -> int:
    target = CHART / "README.md"
    if "--check" in sys.argv[1:]:
        if target.read_text(encoding="utf-8") == readme():
            return 0
        print("charts/bunker/README.md is not what values.yaml says: run chart_readme.py")
        return 1
    target.write_text(readme(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
