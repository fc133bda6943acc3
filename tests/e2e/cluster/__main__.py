"""python3 -m tests.e2e.cluster check|up|down|kubeconfig|exec COMMAND …; see the package."""

from __future__ import annotations

import argparse
import sys
import time

from tests.e2e.cluster import outside, settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e.cluster")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("check", help="say what keeps this machine from having one, if anything")
    actions.add_parser("up", help="start the cluster, wait until pods can run")
    actions.add_parser("down", help="end it, leave nothing")
    actions.add_parser("kubeconfig", help="print the path of its kubeconfig")
    execute = actions.add_parser("exec", help="run a command in the cluster's namespaces")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    try:
        if arguments.action == "check":
            if found := outside.obstacles():
                raise RuntimeError("\n".join(found))
        elif arguments.action == "up":
            started = time.monotonic()
            outside.up()
            print(f"Kubernetes is up after {time.monotonic() - started:.0f} s; "
                  "try: python3 -m tests.e2e.cluster exec kubectl get pods --all-namespaces")
        elif arguments.action == "down":
            outside.down()
        elif arguments.action == "kubeconfig":
            print(settings.FOLDER / "kubeconfig")
        else:
            return outside.execute(arguments.command)
    except (RuntimeError, AssertionError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
