"""Where the cluster keeps what, its addresses, and the configuration of each of its programs."""

from __future__ import annotations

import json
import os
import pathlib
import secrets

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = pathlib.Path(os.environ.get("BUNKER_E2E_FOLDER", ROOT / "build" / "e2e" / "cluster"))
LOGS = ROOT / "build" / "logs" / "cluster"

NODE_NAME = "node"
NODE_ADDRESS = "172.31.255.1"
API_SERVER = f"https://{NODE_ADDRESS}:6443"
SERVICE_RANGE, DNS_ADDRESS = "10.96.0.0/16", "10.96.0.10"
POD_RANGE = "10.244.0.0/24"
DOMAIN = "cluster.local"

PAUSE_IMAGE = "bunker.test/pause:1"
COREDNS_IMAGE = "bunker.test/coredns:1"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"

# user -> groups; the control plane's own names, to which Kubernetes binds its built-in roles.
USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "system:kube-proxy": "",
    f"system:node:{NODE_NAME}": "system:nodes",
}


def cgroup(folder: pathlib.Path) -> str:
    """The cgroup under which the pods of the cluster in `folder` are; clusters never share one."""
    return "bunker-e2e-" + folder.name


def write(path: pathlib.Path, content: str | dict, mode: int = 0o600) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, mode)) as file:
        file.write(content if isinstance(content, str) else json.dumps(content, indent=1))
    return path


def write_tokens(folder: pathlib.Path) -> dict[str, str]:
    """Writes the API server's token file; returns user -> token."""
    tokens = {user: secrets.token_hex(24) for user in USERS}
    write(folder / "tokens.csv", "".join(
        f'{tokens[user]},{user},{user},"{groups}"\n' for user, groups in USERS.items()))
    return tokens


def write_kubeconfig(folder: pathlib.Path, file: str, user: str, token: str) -> pathlib.Path:
    # kubeconfig is YAML, and so is JSON.
    return write(folder / file, {
        "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
        "clusters": [{"name": "e2e", "cluster": {
            "server": API_SERVER, "certificate-authority": str(folder / "certs/apiserver.crt")}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": user}}],
    })


def write_kubelet_config(folder: pathlib.Path) -> pathlib.Path:
    # Anonymous and AlwaysAllow: the port is reachable from inside the cluster's namespaces only.
    return write(folder / "kubelet.json", {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs", "cgroupRoot": "/" + cgroup(folder), "failCgroupV1": False,
        "failSwapOn": False, "enforceNodeAllocatable": [], "evictionHard": {},
        "localStorageCapacityIsolation": False,
        "resolvConf": "/dev/null", "clusterDNS": [DNS_ADDRESS], "clusterDomain": DOMAIN,
        "containerRuntimeEndpoint": "unix://" + CONTAINERD_SOCKET,
        "volumePluginDir": str(folder / "plugins"), "podLogsDir": str(folder / "pod-logs"),
        "registerNode": True, "serializeImagePulls": False,
        # A test must not wait for a minute to see a new Secret in a pod.
        "configMapAndSecretChangeDetectionStrategy": "Watch", "syncFrequency": "5s",
    })


def write_containerd_config(folder: pathlib.Path) -> pathlib.Path:
    write(folder / "cni/net.conflist", {
        "cniVersion": "0.4.0", "name": "pods", "plugins": [
            {"type": "bridge", "bridge": "pods0", "isGateway": True, "ipMasq": True,
             "hairpinMode": True,
             "ipam": {"type": "host-local", "ranges": [[{"subnet": POD_RANGE}]],
                      "routes": [{"dst": "0.0.0.0/0"}]}},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ]})
    return write(folder / "containerd.toml", f"""
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
""")
