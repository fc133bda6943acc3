"""The first process of the cluster's namespaces: brings the node up, then watches over it.

Usage (from `outside.up` alone): python3 -m tests.e2e.cluster.node FOLDER
Writes FOLDER/ready when pods can run. Ends on SIGTERM, and everything with it.
"""

from __future__ import annotations

import os
import pathlib
import signal
import ssl
import subprocess
import sys
import urllib.request

from tests.e2e.cluster import addons, settings
from tests.e2e.cluster.supervisor import Supervisor
from tests.support import parts


def set_up_mounts(folder: pathlib.Path) -> None:
    """/run is empty and private; what is written to /etc and /var is seen in here only."""
    parts.run("mount", "--make-rshared", "/")
    parts.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for path in ("/run/netns", "/run/lock"):
        os.mkdir(path)
    private = folder / "private"
    private.mkdir()
    parts.run("mount", "-t", "tmpfs", "tmpfs", str(private))
    for path in ("etc", "var"):
        upper, work = private / path, private / f"{path}.work"
        upper.mkdir()
        work.mkdir()
        parts.run("mount", "-t", "overlay", "overlay", "-o",
                  f"lowerdir=/{path},upperdir={upper},workdir={work}", f"/{path}")
    resolver = pathlib.Path("/etc/resolv.conf")
    resolver.unlink(missing_ok=True)
    resolver.write_text(f"nameserver {settings.DNS_ADDRESS}\nsearch svc.{settings.DOMAIN}\n")
    with open("/etc/hosts", "a", encoding="utf-8") as hosts:
        hosts.write(f"{settings.NODE_ADDRESS} {settings.NODE_NAME}\n")


def set_up_network() -> None:
    parts.run("hostname", settings.NODE_NAME)
    for command in (
            "link set lo up",
            "link add node0 type bridge",
            f"address add {settings.NODE_ADDRESS}/32 dev node0",
            "link set node0 up",
            # Service addresses need a route before iptables can turn them into a pod's.
            f"route add default dev node0 src {settings.NODE_ADDRESS}"):
        parts.run("ip", *command.split())
    for name in ("ip_forward", "conf/all/route_localnet"):
        pathlib.Path("/proc/sys/net/ipv4", name).write_text("1")


def start_api_server(node: Supervisor, folder: pathlib.Path, tokens: dict[str, str]) -> None:
    key = folder / "service-accounts.key"
    parts.run("openssl", "genrsa", "-out", str(key), "2048")
    # Debian's etcd has no switch for fsync; its data is in memory instead.
    node.start("etcd", [parts.program("etcd"), "--data-dir", str(folder / "private/etcd"),
                        "--listen-peer-urls", "http://127.0.0.1:2380"])
    node.start("kube-apiserver", [
        parts.program("kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379",
        "--secure-port=6443", f"--bind-address={settings.NODE_ADDRESS}",
        f"--advertise-address={settings.NODE_ADDRESS}", f"--cert-dir={folder}/certs",
        f"--service-account-issuer=https://kubernetes.default.svc.{settings.DOMAIN}",
        f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
        "--authorization-mode=Node,RBAC", f"--token-auth-file={folder}/tokens.csv",
        f"--service-cluster-ip-range={settings.SERVICE_RANGE}", "--allow-privileged",
        "--kubelet-preferred-address-types=InternalIP"])

    def answers() -> bool:
        node.check()
        request = urllib.request.Request(settings.API_SERVER + "/readyz",
                                         headers={"Authorization": "Bearer " + tokens["admin"]})
        try:
            context = ssl._create_unverified_context()  # its certificate is its own and new
            return urllib.request.urlopen(request, timeout=5, context=context).status == 200
        except OSError:
            return False

    parts.wait_until(answers, 90, "the API server is ready", interval=0.1)


def start_runtime(node: Supervisor, folder: pathlib.Path) -> None:
    config = settings.write_containerd_config(folder)
    node.start("containerd", [parts.program("containerd"), "--config", str(config)])

    def answers() -> bool:
        node.check()
        return parts.execute("ctr", "version").returncode == 0

    parts.wait_until(answers, 60, "containerd answers", interval=0.2)
    for image in addons.make_images(folder):
        parts.run("ctr", "-n", "k8s.io", "image", "import", str(image))


def start_kubernetes(node: Supervisor, folder: pathlib.Path, tokens: dict[str, str]) -> None:
    def kubeconfig(name: str, user: str) -> str:
        file = settings.write_kubeconfig(folder, f"{name}.kubeconfig", user, tokens[user])
        return f"--kubeconfig={file}"

    node.start("kube-controller-manager", [
        parts.program("kube-controller-manager"),
        kubeconfig("kube-controller-manager", "system:kube-controller-manager"),
        f"--service-account-private-key-file={folder}/service-accounts.key",
        f"--root-ca-file={folder}/certs/apiserver.crt", "--use-service-account-credentials",
        "--leader-elect=false"])
    node.start("kube-scheduler", [
        parts.program("kube-scheduler"), kubeconfig("kube-scheduler", "system:kube-scheduler"),
        "--leader-elect=false"])
    node.start("kubelet", [
        parts.program("kubelet"), kubeconfig("kubelet", f"system:node:{settings.NODE_NAME}"),
        f"--config={settings.write_kubelet_config(folder)}", f"--root-dir={folder}/kubelet",
        f"--hostname-override={settings.NODE_NAME}", f"--node-ip={settings.NODE_ADDRESS}"])
    node.start("kube-proxy", [
        parts.program("kube-proxy"), kubeconfig("kube-proxy", "system:kube-proxy"),
        f"--cluster-cidr={settings.POD_RANGE}", f"--hostname-override={settings.NODE_NAME}",
        "--proxy-mode=iptables", "--conntrack-max-per-core=0"])


def wait_for_pods(node: Supervisor, folder: pathlib.Path) -> None:
    def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
        node.check()
        return parts.execute("kubectl", f"--kubeconfig={folder}/kubeconfig", *arguments)

    manifests = settings.write(folder / "addons.json", addons.manifests())
    parts.wait_until(lambda: kubectl("apply", "-f", str(manifests)).returncode == 0, 30,
                     "CoreDNS is applied", interval=0.5)
    parts.wait_until(lambda: kubectl("wait", "--for=condition=Ready", "node", settings.NODE_NAME,
                                     "--timeout=10s").returncode == 0, 90, "the node is ready",
                     interval=0.5)
    parts.wait_until(lambda: kubectl("-n", "kube-system", "rollout", "status", "deploy/coredns",
                                     "--timeout=10s").returncode == 0, 90, "CoreDNS runs",
                     interval=0.5)


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    node = Supervisor(settings.LOGS)
    set_up_mounts(folder)
    set_up_network()
    tokens = settings.write_tokens(folder)
    settings.write_kubeconfig(folder, "kubeconfig", "admin", tokens["admin"])
    start_api_server(node, folder, tokens)
    start_runtime(node, folder)
    start_kubernetes(node, folder, tokens)
    wait_for_pods(node, folder)
    (folder / "ready").touch()
    node.run()


if __name__ == "__main__":
    main()
